# SPDX-License-Identifier: Apache-2.0

"""Statuses: what requests are answered with that no verb is about."""

from collections.abc import Callable
import copy
import email.utils
import time

from podm_simulator import uris
from podm_simulator.quirks.behaviour import Behaviour
from podm_simulator.quirks.behaviour import Exchange
from podm_simulator.quirks.behaviour import is_node
from podm_simulator.quirks.behaviour import Quirk
from podm_simulator.quirks.verbs import busy
from podm_simulator.quirks.verbs import UNAVAILABLE
from podm_simulator.redfish.http import RedfishError
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Response

#: Seconds for which GETs are refused, and seconds from the start of one such time to the next.
BUSY, BUSY_EVERY = 0.5, 2.0


class Busy(Behaviour):
    """Refuses GETs below the service root with 503 for half a second, every two seconds.

    :param retry_after: returns the value of the header.
    """

    def __init__(self, retry_after: Callable[[], str]) -> None:
        self._retry_after = retry_after

    def receive(self, exchange: Exchange) -> Response | None:
        """Return 503 to a GET while it is busy."""
        request = exchange.request
        if request.method != "GET" or request.path == uris.ROOT:
            return None
        is_busy = self.simulation.pod.clock() % BUSY_EVERY < BUSY
        return busy(self._retry_after()) if is_busy else None


class Gone(Behaviour):
    """Answers requests to the path of a deleted node in another way than with 404.

    :param answer: returns the response to a GET, from the last one before the deletion.
    """

    def __init__(self, answer: Callable[[Response], Response]) -> None:
        self._answer = answer
        self._last: dict[str, Response] = {}

    def receive(self, exchange: Exchange) -> Response | None:
        """Return the response for a deleted node; remember the node before it is deleted."""
        path = exchange.request.path
        if not is_node(path) or not exchange.authenticated:
            return None
        if path.rpartition("/")[2] in self.simulation.pod.nodes:
            if exchange.request.method == "DELETE":
                self._last[path] = self.simulation.show(path)
            return None
        if path not in self._last:
            return None
        response = self._answer(self._last[path])
        is_delete = exchange.request.method == "DELETE" and response.status < 300
        return Response(204) if is_delete else response


def _gone(status: int, message_id: str) -> Callable[[], Behaviour]:
    error = RedfishError(status, message_id, "The request cannot be carried out.")
    return lambda: Gone(lambda _last: error.response())


class Dead(Behaviour):
    """Answers 500 to GETs of what is composed.

    :param systems: of the systems of nodes; otherwise of the nodes themselves.
    """

    def __init__(self, systems: bool) -> None:
        self._systems = systems

    def receive(self, exchange: Exchange) -> Response | None:
        """Return 500 for a composed system, or a node."""
        path, pod = exchange.request.path, self.simulation.pod
        if exchange.request.method != "GET" or not exchange.authenticated:
            return None
        dead = [uris.node(ident) for ident in pod.nodes]
        if self._systems:
            dead = [node.system.path for node in pod.nodes.values()]
        if not any(path == place or path.startswith(f"{place}/") for place in dead):
            return None
        return RedfishError(500, "InternalError", "The resource cannot be read.").response()


class Errors(Behaviour):
    """Writes the body of errors in another way.

    :param change: changes the body, in place.
    """

    def __init__(self, change: Callable[[Resource], object]) -> None:
        self._change = change

    def respond(self, _exchange: Exchange, response: Response) -> None:
        """Change the body of an error."""
        if isinstance(response.resource, dict) and "error" in response.resource:
            response.resource = copy.deepcopy(response.resource)
            self._change(response.resource["error"])


def _one_message(error: Resource) -> None:
    (error["@Message.ExtendedInfo"],) = error["@Message.ExtendedInfo"]


def _in_language(error: Resource) -> None:
    (info,) = error.pop("@Message.ExtendedInfo")
    error.update(code="1", message={"lang": "en-us", "value": info["Message"]})


SLED = "https://github.com/openbmc/bmcweb/issues/98"

QUIRKS = (
    Quirk(
        "gone-200",
        "A deleted node is listed no longer, but its path answers as before.",
        "RFC 9111, 4: a cache that repeats an answer",
        lambda: Gone(lambda last: Response(200, last.resource)),
        "gone",
    ),
    Quirk(
        "gone-400",
        "The path of a deleted node is 400.",
        "DSP0266, Status codes: 400",
        _gone(400, "GeneralError"),
        "gone",
    ),
    Quirk(
        "gone-410",
        "The path of a deleted node is 410.",
        "DSP0266, Status codes: 410",
        _gone(410, "ResourceMissingAtURI"),
        "gone",
    ),
    Quirk(
        "gone-500",
        "The path of a deleted node is 500, for GET and DELETE.",
        "https://github.com/openbmc/bmcweb/issues/191",
        _gone(500, "InternalError"),
        "gone",
    ),
    Quirk(
        "errors-object",
        "The extended information of errors is an object, in place of a list.",
        "https://github.com/dell/iDRAC-Redfish-Scripting/issues/169",
        lambda: Errors(_one_message),
        "errors",
    ),
    Quirk(
        "errors-language",
        "The message of errors is an object with a language, and all that there is.",
        "https://github.com/dell/iDRAC-Redfish-Scripting/issues/7",
        lambda: Errors(_in_language),
        "errors",
    ),
    Quirk(
        "busy-at-once",
        "For half a second, every two seconds, GETs are answered with 503 and a Retry-After of 0.",
        UNAVAILABLE,
        lambda: Busy(lambda: "0"),
        "busy",
    ),
    Quirk(
        "busy-date",
        "For half a second, every two seconds, GETs are answered with 503 and a date as "
        "Retry-After.",
        "RFC 9110, 10.2.3",
        lambda: Busy(lambda: email.utils.formatdate(time.time() + 1, usegmt=True)),
        "busy",
    ),
    Quirk(
        "system-500",
        "The systems of nodes are 500, while the nodes can be read.",
        SLED,
        lambda: Dead(systems=True),
        "dead",
    ),
    Quirk(
        "node-500",
        "GET of a node is 500, while DELETE is carried out.",
        SLED,
        lambda: Dead(systems=False),
        "dead",
    ),
)
