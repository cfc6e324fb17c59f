# SPDX-License-Identifier: Apache-2.0

"""Facts of a machine that contradict each other: operators decide which are true."""

from collections.abc import Mapping
import contextlib
from typing import Any

from oslo_log import log as logging

from valence import errors
from valence import wiring
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.podmanagers import identity
from valence.podmanagers.identity import Comparison
from valence_conductor import errors as conductor_errors
from valence_conductor import waiting

LOG = logging.getLogger(__name__)

#: The operation in the fault of a node whose facts contradict each other.
OPERATION = "identify"


def error(row: node_objects.Node, comparison: Comparison) -> errors.NodeIdentityConflict:
    """Return the error for a machine that may be a row's, and is not identified."""
    if comparison.contradict:
        problem = f"of the facts recorded of it, {comparison.describe()}"
    else:
        facts = ", ".join(identity.LABELS[fact] for fact in comparison.agree) or "no fact"
        problem = f"only {facts} can be compared, which does not identify it"
    return errors.NodeIdentityConflict(
        f"{comparison.observed.path} on pod manager {row.podm_uuid} may or may not be node "
        f"{row.uuid}: {problem}. Nothing was changed. If it is the node: valence node adopt-path "
        f"{row.uuid} {comparison.observed.path}. If the node is gone: valence node forget "
        f"{row.uuid} --i-know-it-is-gone.",
        path=comparison.observed.path,
        **comparison.details(),
    )


def is_conflict(fault: Mapping[str, Any] | None) -> bool:
    """Return whether the facts of a node contradict each other."""
    return fault is not None and fault.get("code") == errors.NodeIdentityConflict.code


def record(
    context: wiring.Context, row: node_objects.Node, error: errors.NodeIdentityConflict
) -> None:
    """Show a conflict of facts in the fault of a node; another fault stays."""
    fault = {**error.details, "detail": error.detail, "operation": OPERATION}
    earlier = row.fault or {}
    if earlier.get("detail") == fault["detail"]:
        return
    LOG.warning("Node %s: %s", row.uuid, error)
    if row.fault is None or is_conflict(earlier):
        with contextlib.suppress(conductor_errors.Superseded):
            node_changes.record(context.db, row, fault={**fault, "at": waiting.now().isoformat()})
