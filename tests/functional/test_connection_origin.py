# SPDX-License-Identifier: Apache-2.0

"""A pod manager whose every link may lead to another server, which must never be called.

Over real sockets: what counts is where a connection is opened.
"""

from collections.abc import Callable
import contextlib
import socket
import threading
from typing import Any

import testscenarios

from tests.functional.connection_base import FOUR_CORES
from tests.functional.connection_base import OddTestCase
from tests.functional.connection_base import ROOT
from tests.functional.connection_base import SESSIONS
from valence import errors
from valence.podmanagers.rsd import driver as rsd_driver

NODES = "/redfish/v1/Nodes"
NODE = f"{NODES}/1"
SYSTEM = "/redfish/v1/Systems/1"
ALLOCATE = f"{NODES}/Actions/Allocate"
TASK = "/redfish/v1/TaskService/Tasks/1"


class Trap:
    """A port on which every connection is counted, and none gets a response."""

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def stop(self) -> None:
        """Close the port."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


#: Ways to write a URL of the other server.
FORMS: dict[str, str] = {
    "absolute": "http://{trap}/x",
    "without a scheme": "//{trap}/x",
    "with a user": "http://{odd}@{trap}/x",
    "with backslashes": "\\\\{trap}\\x",
    "with a tab": "/\t/{trap}/x",
    "concatenated": "@{trap}/x",
    "another scheme": "https://{odd}/x",
}

#: A legal path of the pod manager itself, which has nothing there.
OWN_PATH = "concatenated"


class TestAnotherServer(testscenarios.WithScenarios, OddTestCase):
    scenarios = [(name, {"form": name}) for name in FORMS]
    form: str

    def setUp(self) -> None:
        super().setUp()
        self.trap = Trap()
        self.addCleanup(self.trap.stop)
        own = self.odd.url.partition("//")[2]
        self.link = FORMS[self.form].format(trap=self.trap.host, odd=own)
        #: What leads to the other server.
        self.links: dict[str, str] = {}
        self.odd.answers |= {
            ("GET", ROOT): lambda handler: (200, {}, self.root()),
            ("GET", NODES): lambda handler: (200, {}, self.collection()),
            ("GET", NODE): lambda handler: (200, {}, self.node()),
            ("GET", SYSTEM): (200, {}, {"@odata.id": SYSTEM}),
            ("POST", ALLOCATE): (201, {"Location": NODE}, None),
            ("DELETE", NODE): (204, {}, None),
        }

    def link_to(self, name: str, path: str) -> dict[str, str]:
        return {"@odata.id": self.links.get(name, path)}

    def root(self) -> Any:
        return {
            "Nodes": self.link_to("nodes", NODES),
            "Links": {"Sessions": self.link_to("sessions", SESSIONS)},
        }

    def collection(self) -> Any:
        more = {"Members@odata.nextLink": self.links["next"]} if "next" in self.links else {}
        allocate = {"target": self.links.get("allocate", ALLOCATE)}
        return {
            "@odata.id": NODES,
            "Members": [self.link_to("member", NODE)],
            "Actions": {"#ComposedNodeCollection.Allocate": allocate},
            **more,
        }

    def node(self) -> Any:
        return {
            "@odata.id": NODE,
            "Name": "valence-1",
            "ComposedNodeState": "Allocated",
            "Links": {"ComputerSystem": self.link_to("system", SYSTEM)},
            "Actions": {
                "#ComposedNode.Assemble": {"target": self.links.get("assemble", f"{NODE}/A")},
                "#ComposedNode.Reset": {"target": self.links.get("reset", f"{NODE}/R")},
            },
        }

    def driver(self, **links: str) -> rsd_driver.RSDDriver:
        self.links = links
        options = {"poll_interval": 0.05, "allocate_timeout": 1, "task_timeout": 1}
        return rsd_driver.RSDDriver(self.connect(self.odd.url, session_after=-1, **options))

    def refused(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Require that nothing is sent to the other server, and that the error names both."""
        if self.form == OWN_PATH:
            with contextlib.suppress(errors.ValenceError):
                call(*arguments)
        else:
            exc = self.assertRaises(errors.PodManagerFailed, call, *arguments)
            self.assertIn(self.odd.url, exc.detail)
            self.assertIn(repr(self.link), exc.detail)
        self.assertEqual(0, self.trap.connections)

    def test_links_of_resources(self) -> None:
        self.refused(self.driver(nodes=self.link).check)
        self.refused(self.driver(next=self.link).members)
        self.refused(self.driver(member=self.link).find, "valence-1")
        driver = self.driver(system=self.link)
        self.assertEqual({}, driver.read(NODE).processor)
        self.assertEqual(0, self.trap.connections)
        system = str(driver.state(NODE).system_path)
        self.refused(driver.interfaces, system)
        self.refused(driver.bmc, system)

    def test_targets_of_actions(self) -> None:
        driver = self.driver(allocate=self.link, assemble=self.link, reset=self.link)
        self.refused(driver.allocate, "valence-1", "", FOUR_CORES)
        self.refused(driver.assemble, NODE)
        self.refused(driver.reset, driver.controls(NODE), "On")

    def test_locations_of_nodes(self) -> None:
        driver = self.driver()
        if self.link.startswith("/\t"):
            return  # no header has a tab in it that http.client keeps
        for status in (200, 201, 303):
            self.odd.answers["POST", ALLOCATE] = (status, {"Location": self.link}, None)
            self.refused(driver.allocate, "valence-1", "", FOUR_CORES)
        for status in (200, 201):
            self.odd.answers["POST", ALLOCATE] = (status, {}, {"@odata.id": self.link})
            self.refused(driver.allocate, "valence-1", "", FOUR_CORES)

    def test_monitors_of_tasks(self) -> None:
        driver = self.driver()
        driver.check()
        for headers, body in (
            ({"Location": self.link.replace("\t", "")}, None),
            ({}, {"@odata.id": self.link, "TaskState": "Running"}),
            ({}, {"@odata.id": TASK, "TaskState": "Running", "TaskMonitor": self.link}),
        ):
            self.odd.answers["DELETE", NODE] = (202, headers, body)
            driver.delete(NODE)
            self.odd.answers["POST", ALLOCATE] = (202, headers, body)
            with contextlib.suppress(errors.ValenceError):
                driver.allocate("valence-1", "", FOUR_CORES)
            self.assertEqual(0, self.trap.connections)

    def test_redirects(self) -> None:
        client = self.connect(self.odd.url, session_after=-1)
        if self.link.startswith("/\t"):
            return  # as above
        for status in (301, 302, 303, 307, 308):
            for method in ("GET", "POST", "PATCH", "DELETE"):
                self.odd.answers[method, "/moved"] = (status, {"Location": self.link}, None)
            self.refused(client.get, "/moved")
            if status in (307, 308):
                self.refused(client.post, "/moved", {})
            if status != 303:
                self.refused(client.patch, "/moved", {})
                self.refused(client.delete, "/moved")

    def test_sessions(self) -> None:
        for name, links, location in (
            ("collection", {"sessions": self.link}, f"{SESSIONS}/1"),
            ("session", {}, self.link.replace("\t", "")),
        ):
            self.links = links
            self.session_answer = (201, {"X-Auth-Token": "t0ken", "Location": location}, {})
            client = self.connect(self.odd.url)
            client.get(ROOT)
            self.assertEqual("thing", client.get("/thing")["Name"], name)
            client.close()
            self.assertEqual(0, self.trap.connections, name)
        self.assertEqual(["basic", "token"], self.credentials())
