# SPDX-License-Identifier: Apache-2.0

"""What must be true when nothing is under way any more, whatever was killed."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses

from tests.crash.world import Row
from tests.crash.world import Sight
from tests.crash.world import TRANSITIONAL

#: Machines of the pool have so many interfaces, each a port in Ironic.
NICS = 2


def check(kind: str, sight: Sight, *, allowed: frozenset[str], held: bool = False) -> list[str]:
    """Check everything.

    :param allowed: the states in which a row may have ended.
    :param held: whether an instance or a node may end and still hold something, as its
        row says, because it could not be given back.
    :returns: what is not as it must be, in words.
    """
    sight = without_held(kind, sight) if held else sight
    return [*_rows(sight, allowed), *RULES[kind](sight), *_nodes(sight), *_ironic(sight)]


def without_held(kind: str, sight: Sight) -> Sight:
    """Leave out of a sight what rows say that they may still hold."""
    node, may_hold = HOLDERS[kind]
    rows = [row for row in sight.rows if may_hold(row)]
    nodes = {row[node] for row in rows}
    machines = {row["ironic_uuid"] for row in rows}
    return dataclasses.replace(
        sight,
        rows=[row for row in sight.rows if row not in rows],
        nodes=[row for row in sight.nodes if row["uuid"] not in nodes],
        pool=[node for node in sight.pool if node["name"][len("valence-") :] not in nodes],
        ironic=[node for node in sight.ironic if node["uuid"] not in machines],
        ports=[port for port in sight.ports if port["node_uuid"] not in machines],
    )


def _instance_may_hold(row: Row) -> bool:
    return row["state"] == "error" and not (row.get("fault") or {}).get("given_back")


def _node_may_hold(row: Row) -> bool:
    """Tell whether a node could not be given back, or is half in Ironic or half out of it."""
    if row["state"] == "error":
        return row["podm_uuid"] is not None
    return row["managed_by"] is not None and row["fault"] is not None


#: kind of victim -> which of its fields is the uuid of a node, and whether a row may hold
#: something that its state does not tell
HOLDERS: Mapping[str, tuple[str, Callable[[Row], bool]]] = {
    "plugin": ("node_uuid", _instance_may_hold),
    "service": ("uuid", _node_may_hold),
}


def check_given_back(sight: Sight, fingerprint: str) -> list[str]:
    """Check that nothing is left, and that the pool's books are as at the start."""
    found = list(_nothing_under_way(sight))
    if sight.fingerprint != fingerprint:
        found.append(f"the pool is not as it was: it has {sight.pool}")
    found += [f"Valence still has {_short(row)}" for row in sight.nodes]
    found += [f"Ironic still has {_machine(node)}" for node in sight.ironic]
    found += [f"Ironic still has port {port['address']}" for port in sight.ports]
    return found


def _rows(sight: Sight, allowed: frozenset[str]) -> Iterator[str]:
    yield from _nothing_under_way(sight)
    for row in (*sight.rows, *sight.nodes):
        if row["state"] in TRANSITIONAL:
            yield f"not terminal: {_short(row)}"
        elif row["task"] is not None:
            yield f"a task is noted though nothing runs: {_short(row)}"
    for row in sight.rows:
        if row["state"] not in allowed | TRANSITIONAL:
            yield f"ended as it may not, allowed is {sorted(allowed)}: {_short(row)}"


def _nothing_under_way(sight: Sight) -> Iterator[str]:
    for name in sight.logbooks:
        yield f"the flow {name} is still remembered"
    for name in sight.jobs:
        yield f"the job {name} is still on the board"


def _plugin(sight: Sight) -> Iterator[str]:
    """An active instance has a node; any other has none; no node is nobody's."""
    wanted = {row["node_uuid"]: row for row in sight.rows if row["state"] == "active"}
    for row in sight.rows:
        if bool(row["composed"]) != (row["state"] == "active"):
            yield f"composed is {row['composed']}: {_short(row)}"
    for node in sight.nodes:
        if node["uuid"] not in wanted:
            yield f"nobody's node in Valence: {_short(node)}"
    known = {node["uuid"]: node for node in sight.nodes}
    machines = {node["uuid"]: node for node in sight.ironic}
    for uuid, row in wanted.items():
        if known.get(uuid, {}).get("managed_by") != "ironic":
            yield f"an active instance without a registered node: {_short(row)}"
        machine = machines.get(row["ironic_uuid"])
        state = "active" if row["deploy"] else "available"
        if machine is None or machine["provision_state"] != state:
            yield f"{_short(row)} should be {state} in Ironic, which has {_machine(machine)}"
        elif machine["instance_uuid"] != row["uuid"]:
            yield f"{_short(row)} does not own {_machine(machine)}"


def _service(_sight: Sight) -> Iterator[str]:
    """Rows of the service are nodes: what is to be said of them is below."""
    return iter(())


RULES = {"plugin": _plugin, "service": _service}


def _nodes(sight: Sight) -> Iterator[str]:
    """A composed node is there once; any other is not there at all."""
    names = [node["name"] for node in sight.pool]
    wanted = {f"valence-{row['uuid']}": row for row in sight.nodes if row["state"] == "composed"}
    for name, row in wanted.items():
        if names.count(name) != 1:
            yield f"{names.count(name)} nodes on the pod manager for {_short(row)}"
        if row["path"] is None or row["system_path"] is None:
            yield f"composed, but not known where: {_short(row)}"
    for node in sight.pool:
        if node["name"] not in wanted:
            yield f"nobody's node on the pod manager: {node['name']} ({node['state']})"
        elif node["state"] != "Assembled":
            yield f"a composed node is {node['state']}: {node['name']}"


def _ironic(sight: Sight) -> Iterator[str]:
    """A registered node is in Ironic with its ports; nothing else is."""
    wanted = {row["ironic_uuid"]: row for row in sight.nodes if row["managed_by"] == "ironic"}
    machines = {node["uuid"]: node for node in sight.ironic}
    for uuid, row in wanted.items():
        ports = [port for port in sight.ports if port["node_uuid"] == uuid]
        if uuid not in machines:
            yield f"registered, but not in Ironic: {_short(row)}"
        elif len(ports) != NICS:
            yield f"{len(ports)} ports in Ironic for {_short(row)}"
    for uuid, machine in machines.items():
        if uuid not in wanted:
            yield f"nobody's node in Ironic: {_machine(machine)}"
    for port in sight.ports:
        if port["node_uuid"] not in wanted:
            yield f"nobody's port in Ironic: {port['address']}"


def _short(row: Row) -> str:
    fault = row.get("fault") or {}
    because = f" ({fault.get('detail')} {fault.get('reason') or ''})" if fault else ""
    return f"{row['uuid'][:8]} is {row['state']}{because}"


def _machine(node: Row | None) -> str:
    if node is None:
        return "no such node"
    return f"{node['uuid'][:8]} in {node['provision_state']}, instance {node['instance_uuid']}"
