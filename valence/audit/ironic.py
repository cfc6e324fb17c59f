# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Nodes of Ironic that name a composed node, compared with the rows."""

from collections.abc import Callable
from typing import Any

from valence import ironic as ironic_client
from valence import marks
from valence.audit import finding
from valence.objects import installation
from valence.objects import node as nodes
from valence_conductor import database

#: States of a row in which Ironic may have more or less than the row says.
MOVING = frozenset({"registering", "unregistering"})


def look(
    db: database.Database, ironic: ironic_client.Ironic
) -> tuple[list[finding.Finding], dict[str, str]]:
    """Find the nodes of Ironic that no row has registered.

    :returns: them, each with the key (its uuid, the composed node it names), and
        all that Ironic has: Ironic node -> the composed node it names.
    :raises ValenceError: Ironic does not answer.
    """
    listed = ironic.marked()
    rows = {row.uuid: row for row in nodes.everyone(db)}
    ours = installation.get(db)
    found = []
    for node in listed:
        named, mark = str(node.extra[marks.NODE_KEY]), node.extra.get(marks.INSTALLATION_KEY)
        row = rows.get(named)
        if row is not None and (row.ironic_uuid == node.uuid or row.state in MOVING):
            continue
        if mark in (None, ours):
            registered = "which there is not"
            if row is not None:
                registered = f"registered as {row.ironic_uuid or 'no node'}"
            found.append(
                finding.Finding(
                    (node.uuid, named),
                    "ironic-node",
                    f"node {node.uuid} of Ironic ({node.provision_state}) stands for node "
                    f"{named}, {registered}",
                    finding.UNMARKED if mark is None else _obstacle(node),
                    _deletion(ironic, node.uuid, named),
                )
            )
    return found, {node.uuid: str(node.extra[marks.NODE_KEY]) for node in listed}


def _obstacle(node: Any) -> str | None:
    """Say why a node that is ours is left alone all the same."""
    if node.instance_uuid:
        return f"it was given to instance {node.instance_uuid}"
    if node.provision_state not in ironic_client.UNUSED or node.reservation:
        return "it may be in use: undeploy it in Ironic, if it is not"
    return None


def _deletion(ironic: ironic_client.Ironic, uuid: str, named: str) -> Callable[[], None]:
    return lambda: ironic.delete_unused(uuid, named)
