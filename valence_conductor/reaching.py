# SPDX-License-Identifier: Apache-2.0

"""Reaching the servers that a process needs before it can begin."""

from collections.abc import Callable
import time
from typing import TypeVar

from oslo_log import log as logging

from valence_conductor import errors

T = TypeVar("T")

LOG = logging.getLogger(__name__)

#: Seconds between two attempts.
PAUSE = 2.0


def retry_until_reachable(
    what: str, call: Callable[[], T], away: tuple[type[Exception], ...], patience: float
) -> T:
    """Call a server that may start at the same time as we do, until it answers.

    :param what: the server, at the beginning of a sentence; without passwords.
    :param call: speaks to it.
    :param away: what is raised as long as it does not answer.
    :param patience: seconds; 0: call once.
    :raises Unreachable: it did not answer in that time.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return call()
        except away as exc:
            why = _because(exc)
            left = deadline - time.monotonic()
            if left <= 0:
                raise errors.Unreachable(
                    f"{what} cannot be reached: {why}. See that it runs, and that the "
                    "configuration names it."
                ) from exc
            LOG.warning("%s cannot be reached yet, tried for %d s more: %s", what, left, why)
        time.sleep(min(PAUSE, left))


def _because(exc: BaseException) -> str:
    """Find the words of who noticed first: libraries wrap them in their own."""
    words = ""
    cause: BaseException | None = exc
    while cause is not None:
        words = str(cause).strip() or words or type(cause).__name__
        cause = cause.__cause__
    return words.splitlines()[0].rstrip(".")
