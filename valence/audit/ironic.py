# SPDX-License-Identifier: Apache-2.0

"""Ironic nodes that name a composed node, compared with the rows."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from valence import errors
from valence import ownership
from valence.audit import findings
from valence.ironic import Ironic
from valence.ironic import UNUSED
from valence.objects import base
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence.objects import released_node
from valence.podmanagers import odata
from valence_conductor.db.engine import Database

#: States of a row in which Ironic may have more or less than the row says.
TRANSITIONAL = frozenset({"registering", "unregistering"})


def find(db: Database, ironic: Ironic) -> tuple[list[findings.Finding], dict[str, str]]:
    """Return the Ironic nodes that no row has registered, or that lead to another system.

    :returns: them, each with the key (its uuid, the composed node that it names), and
        all Ironic nodes of Valence: Ironic node -> the composed node that it names.
    :raises ValenceError: Ironic does not answer, or has none of the nodes that are
        registered there: another Ironic may have answered.
    """
    nodes = ironic.list_marked()
    rows = {row.uuid: row for row in node_objects.list_all(db)}
    installation = installation_objects.get(db)
    _require_known_nodes({str(node.uuid) for node in nodes}, rows.values())
    result = []
    for node in nodes:
        node_uuid = str(node.extra[ownership.NODE_KEY])
        mark = node.extra.get(ownership.INSTALLATION_KEY)
        row = rows.get(node_uuid)
        if row is not None and (row.ironic_uuid == node.uuid or row.state in TRANSITIONAL):
            result += _misdirected(node, row)
            continue
        if mark in (None, installation):
            registered = "which does not exist"
            if row is not None:
                registered = f"registered as {row.ironic_uuid or 'no node'}"
            result.append(
                findings.Finding(
                    (node.uuid, node_uuid),
                    "ironic-node",
                    f"Ironic node {node.uuid} ({node.provision_state}) stands for node "
                    f"{node_uuid}, {registered}",
                    findings.UNMARKED if mark is None else _obstacle(db, node, row),
                    _deletion(ironic, node.uuid, node_uuid, installation),
                    podm_uuid=None if row is None else row.podm_uuid,
                    path=node.uuid,
                    node_uuid=base.as_uuid(node_uuid),
                )
            )
    return result, {node.uuid: str(node.extra[ownership.NODE_KEY]) for node in nodes}


def _misdirected(node: Any, row: node_objects.Node) -> list[findings.Finding]:
    """Return a finding if Ironic drives another system than that of a row.

    Its pod manager has renumbered its systems: what Ironic switches off may be the machine
    of another client.
    """
    driver_info = node.driver_info if isinstance(node.driver_info, Mapping) else {}
    system = driver_info.get("redfish_system_id")
    is_settled = row.state not in TRANSITIONAL and row.system_path is not None
    if not is_settled or not system or odata.same_path(str(system), row.system_path):
        return []
    return [
        findings.Finding(
            (node.uuid, row.uuid, str(system), row.system_path or ""),
            "ironic-system",
            f"Ironic node {node.uuid} leads to {system}, and the system of node {row.uuid} is "
            f"{row.system_path} now",
            f"set driver_info/redfish_system_id of the node in Ironic to {row.system_path}",
            findings.nothing,
            podm_uuid=row.podm_uuid,
            path=node.uuid,
            node_uuid=row.uuid,
        )
    ]


def _require_known_nodes(listed: set[str], rows: Iterable[node_objects.Node]) -> None:
    """Raise if Ironic has none of the nodes that are registered there.

    Its database was restored from a backup then, or the configuration names another Ironic:
    that it lacks a node does not prove that no Ironic controls the machine.
    """
    registered = {
        row.ironic_uuid for row in rows if row.managed_by and row.state not in TRANSITIONAL
    }
    if registered and not registered & listed:
        raise errors.IronicUnavailable(
            f"Ironic has none of the {len(registered)} nodes that are registered there. Check "
            "that [ironic] of the configuration has the right address, and whether the database "
            "of Ironic was replaced; unregister these nodes if it is right."
        )


def _obstacle(db: Database, node: Any, row: node_objects.Node | None) -> str | None:
    """Return why a node of this installation is kept all the same."""
    uuid = str(node.extra[ownership.NODE_KEY])
    if row is None and not released_node.is_recorded(db, uuid):
        return f"{findings.NEVER_RELEASED}. Delete it in Ironic, if it is not needed"
    if node.instance_uuid:
        return f"it is allocated to instance {node.instance_uuid}"
    if node.provision_state not in UNUSED or node.reservation:
        return "it may be in use: undeploy it in Ironic, if it is not"
    return None


def _deletion(ironic: Ironic, uuid: str, node_uuid: str, installation: str) -> Callable[[], None]:
    return lambda: ironic.delete_unused(uuid, node_uuid, installation)
