# SPDX-License-Identifier: Apache-2.0

"""Asking somebody who may be away for a while."""

from collections.abc import Callable
import datetime
from typing import TypeVar

from oslo_log import log as logging

from valence import errors
from valence_conductor import errors as conductor_errors
from valence_conductor import interrupt
from valence_conductor import waiting

LOG = logging.getLogger(__name__)

T = TypeVar("T")

#: Troubles that may pass by themselves.
PASSING: tuple[type[errors.ValenceError], ...] = (
    errors.PodManagerUnreachable,
    errors.PodManagerFailed,
    errors.IronicUnavailable,
)

#: Seconds between two questions to somebody who does not answer, at the most.
INTERVAL = 2.0


def call(
    question: Callable[[], T],
    *,
    within: float,
    passing: tuple[type[errors.ValenceError], ...] = PASSING,
    cancelled: Callable[[], bool] | None = None,
) -> T:
    """Ask, and as long as there is no answer, ask again.

    :param question: may be asked any number of times.
    :param within: seconds for which silence is borne.
    :param passing: the errors that count as silence.
    :raises ValenceError: the last trouble, when it did not pass in time.
    :raises Cancelled: ``cancelled`` says so.
    """
    troubles: list[errors.ValenceError] = []

    def probe() -> tuple[T] | None:
        interrupt.checkpoint()
        try:
            return (question(),)
        except passing as exc:
            LOG.info("No answer, asking again for up to %g s: %s", within, exc)
            troubles.append(exc)
            return None

    try:
        return waiting.wait_until(
            probe,
            deadline=waiting.now() + datetime.timedelta(seconds=within),
            interval=INTERVAL,
            what="an answer",
            cancelled=cancelled,
        )[0]
    except conductor_errors.TimedOut:
        raise troubles[-1] from None


def find(look: Callable[[], T | None], *, within: float) -> T | None:
    """Look for something that may appear a little late.

    :param within: seconds.
    :returns: None when it did not appear.
    """
    try:
        return waiting.wait_until(
            look,
            deadline=waiting.now() + datetime.timedelta(seconds=within),
            interval=INTERVAL,
            what="something that was asked for",
        )
    except conductor_errors.TimedOut:
        return None
