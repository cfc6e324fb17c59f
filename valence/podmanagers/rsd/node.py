# SPDX-License-Identifier: Apache-2.0

"""Read a composed node of RSD, and the system and interfaces it leads to."""

import re
from typing import Any

from valence.podmanagers import base
from valence.podmanagers.redfish import messages
from valence.podmanagers.redfish import odata

#: Where a node says how far it has come; the first that says something counts.
STATES = [("ComposedNodeState",), ("Status", "State")]

#: Links of a node to what it holds, the same in no two dialects.
HELD = ("Processors", "LocalDrives", "RemoteDrives", "Storage", "Drives")

#: What is appended to the name of a property, or of a parameter, to list its values.
ALLOWABLE = "@Redfish.AllowableValues"


def state(resource: odata.JSON) -> base.State | None:
    """Give the state of a node; None when it says none that RSD has."""
    for said in states_said(resource):
        try:
            return base.State(said.lower())
        except ValueError:
            continue
    return None


def states_said(resource: odata.JSON) -> list[str]:
    """Give all that a node says of its state, as it says it."""
    said = [odata.mapping(resource, *keys[:-1]).get(keys[-1]) for keys in STATES]
    return [str(value) for value in said if value is not None]


def reason(resource: odata.JSON) -> str | None:
    """Give what a node says of its trouble: messages, or the conditions of its Status."""
    conditions = odata.mapping(resource, "Status").get("Conditions")
    if isinstance(conditions, list) and conditions:
        return messages.words({"@Message.ExtendedInfo": conditions})
    return messages.words({"@Message.ExtendedInfo": resource.get("@Message.ExtendedInfo")})


def system_path(resource: odata.JSON) -> str | None:
    """Give where the node's system is: a link up to 2.4, a list of one in 2.5."""
    return odata.first_path(odata.mapping(resource, "Links").get("ComputerSystem"))


def held(resource: odata.JSON) -> list[str]:
    """Give the paths of what a node holds besides its system."""
    links = odata.mapping(resource, "Links")
    return [path for name in HELD for path in odata.paths_of(links.get(name))]


def controls(resource: odata.JSON) -> base.Controls:
    """Give what a node lets itself be asked for."""
    boot = odata.mapping(resource, "Boot")
    return base.Controls(
        name=odata.text(resource.get("Name")),
        reset_target=odata.action_target(resource, "Reset"),
        reset_types=_words(odata.action_of(resource, "Reset").get(f"ResetType{ALLOWABLE}")),
        boot={
            name: _words(boot.get(name + ALLOWABLE))
            for name in boot
            if name.startswith("BootSourceOverride") and not name.endswith(ALLOWABLE)
        },
    )


def _words(value: Any) -> list[str] | None:
    return [str(word) for word in value] if isinstance(value, list) and value else None


def member(path: str, resource: odata.JSON) -> base.Member:
    """Give who a node is, as far as this tells."""
    name, description = odata.text(resource.get("Name")), odata.text(resource.get("Description"))
    return base.Member(path=path, name=name, description=description)


def mac(value: Any) -> str | None:
    """Write a MAC as Ironic does; None for none, and for one of zeros."""
    digits = re.sub(r"[^0-9a-f]", "", str(value or "").lower())
    if len(digits) != 12 or not digits.strip("0"):
        return None
    return ":".join(re.findall("..", digits))


def processor(system: odata.JSON, resource: odata.JSON) -> dict[str, Any]:
    """Summarize the processors: of the system, or else of the node."""
    summary = odata.mapping(system, "ProcessorSummary") or odata.mapping(resource, "Processors")
    return odata.without_unknown(
        {
            "count": odata.number(summary.get("Count")),
            "model": odata.text(summary.get("Model")),
            "cores": odata.number(summary.get("CoreCount")),
        }
    )


def memory(system: odata.JSON, resource: odata.JSON) -> dict[str, Any]:
    """Summarize the memory: of the system, or else of the node."""
    summary = odata.mapping(system, "MemorySummary") or odata.mapping(resource, "Memory")
    mib = odata.number(summary.get("TotalSystemMemoryGiB"), times=1024)
    return odata.without_unknown({"capacity_mib": mib})
