# SPDX-License-Identifier: Apache-2.0

"""Sessions: how many there are, how they end, and which headers are demanded."""

from podm_simulator import uris
from podm_simulator.quirks.behaviour import Behaviour
from podm_simulator.quirks.behaviour import Exchange
from podm_simulator.quirks.behaviour import Quirk
from podm_simulator.quirks.behaviour import Simulation
from podm_simulator.redfish.http import RedfishError
from podm_simulator.redfish.http import Response

#: Seconds after which all sessions are forgotten.
LIFE = 1.0

#: Sessions at a time, and seconds without use after which one ends.
SESSIONS, TIMEOUT = 2, 2.0


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
    """Has at most two sessions at a time; they end after two seconds without use."""

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
        if len(self.simulation.sessions.all()) < SESSIONS:
            return None
        text = "The maximum number of user sessions is reached."
        return RedfishError(503, "SessionLimitExceeded", text).response()


class Picky(Behaviour):
    """Answers 406 to a request without ``Accept: application/json``."""

    def receive(self, exchange: Exchange) -> Response | None:
        """Return 406."""
        if "application/json" in exchange.headers.get("Accept", ""):
            return None
        return RedfishError(406, "GeneralError", "Not Acceptable").response()


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
        "There are at most two sessions; a third login is 503 until one has been idle for two "
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
)
