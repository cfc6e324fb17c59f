# SPDX-License-Identifier: Apache-2.0

"""The invariants that hold when nothing is running any more, whatever was killed."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses

from tests.crash.world import Row
from tests.crash.world import Snapshot
from tests.crash.world import TRANSITIONAL

#: Number of interfaces of each machine of the pool, each a port in Ironic.
NICS = 2


def check(
    kind: str, snapshot: Snapshot, *, allowed: frozenset[str], held: bool = False
) -> list[str]:
    """Return the violations of all invariants.

    :param allowed: the states in which a row may end.
    :param held: whether an instance or a node may still hold resources when it ends, if
        its row records that they could not be released.
    :returns: a sentence for each violation.
    """
    snapshot = without_held(kind, snapshot) if held else snapshot
    return [
        *_rows(snapshot, allowed),
        *RULES[kind](snapshot),
        *_nodes(snapshot),
        *_ironic(snapshot),
    ]


def without_held(kind: str, snapshot: Snapshot) -> Snapshot:
    """Return a snapshot without the resources that rows may still hold, as recorded."""
    node, may_hold = HOLDERS[kind]
    rows = [row for row in snapshot.rows if may_hold(row)]
    nodes = {row[node] for row in rows}
    machines = {row["ironic_uuid"] for row in rows}
    return dataclasses.replace(
        snapshot,
        rows=[row for row in snapshot.rows if row not in rows],
        nodes=[row for row in snapshot.nodes if row["uuid"] not in nodes],
        pool=[node for node in snapshot.pool if node["name"][len("valence-") :] not in nodes],
        ironic=[node for node in snapshot.ironic if node["uuid"] not in machines],
        ports=[port for port in snapshot.ports if port["node_uuid"] not in machines],
    )


def _instance_may_hold(row: Row) -> bool:
    return row["state"] == "error" and not (row.get("fault") or {}).get("given_back")


def _node_may_hold(row: Row) -> bool:
    """Return whether a node could not be released, or is partly registered in Ironic."""
    if row["state"] == "error":
        return row["podm_uuid"] is not None
    return row["managed_by"] is not None and row["fault"] is not None


#: kind of victim -> the field of its rows that is the uuid of a node, and whether a row may
#: hold resources that its state does not show
HOLDERS: Mapping[str, tuple[str, Callable[[Row], bool]]] = {
    "plugin": ("node_uuid", _instance_may_hold),
    "service": ("uuid", _node_may_hold),
}


def check_released(snapshot: Snapshot, fingerprint: str) -> list[str]:
    """Return what is left after everything was released.

    :param fingerprint: of the pool at the start.
    """
    leftovers = list(_nothing_running(snapshot))
    if snapshot.fingerprint != fingerprint:
        leftovers.append(f"the pool has changed: it has {snapshot.pool}")
    leftovers += [f"Valence still has {_short(row)}" for row in snapshot.nodes]
    leftovers += [f"Ironic still has {_machine(node)}" for node in snapshot.ironic]
    leftovers += [f"Ironic still has port {port['address']}" for port in snapshot.ports]
    return leftovers


def _rows(snapshot: Snapshot, allowed: frozenset[str]) -> Iterator[str]:
    yield from _nothing_running(snapshot)
    for row in (*snapshot.rows, *snapshot.nodes):
        if row["state"] in TRANSITIONAL:
            yield f"not in a terminal state: {_short(row)}"
        elif row["task"] is not None:
            yield f"the row has a task though nothing runs: {_short(row)}"
    for row in snapshot.rows:
        if row["state"] not in allowed | TRANSITIONAL:
            yield f"ended in another state than {sorted(allowed)}: {_short(row)}"


def _nothing_running(snapshot: Snapshot) -> Iterator[str]:
    for name in snapshot.logbooks:
        yield f"the flow {name} is still in the journal"
    for name in snapshot.jobs:
        yield f"the job {name} is still on the board"


def _plugin(snapshot: Snapshot) -> Iterator[str]:
    """Check that an active instance has a node, any other has none, and each node has one."""
    expected = {row["node_uuid"]: row for row in snapshot.rows if row["state"] == "active"}
    for row in snapshot.rows:
        if bool(row["composed"]) != (row["state"] == "active"):
            yield f"composed is {row['composed']}: {_short(row)}"
    for node in snapshot.nodes:
        if node["uuid"] not in expected:
            yield f"a node in Valence without an instance: {_short(node)}"
    nodes = {node["uuid"]: node for node in snapshot.nodes}
    machines = {node["uuid"]: node for node in snapshot.ironic}
    for uuid, row in expected.items():
        if nodes.get(uuid, {}).get("managed_by") != "ironic":
            yield f"an active instance without a registered node: {_short(row)}"
        machine = machines.get(row["ironic_uuid"])
        state = "active" if row["deploy"] else "available"
        if machine is None or machine["provision_state"] != state:
            yield f"{_short(row)} should be {state} in Ironic, which has {_machine(machine)}"
        elif machine["instance_uuid"] != row["uuid"]:
            yield f"{_short(row)} does not own {_machine(machine)}"


def _service(_snapshot: Snapshot) -> Iterator[str]:
    """Check nothing: rows of the service are nodes, which :func:`_nodes` checks."""
    return iter(())


RULES = {"plugin": _plugin, "service": _service}


def _nodes(snapshot: Snapshot) -> Iterator[str]:
    """Check that a composed node exists once, and any other does not exist."""
    names = [node["name"] for node in snapshot.pool]
    expected = {
        f"valence-{row['uuid']}": row for row in snapshot.nodes if row["state"] == "composed"
    }
    for name, row in expected.items():
        if names.count(name) != 1:
            yield f"{names.count(name)} nodes on the pod manager for {_short(row)}"
        if row["path"] is None or row["system_path"] is None:
            yield f"composed, but without paths: {_short(row)}"
    for node in snapshot.pool:
        if node["name"] not in expected:
            yield f"a stray node on the pod manager: {node['name']} ({node['state']})"
        elif node["state"] != "Assembled":
            yield f"a composed node is {node['state']}: {node['name']}"


def _ironic(snapshot: Snapshot) -> Iterator[str]:
    """Check that a registered node is in Ironic with its ports, and nothing else."""
    expected = {row["ironic_uuid"]: row for row in snapshot.nodes if row["managed_by"] == "ironic"}
    machines = {node["uuid"]: node for node in snapshot.ironic}
    for uuid, row in expected.items():
        ports = [port for port in snapshot.ports if port["node_uuid"] == uuid]
        if uuid not in machines:
            yield f"registered, but not in Ironic: {_short(row)}"
        elif len(ports) != NICS:
            yield f"{len(ports)} ports in Ironic for {_short(row)}"
    for uuid, machine in machines.items():
        if uuid not in expected:
            yield f"a stray node in Ironic: {_machine(machine)}"
    for port in snapshot.ports:
        if port["node_uuid"] not in expected:
            yield f"a stray port in Ironic: {port['address']}"


def _short(row: Row) -> str:
    fault = row.get("fault") or {}
    reason = f" ({fault.get('detail')} {fault.get('reason') or ''})" if fault else ""
    return f"{row['uuid'][:8]} is {row['state']}{reason}"


def _machine(node: Row | None) -> str:
    if node is None:
        return "no such node"
    return f"{node['uuid'][:8]} in {node['provision_state']}, instance {node['instance_uuid']}"
