# SPDX-License-Identifier: Apache-2.0

"""Requests to peers that may be unavailable for a while."""

from collections.abc import Callable
import time
from typing import TypeVar

from oslo_log import log as logging

from valence import errors
from valence_conductor import errors as conductor_errors
from valence_conductor import interrupt
from valence_conductor import waiting

LOG = logging.getLogger(__name__)

T = TypeVar("T")

#: Errors that may disappear by themselves.
PASSING: tuple[type[errors.ValenceError], ...] = (
    errors.PodManagerUnreachable,
    errors.PodManagerFailed,
    errors.IronicUnavailable,
)

#: Seconds of the longest pause that a peer can demand.
LONGEST_PAUSE = 60.0

#: The longest pause between two attempts, seconds.
INTERVAL = 2.0


def call(
    request: Callable[[], T],
    *,
    within: float,
    passing: tuple[type[errors.ValenceError], ...] = PASSING,
    cancelled: Callable[[], bool] | None = None,
) -> T:
    """Return what a request returns; repeat it while its peer is unavailable.

    :param request: safe to repeat any number of times; not sooner than its peer demands.
    :param within: seconds until the last attempt.
    :param passing: the errors after which the request is repeated.
    :param cancelled: returns whether to stop.
    :raises ValenceError: the last error, when it did not disappear in time.
    :raises Cancelled: ``cancelled`` returned True.
    """
    failures: list[errors.ValenceError] = []
    not_before = [0.0]

    def probe() -> tuple[T] | None:
        if failures and time.monotonic() < not_before[0]:
            return None
        interrupt.checkpoint()
        try:
            return (request(),)
        except passing as exc:
            LOG.info("Request failed, retrying for up to %g s: %s", within, exc)
            failures.append(exc)
            not_before[0] = time.monotonic() + pause_after(exc)
            return None

    try:
        return waiting.wait_until(
            probe,
            deadline=waiting.deadline_in(within),
            interval=INTERVAL,
            what="a response",
            cancelled=cancelled,
        )[0]
    except conductor_errors.TimedOut:
        raise failures[-1] from None


def pause_after(error: errors.ValenceError) -> float:
    """Return the seconds for which a peer demands not to be sent the request again.

    Its ``Retry-After``, as far as it is serious: no longer than :data:`LONGEST_PAUSE`.
    """
    return min(error.details.get("retry_after") or 0.0, LONGEST_PAUSE)


def find(search: Callable[[], T | None], *, within: float) -> T | None:
    """Repeat a search for something that may appear late.

    :param within: seconds.
    :returns: None when it did not appear.
    """
    try:
        return waiting.wait_until(
            search,
            deadline=waiting.deadline_in(within),
            interval=INTERVAL,
            what="a resource to appear",
        )
    except conductor_errors.TimedOut:
        return None
