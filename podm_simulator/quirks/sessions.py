# SPDX-License-Identifier: Apache-2.0

"""Sessions: how many there are, how they end, and which headers are demanded."""

from collections.abc import Callable

from podm_simulator import uris
from podm_simulator.quirks.behaviour import Behaviour
from podm_simulator.quirks.behaviour import Exchange
from podm_simulator.quirks.behaviour import Quirk
from podm_simulator.quirks.behaviour import Simulation
from podm_simulator.redfish.http import RedfishError
from podm_simulator.redfish.http import Response

#: Seconds after which all sessions are forgotten.
LIFE = 1.0

#: Seconds without use after which the only session ends.
TIMEOUT = 2.0


class Forgotten(Behaviour):
    """Forgets all sessions every second.

    :param status: of a request with a forgotten session.
    """

    def __init__(self, status: int) -> None:
        self._status, self._since = status, 0.0

    def start(self, simulation: Simulation) -> None:
        """Begin: the quirk has been switched on."""
        super().start(simulation)
        self._since = simulation.pod.clock()

    def observe(self) -> None:
        """Forget the sessions when it is time."""
        now = self.simulation.pod.clock()
        if now - self._since > LIFE:
            self._since = now
            self.simulation.sessions.forget()

    def receive(self, exchange: Exchange) -> Response | None:
        """Return the error for a request with a session that is forgotten."""
        if "X-Auth-Token" not in exchange.headers or exchange.authenticated:
            return None
        if exchange.matches("POST", uris.SESSIONS) or exchange.request.path == uris.ROOT:
            return None
        return RedfishError(
            self._status, "NoValidSession", "There is no valid session."
        ).response()


class Limited(Behaviour):
    """Has at most one session at a time; it ends after two seconds without use."""

    def __init__(self) -> None:
        self._timeout = 0.0

    def start(self, simulation: Simulation) -> None:
        """Begin: the quirk has been switched on."""
        super().start(simulation)
        self._timeout, simulation.sessions.timeout = simulation.sessions.timeout, TIMEOUT

    def stop(self) -> None:
        """End: the quirk has been switched off."""
        self.simulation.sessions.timeout = self._timeout

    def receive(self, exchange: Exchange) -> Response | None:
        """Return 503 to one login too many."""
        if not exchange.matches("POST", uris.SESSIONS):
            return None
        if not self.simulation.sessions.all():
            return None
        text = "The maximum number of user sessions is reached."
        return RedfishError(503, "SessionLimitExceeded", text).response()


class Picky(Behaviour):
    """Answers 406 to a request without ``Accept: application/json``."""

    def receive(self, exchange: Exchange) -> Response | None:
        """Return 406."""
        self.is_exercised = True
        if "application/json" in exchange.headers.get("Accept", ""):
            return None
        return RedfishError(406, "GeneralError", "Not Acceptable").response()


class Compressing(Behaviour):
    """Answers 406 to a request that accepts nothing but an uncompressed body."""

    def receive(self, exchange: Exchange) -> Response | None:
        """Return 406."""
        self.is_exercised = True
        if exchange.headers.get("Accept-Encoding", "").strip().lower() != "identity":
            return None
        return RedfishError(406, "GeneralError", "Not Acceptable").response()


class LoggedIn(Behaviour):
    """Answers a login with less than a client may expect.

    :param change: changes the response to it.
    """

    def __init__(self, change: Callable[[Response], object]) -> None:
        self._change = change

    def respond(self, exchange: Exchange, response: Response) -> None:
        """Change the response to a login."""
        if response.status == 201 and exchange.matches("POST", uris.SESSIONS):
            self._change(response)


class Strict(Behaviour):
    """Refuses a login whose credentials are in a header as well."""

    def receive(self, exchange: Exchange) -> Response | None:
        """Return 415."""
        if not exchange.matches("POST", uris.SESSIONS):
            return None
        self.is_exercised = True
        if "Authorization" not in exchange.headers:
            return None
        return RedfishError(415, "GeneralError", "Authorization is not accepted here.").response()


def _without_body(response: Response) -> None:
    response.resource = None


QUIRKS = (
    Quirk(
        "session-forgotten",
        "All sessions are forgotten every second, and then 401.",
        "https://github.com/bb-Ricardo/check_redfish/issues/90",
        lambda: Forgotten(401),
        "sessions",
    ),
    Quirk(
        "session-403",
        "All sessions are forgotten every second, and then 403.",
        "https://opendev.org/openstack/sushy/src/branch/master/sushy/exceptions.py: 401 and 403 "
        "are an AccessError, after which it logs in again",
        lambda: Forgotten(403),
        "sessions",
    ),
    Quirk(
        "session-limit",
        "There is at most one session; a second login is 503 until it has been idle for two "
        "seconds.",
        "https://github.com/stmcginnis/gofish/issues/75",
        Limited,
        "sessions",
    ),
    Quirk(
        "accept-demanded",
        "Requests that do not accept application/json are 406.",
        "https://github.com/ansible/ansible/pull/55062",
        Picky,
    ),
    Quirk(
        "login-location-absent",
        "The response to a login has no Location.",
        "https://github.com/DMTF/python-redfish-library/issues/172",
        lambda: LoggedIn(lambda response: response.headers.pop("Location", None)),
        "login",
    ),
    Quirk(
        "login-body-absent",
        "The response to a login has no body.",
        "https://github.com/sapcc/redfish-exporter/pull/20",
        lambda: LoggedIn(_without_body),
        "login",
    ),
    Quirk(
        "login-header-refused",
        "A login whose credentials are in an Authorization header, too, is 415.",
        "https://github.com/ansible-collections/community.general/pull/5903",
        Strict,
    ),
    Quirk(
        "encoding-demanded",
        "Requests that accept nothing but the identity encoding are 406.",
        "https://build.opensuse.org/projects/openSUSE:Slowroll:Base/packages/python-sushy/files/"
        "python-sushy.changes: version 5.1.0 of sushy retries them",
        Compressing,
    ),
)
