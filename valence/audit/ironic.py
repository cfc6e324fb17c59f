# SPDX-License-Identifier: Apache-2.0

"""Nodes of Ironic that name a composed node, compared with the rows."""

from collections.abc import Callable
from typing import Any

from valence import ironic as ironic_client
from valence import ownership
from valence.audit import findings
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence_conductor.db.engine import Database

#: States of a row in which Ironic may have more or less than the row says.
MOVING = frozenset({"registering", "unregistering"})


def look(
    db: Database, ironic: ironic_client.Ironic
) -> tuple[list[findings.Finding], dict[str, str]]:
    """Find the nodes of Ironic that no row has registered.

    :returns: them, each with the key (its uuid, the composed node it names), and
        all that Ironic has: Ironic node -> the composed node it names.
    :raises ValenceError: Ironic does not answer.
    """
    listed = ironic.list_marked()
    rows = {row.uuid: row for row in node_objects.list_all(db)}
    ours = installation_objects.get(db)
    found = []
    for node in listed:
        named, mark = (
            str(node.extra[ownership.NODE_KEY]),
            node.extra.get(ownership.INSTALLATION_KEY),
        )
        row = rows.get(named)
        if row is not None and (row.ironic_uuid == node.uuid or row.state in MOVING):
            continue
        if mark in (None, ours):
            registered = "which there is not"
            if row is not None:
                registered = f"registered as {row.ironic_uuid or 'no node'}"
            found.append(
                findings.Finding(
                    (node.uuid, named),
                    "ironic-node",
                    f"node {node.uuid} of Ironic ({node.provision_state}) stands for node "
                    f"{named}, {registered}",
                    findings.UNMARKED if mark is None else _obstacle(node),
                    _deletion(ironic, node.uuid, named),
                )
            )
    return found, {node.uuid: str(node.extra[ownership.NODE_KEY]) for node in listed}


def _obstacle(node: Any) -> str | None:
    """Say why a node that is ours is left alone all the same."""
    if node.instance_uuid:
        return f"it was given to instance {node.instance_uuid}"
    if node.provision_state not in ironic_client.UNUSED or node.reservation:
        return "it may be in use: undeploy it in Ironic, if it is not"
    return None


def _deletion(ironic: ironic_client.Ironic, uuid: str, named: str) -> Callable[[], None]:
    return lambda: ironic.delete_unused(uuid, named)
