# SPDX-License-Identifier: Apache-2.0

"""Schemas of flavors, and of the requirements that can be composed."""

from typing import Any

from valence.api.schemas import base

POSITIVE: base.Schema = {"type": "integer", "minimum": 1, "maximum": base.INTEGER_MAX}
WORD: base.Schema = {**base.NAME, "maxLength": 128}


def some(properties: base.Schema) -> base.Schema:
    """Return the schema of a requirement with at least one property."""
    return base.change(properties)


def several(item: base.Schema) -> dict[str, Any]:
    """Return the schema of a list of requirements."""
    return {"type": "array", "minItems": 1, "maxItems": 64, "items": item}


PROPERTIES = some(
    {
        "processor": some(
            {
                "total_cores": POSITIVE,
                "count": POSITIVE,
                "model": WORD,
                "instruction_set": WORD,
                "speed_mhz": POSITIVE,
            }
        ),
        "memory": some({"capacity_mib": POSITIVE, "type": WORD, "speed_mhz": POSITIVE}),
        "storage": several(
            some(
                {
                    "capacity_gib": POSITIVE,
                    "type": {"enum": ["SSD", "HDD", "NVMe"]},
                    "min_rpm": POSITIVE,
                    "interface": WORD,
                }
            )
        ),
        "network": several(
            some(
                {
                    "speed_mbps": POSITIVE,
                    "vlan": {"type": "integer", "minimum": 1, "maximum": 4094},
                }
            )
        ),
        "pci_device": several(
            some({"type": {"enum": ["FPGA", "GPU"]}, "model": WORD, "count": POSITIVE})
        ),
        "tags": {
            "type": "array",
            "minItems": 1,
            "maxItems": 64,
            "items": WORD,
            "description": "Only a pod manager that has all of these tags composes the node.",
        },
    }
)
PROPERTIES["examples"] = [
    {
        "processor": {"total_cores": 16},
        "memory": {"capacity_mib": 65536},
        "storage": [{"capacity_gib": 480, "type": "SSD"}],
        "network": [{"speed_mbps": 25000}],
    }
]

WRITABLE: base.Schema = {
    "name": base.NAME,
    "description": base.or_null(base.TEXT),
    "properties": PROPERTIES,
}

CREATE = base.request({"uuid": base.UUID, **WRITABLE}, required=("name", "properties"))

UPDATE = base.change(WRITABLE)

FLAVOR = base.thing(
    {
        "uuid": base.UUID,
        **WRITABLE,
        "created_at": base.TIME,
        "updated_at": base.or_null(base.TIME),
        "links": base.LINKS,
    }
)

FLAVORS = base.collection("flavors", FLAVOR)

LIST = base.listing({"name": base.NAME}, ("uuid", "name", "created_at"))
