# SPDX-License-Identifier: Apache-2.0

"""The one line in the log for every change of a row's state."""

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

#: What a row comes from before it is there, and goes to when it goes.
NEW = "(new)"
GONE = "(gone)"


def log_state_change(
    kind: str, uuid: str, old: str, new: str, *, generation: int, request_id: str | None = None
) -> None:
    """Write the line; to be called once, after the change is committed.

    ``<kind> <uuid>: <old> -> <new> (generation <n>, request <id>)``; all lines
    are of one logger, so that they can be sent where they are wanted. It has ids
    and states and nothing that a user wrote.

    :param request_id: of the request that began the operation, if one is known.
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
