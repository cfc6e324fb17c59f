# SPDX-License-Identifier: Apache-2.0

"""One log line for every change of a row's state."""

from oslo_log import log as logging

# The documented name: operators route these lines by it, wherever this module is.
LOG = logging.getLogger("valence_conductor.changes")

#: The state before a row is created, and the state after it is deleted.
NEW = "(new)"
GONE = "(gone)"


def log_state_change(
    kind: str, uuid: str, old: str, new: str, *, generation: int, request_id: str | None = None
) -> None:
    """Log a state change; to be called once, after its commit.

    ``<kind> <uuid>: <old> -> <new> (generation <n>, request <id>)``; all of these lines
    have one logger, so that they can be routed on their own. A line contains
    ids and states and nothing that a user wrote.

    :param request_id: of the request that started the operation, if known.
    """
    LOG.info(
        "%s %s: %s -> %s (generation %d, request %s)",
        kind,
        uuid,
        old,
        new,
        generation,
        request_id or "-",
    )
