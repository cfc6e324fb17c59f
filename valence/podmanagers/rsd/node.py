# SPDX-License-Identifier: Apache-2.0

"""Read composed nodes of RSD, and the systems that they have."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from valence.podmanagers import base
from valence.podmanagers import messages
from valence.podmanagers import odata
from valence.podmanagers.identity import Facts
from valence.podmanagers.redfish import fields
from valence.podmanagers.redfish import resources
from valence.podmanagers.redfish.fields import BadValues
from valence.podmanagers.redfish.fields import Field

#: What a node is recognized by.
MEMBER = {
    "name": Field("Name", convert=fields.identity),
    "description": Field("Description", convert=fields.identity),
    "redfish_uuid": Field("UUID", convert=fields.distinct_uuid),
    # A link up to 2.4, a list of one link in 2.5.
    "system_path": Field("Links/ComputerSystem", convert=fields.link_path),
}

#: What the system of a node is recognized by.
SYSTEM_FACTS = {
    "system_uuid": Field("UUID", convert=fields.distinct_uuid),
    "serial_number": Field("SerialNumber", convert=fields.distinct_serial),
}

NODE = {
    "name": MEMBER["name"],
    "system_path": MEMBER["system_path"],
    "power_state": Field("PowerState", convert=resources.POWER_STATE),
}

POWER = {"power_state": NODE["power_state"]}

#: The processors and the memory of a node whose system does not report them.
PROCESSORS = {
    "count": Field("Processors/Count", convert=fields.number),
    "model": Field("Processors/Model"),
    "cores": Field("Processors/CoreCount", convert=fields.number),
}
MEMORY = {"capacity_mib": Field("Memory/TotalSystemMemoryGiB", convert=fields.mib_from_gib)}

#: Where a node has its state; the first of them that RSD defines counts.
STATES = (("ComposedNodeState",), ("Status", "State"))

#: Links of a node to what it holds; no two dialects have the same.
PARTS = ("Processors", "LocalDrives", "RemoteDrives", "Storage", "Drives")

#: Suffix of the name of a property, or of a parameter, for the list of its values.
ALLOWABLE = "@Redfish.AllowableValues"


def state(resource: odata.JSON) -> base.State | None:
    """Return the state of a node; None if RSD does not define it."""
    for value in raw_states(resource):
        try:
            return base.State(value.strip().lower())
        except ValueError:
            continue
    return None


def raw_states(resource: odata.JSON) -> list[str]:
    """Return the states of a node as the resource has them."""
    values = [odata.value_of(odata.mapping(resource, *keys[:-1]), keys[-1]) for keys in STATES]
    return [str(value)[: fields.MAX_LENGTH] for value in values if value is not None]


def reason(resource: odata.JSON) -> str | None:
    """Return what is wrong with a node: the conditions of its Status, or its messages."""
    conditions = odata.value_of(odata.mapping(resource, "Status"), "Conditions")
    if isinstance(conditions, list) and conditions:
        return messages.reason({"@Message.ExtendedInfo": conditions})
    return messages.reason({"@Message.ExtendedInfo": resource.get("@Message.ExtendedInfo")})


def parts(resource: odata.JSON) -> list[str]:
    """Return the paths of what a node holds besides its system."""
    links = odata.mapping(resource, "Links")
    return [path for name in PARTS for path in odata.paths_of(odata.value_of(links, name))]


def composed(
    path: str, resource: odata.JSON, system: odata.JSON, bad_values: BadValues
) -> base.ComposedNode:
    """Return a node.

    :param system: of the node; empty when it cannot be read.
    """
    values = fields.read(resource, NODE, bad_values)
    power_state = fields.read(system, POWER, bad_values)["power_state"]
    return base.ComposedNode(
        **{**values, "power_state": power_state or values["power_state"]},
        path=path,
        state=state(resource),
        reason=reason(resource),
        processor=fields.read_known(system, resources.PROCESSOR_SUMMARY, bad_values)
        or fields.read_known(resource, PROCESSORS, bad_values),
        memory=fields.read_known(system, resources.MEMORY_SUMMARY, bad_values)
        or fields.read_known(resource, MEMORY, bad_values),
        facts=with_system(facts(path, resource, bad_values), system, bad_values),
        parts=parts(resource),
    )


def facts(path: str, resource: odata.JSON, bad_values: BadValues) -> Facts:
    """Return the facts of a node, as far as a resource, or a member, has them."""
    is_read = any(not key.startswith("@") for key in resource)
    return Facts(path=path, is_read=is_read, **fields.read(resource, MEMBER, bad_values))


def with_system(node: Facts, system: odata.JSON, bad_values: BadValues) -> Facts:
    """Return the facts of a node with those of its system."""
    values = fields.read(system, SYSTEM_FACTS, bad_values)
    return dataclasses.replace(node, **values)


def controls(resource: odata.JSON, bad_values: BadValues) -> base.Controls:
    """Return the actions and boot settings that a node offers."""
    boot = odata.mapping(resource, "Boot")
    return base.Controls(
        name=fields.read(resource, MEMBER, bad_values)["name"],
        reset_target=odata.action_target(resource, "Reset"),
        reset_types=_allowable(odata.action_of(resource, "Reset"), "ResetType"),
        boot={
            name: _allowable(boot, name)
            for name in boot
            if name.startswith("BootSourceOverride") and not name.endswith(ALLOWABLE)
        },
    )


def _allowable(holder: Mapping[str, Any], name: str) -> list[str] | None:
    values = holder.get(name + ALLOWABLE)
    words = [value for value in values if isinstance(value, str)] if type(values) is list else []
    return words or None
