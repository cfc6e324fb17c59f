# SPDX-License-Identifier: Apache-2.0

"""Operations that a service accepts, and carries out later (DSP0266, "Asynchronous operations").

The response 202 has the URI of a task monitor in its Location. The monitor answers 202 as
long as the operation runs, then with the response to the operation, and at last with 404.
Services also return the Task itself, in the body or in place of the monitor.
"""

from collections.abc import Callable
import contextlib
import time
from typing import Any
from typing import Protocol

from oslo_config import cfg
from oslo_log import log

from valence import errors
from valence.podmanagers import messages
from valence.podmanagers import odata
from valence.podmanagers.http.exchange import LONGEST_PAUSE
from valence.podmanagers.http.exchange import Response
from valence_conductor import errors as conductor_errors
from valence_conductor import waiting

LOG = log.getLogger(__name__)

ACCEPTED = 202

#: TaskState of a task that has ended without a result (Task schema); one that is neither of
#: these nor COMPLETED is running, or will.
FAILED = frozenset({"exception", "killed", "cancelled"})
COMPLETED = "completed"

#: Responses in a row that are errors of the service, after which a monitor is given up: they
#: may be the response to the operation.
MAX_FAILURES = 3


class Client(Protocol):
    """What sends requests; as :class:`valence.podmanagers.http.connection.Connection`.

    :ivar options: with ``poll_interval``, the seconds between two requests at most, if the
        service demands no more.
    """

    @property
    def base(self) -> str: ...

    @property
    def options(self) -> cfg.ConfigOpts: ...

    def get_monitor(self, path: str) -> Response:
        """Read a task or its monitor, once."""

    def delete(self, path: str) -> Response:
        """Request a deletion."""


def is_accepted(response: Response) -> bool:
    """Return whether the operation is neither done nor refused yet.

    Some services answer with the Task and 200 or 201, as if the Task were the result.
    """
    return response.status == ACCEPTED or _is_task(response.body)


def monitors(response: Response) -> list[str]:
    """Return the paths by which an operation that was accepted can be followed, best first."""
    body = response.body
    paths = [response.location, odata.path_of(odata.mapping(body).get("TaskMonitor"))]
    paths += [odata.path_of(body)] if _is_task(body) else []
    return list(dict.fromkeys(path for path in paths if path))


def follow(
    client: Client,
    response: Response,
    *,
    within: float,
    cancelled: Callable[[], bool] | None = None,
) -> Response | None:
    """Wait until an operation that was accepted has ended.

    :param response: with which it was accepted.
    :param within: seconds.
    :param cancelled: returns whether to stop.
    :returns: the response to the operation; None: it is over, and its outcome is unknown.
    :raises PodManagerRefused: it failed; ``reason`` has the service's own words.
    :raises TimedOut: it is still running.
    :raises Cancelled: ``cancelled`` returned True.
    """
    operation = _Operation(client, response)
    if not operation.monitors:
        return None
    LOG.info("Waiting for %s of %s", operation.monitors[0], client.base)
    try:
        (result,) = waiting.wait_until(
            operation.probe,
            deadline=waiting.deadline_in(within),
            interval=client.options.poll_interval,
            what=f"the task {operation.monitors[0]} of the pod manager at {client.base}",
            cancelled=cancelled,
        )
    except conductor_errors.Cancelled:
        operation.stop()
        raise
    return result


def settle(
    client: Client,
    response: Response,
    *,
    within: float,
    cancelled: Callable[[], bool] | None = None,
) -> None:
    """Wait until a change is made, if it was only accepted, but no longer than a time.

    The caller reads what has changed in any case. Parameters as of :func:`follow`.

    :raises PodManagerRefused: it was not made.
    :raises Cancelled: ``cancelled`` returned True.
    """
    if not is_accepted(response):
        return
    try:
        follow(client, response, within=within, cancelled=cancelled)
    except conductor_errors.TimedOut as exc:
        LOG.warning("A change was accepted, and is not made yet: %s", exc)


class _Operation:
    """An operation that runs on a service.

    :ivar monitors: paths by which it can be followed, best first.
    """

    def __init__(self, client: Client, response: Response) -> None:
        self._client = client
        self.monitors = monitors(response)
        self._failures = 0
        self._pause(response.retry_after)

    def probe(self) -> tuple[Response | None] | None:
        """Return its response, or that there is none; None as long as it runs."""
        if time.monotonic() < self._not_before:
            return None
        try:
            response = self._client.get_monitor(self.monitors[0])
        except errors.PodManagerNodeGone:
            del self.monitors[0]
            return None if self.monitors else (None,)
        except (errors.PodManagerUnreachable, errors.PodManagerUnauthorized) as exc:
            LOG.info("Cannot read the state of a task, retrying: %s", exc)
            self._pause(exc.details.get("retry_after"))
            return None
        except errors.PodManagerFailed as exc:
            LOG.warning("Cannot read the state of a task: %s", exc)
            self._failures += 1
            return (None,) if self._failures >= MAX_FAILURES else None
        self._failures = 0
        self._pause(response.retry_after)
        return self._result(response)

    def stop(self) -> None:
        """Request that it be cancelled, which a service may refuse."""
        with contextlib.suppress(errors.ValenceError):
            self._client.delete(self.monitors[0])

    def _result(self, response: Response) -> tuple[Response | None] | None:
        if not _is_task(response.body):
            return None if is_accepted(response) else (response,)
        state = str(response.body.get("TaskState")).lower()
        if state in FAILED:
            raise errors.PodManagerRefused(
                f"The pod manager at {self._client.base} accepted the request and did not carry "
                f"it out: its task {self.monitors[0]} ended as {response.body['TaskState']}.",
                reason=messages.reason({"@Message.ExtendedInfo": response.body.get("Messages")}),
            )
        if state != COMPLETED:
            return None
        created = odata.first_path(odata.mapping(response.body, "Links").get("CreatedResources"))
        return (Response(response.status, created, None),)

    def _pause(self, seconds: float | None) -> None:
        self._not_before = time.monotonic() + min(seconds or 0.0, LONGEST_PAUSE)


def _is_task(body: Any) -> bool:
    resource = odata.mapping(body)
    return "TaskState" in resource or str(resource.get("@odata.type")).startswith("#Task.")
