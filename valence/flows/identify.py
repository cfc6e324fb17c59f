# SPDX-License-Identifier: Apache-2.0

"""Identifying the machine of a row: where its pod manager has it now, if it has it at all.

A machine is touched only after at least two facts have identified it, see
:mod:`valence.podmanagers.identity`. One that the pod manager has moved to another path is
followed. That it is gone is concluded from a complete listing alone, which lacks it by
every fact that the row has.
"""

import contextlib
from typing import Any

from oslo_log import log as logging

from valence import errors
from valence import podmanagers
from valence import wiring
from valence.flows import conflicts
from valence.flows import machine
from valence.flows import search
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.podmanagers import odata
from valence.podmanagers.identity import Facts
from valence.podmanagers.identity import Verdict

LOG = logging.getLogger(__name__)


def verify(
    context: wiring.Context, row: node_objects.Node, driver: podmanagers.Driver | None = None
) -> node_objects.Node:
    """Return a row whose path is that of its machine now.

    Two requests where the machine is where the row has it. The row learns the facts that it
    lacks, and its fault ends if it was a conflict.

    :param driver: of its pod manager; None: as the row has it.
    :raises PodManagerNodeGone: its pod manager does not have it any more.
    :raises NodeIdentityConflict: facts contradict each other, or too few are known.
    :raises PodManagerFailed: it cannot be read, or the listing is not complete.
    """
    driver = driver or context.drivers.get(row.podm_uuid or "")
    facts = search.Search(context, driver, row).run()
    if facts is None:
        context.drivers.verify(row.podm_uuid or "")  # what another lacks proves nothing
        raise errors.PodManagerNodeGone(
            f"Pod manager {row.podm_uuid} does not list node {row.uuid} any more, neither at "
            f"{row.path} nor at another path. Delete the node."
        )
    if not facts.is_read:
        raise errors.PodManagerFailed(
            f"Pod manager {row.podm_uuid} lists {row.path} and cannot read it, so that it is not "
            "certain which machine it is. See the log of the pod manager, and try again."
        )
    return follow(context, row, facts)


def read(
    context: wiring.Context, row: node_objects.Node
) -> tuple[node_objects.Node, podmanagers.ComposedNode]:
    """Read the machine of a row: the row with its path now, and the node.

    Two requests where the machine is where the row has it.

    :raises ValenceError: as :func:`verify`.
    """
    driver = context.drivers.get(row.podm_uuid or "")
    with contextlib.suppress(errors.PodManagerNodeGone):
        node = driver.read(row.path or "")
        if machine.compare(context, row, node.facts).verdict is Verdict.SAME:
            return follow(context, row, node.facts), node
    row = verify(context, row)
    try:
        return row, driver.read(row.path or "")
    except errors.PodManagerNodeGone as exc:
        raise listed_and_gone(row) from exc


def follow(context: wiring.Context, row: node_objects.Node, facts: Facts) -> node_objects.Node:
    """Record where a machine is, and what identifies it.

    :param facts: of the row's machine, identified.
    """
    values: dict[str, Any] = {}
    recorded = machine.learn(context, row, facts)
    if row.path is None or not odata.same_path(row.path, facts.path):
        LOG.warning(
            "Node %s is at %s on pod manager %s now, no longer at %s",
            *(row.uuid, facts.path, row.podm_uuid, row.path),
        )
        values["path"] = facts.path
        recorded["previous_path"] = row.path
    if facts.system_path is not None and facts.system_path != row.system_path:
        values["system_path"] = facts.system_path
    if recorded != row.identity:
        values["identity"] = recorded
    if conflicts.is_conflict(row.fault):
        LOG.info("Node %s is identified again: the conflict of its facts has ended", row.uuid)
        values["fault"] = None
    if row.adopted_as and facts.name and facts.name != row.adopted_as:
        values["adopted_as"] = facts.name
    return node_changes.record(context.db, row, **values) if values else row


def listed_and_gone(row: node_objects.Node) -> errors.PodManagerFailed:
    """Return the error for a node that is listed, and does not exist where it is listed."""
    return errors.PodManagerFailed(
        f"Pod manager {row.podm_uuid} has {row.path}, and answers that it does not exist. Try "
        "again; if that does not help, see the log of the pod manager."
    )
