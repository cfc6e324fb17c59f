# SPDX-License-Identifier: Apache-2.0

"""The pod manager of a job, seen from outside: strangers on it, quirks, its log of requests."""

from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import requests

from tests.crash import peers
from tests.crash import world as crash_world

NODES = "/redfish/v1/Nodes"

OTHER_INSTALLATION = "[valence 00000000-1111-4222-8333-444444444444]"

#: Name and Description of the strangers: of another installation, of a person, and one
#: whose Name looks like ours.
STRANGERS = (
    ("valence-aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", f"{OTHER_INSTALLATION} database"),
    ("database-1", None),
    ("valence-aaaaaaaa-bbbb-4ccc-8ddd-ffffffffffff", None),
)

#: Seconds in which the strangers are assembled.
ASSEMBLED = 5.0

#: Most responses of 503 in a job: a client that repeats a request at once has many more.
MOST_BUSY = 200
BUSY = 503


class PodManager:
    """The simulated pod manager of a world.

    :ivar strangers: systems of the strangers -> their nodes at the start.
    """

    def __init__(self, world: crash_world.World) -> None:
        self._world = world
        self._session = requests.Session()
        self._session.auth = ("admin", "admin")
        self.strangers: dict[str, dict[str, Any]] = {}

    def compose_strangers(self) -> None:
        """Compose the nodes of other clients, which are part of the world from now on."""
        for name, description in STRANGERS:
            body = {"Name": name, **({"Description": description} if description else {})}
            path = self._post(f"{NODES}/Actions/Allocate", body).headers["Location"]
            self._post(f"{path}/Actions/ComposedNode.Assemble", {})
        crash_world.until(
            lambda: all(node["state"] == "Assembled" for node in self._nodes()), ASSEMBLED
        )
        self.strangers = {node["system"]: node for node in self._nodes()}
        self._world.fingerprint = self._world.pool()["fingerprint"]
        self._control("DELETE", "requests")

    def switch(self, quirks: Sequence[str]) -> None:
        """Switch on these quirks, and all others off."""
        self._control("PUT", "quirks", {"quirks": list(quirks)})

    def exercised(self) -> list[str]:
        """Return the quirks that have changed a response."""
        names: list[str] = self._control("GET", "quirks")["exercised"]
        return names

    def machines(self) -> dict[str, str]:
        """Return the Names of the nodes, and the systems that they hold."""
        return {node["name"]: node["system"] for node in self._nodes()}

    def count_requests(self) -> int:
        """Return the number of requests since the strangers were composed."""
        total: int = self._control("GET", "requests")["total"]
        return total

    def check(self, bystander: str | None, since: int, until: int) -> Iterator[str]:
        """Check that no machine of a stranger, or of the bystander, was touched.

        :param bystander: its system.
        :param since: the number of the last request that may concern the bystander; and
            ``until`` of the last one that may not.
        :returns: a sentence for each violation.
        """
        nodes = {node["system"]: node for node in self._nodes()}
        for system, stranger in self.strangers.items():
            node = nodes.get(system)
            if node is None or (node["name"], node["state"]) != (stranger["name"], "Assembled"):
                yield f"the node of a stranger has become {node}: {stranger}"
        log = self._control("GET", "requests")["requests"]
        busy = sum(entry["status"] == BUSY for entry in log)
        if busy > MOST_BUSY:
            yield f"{busy} requests were sent while the service was busy"
        for entry in log:
            machine, line = entry["machine"], f"{entry['method']} {entry['path']}"
            if machine in self.strangers:
                yield f"the machine of a stranger was touched: {line}"
            if machine is not None and machine == bystander and since < entry["seq"] <= until:
                yield f"the machine of the bystander was touched: {line}"

    def _nodes(self) -> list[dict[str, Any]]:
        nodes: list[dict[str, Any]] = self._world.pool()["nodes"]
        return nodes

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        return peers.request(method, f"{self._world.urls['podm']}/control/{path}", body)

    def _post(self, path: str, body: Any) -> requests.Response:
        response = self._session.post(self._world.urls["podm"] + path, json=body, timeout=10)
        response.raise_for_status()
        return response
