# SPDX-License-Identifier: Apache-2.0

"""A pod manager that renumbers, renames and forgets, with rows and strangers on it."""

from collections.abc import Callable
import dataclasses
import re
from typing import Any

from podm_simulator.redfish.http import RedfishError
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Response
from tests.unit.service import base
from valence import ledger
from valence.objects import installation as installation_objects

CONFLICT = "valence.node.identity_conflict"
#: Of a node that was released.
NODE_UUID = "77777777-7777-4777-8777-777777777777"
NODE_PATH = re.compile(r"/redfish/v1/Nodes/([^/]+)(?:/|$)")

Habit = Callable[[dict[str, Any]], None]


def without(*fields: str) -> Habit:
    """Return a habit: a pod manager that does not keep these fields of a node."""

    def change(node: dict[str, Any]) -> None:
        for field in fields:
            if field in node:
                node[field] = "Composed Node" if field == "Name" else None

    return change


def cut(length: int) -> Habit:
    """Return a habit: a pod manager that cuts the texts of a node off."""

    def change(node: dict[str, Any]) -> None:
        for field in ("Name", "Description"):
            if node.get(field):
                node[field] = node[field][:length]

    return change


def in_upper_case(node: dict[str, Any]) -> None:
    node["Name"] = node["Name"].upper()


def as_sent(node: dict[str, Any]) -> None:
    """Keep everything."""


class IdentityTestCase(base.ServiceTestCase):
    """A service, and one pod manager that records which machines were changed.

    :ivar habit: changes each node that the pod manager shows.
    :ivar after: request and response -> the response that is sent.
    """

    habit: Any = staticmethod(as_sent)
    options: dict[str, Any] = {}

    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.after: Callable[[Request, Response], Response] = lambda _request, response: response
        #: Method and UUID of the node, of each request that changes one.
        self.changes: list[tuple[str, str]] = []
        self._handle = self.pod._app.handle
        self.pod._app.handle = self._observe  # type: ignore[method-assign]
        self.start(nodes__stray_grace=0.0, podmanagers__delete_timeout=3.0, **self.options)
        self.podm = self.know(self.pod)
        self.api("GET", "/v1/systems?refresh=true")
        self.installation = installation_objects.get(self.service.db)
        self.record_released(NODE_UUID)
        self.ledger = ledger.NodeLedger(self.service.context)
        self.stranger = self.compose_without_service("a database", "of another client")

    def _observe(self, request: Request, **options: Any) -> Response:
        match = NODE_PATH.match(request.path)
        node = self.pod.pod.nodes.get(match[1]) if match else None
        if node is not None and request.method != "GET":
            self.changes.append((request.method, node.uuid))
        response = self._handle(request, **options)
        resource = response.resource
        if isinstance(resource, dict) and request.method == "GET":
            members = [it for it in resource.get("Members", ()) if "ComposedNodeState" in it]
            nodes = [resource, *members] if "ComposedNodeState" in resource else members
            for shown in nodes:
                self.habit(shown)
        try:
            return self.after(request, response)
        except RedfishError as exc:
            return exc.response()

    def tearDown(self) -> None:
        self.assertNotIn(self.stranger.uuid, [uuid for _method, uuid in self.changes])
        super().tearDown()

    def compose_without_service(self, name: str, description: str) -> Any:
        driver = self.service.drivers.get(self.podm["uuid"])
        existing = {*self.pod.pod.nodes}
        target = self.pod._app.service.dialect.allocate
        body = {"Name": name, "Description": description}
        driver._client.post(target, {**body, "Processors": [{"TotalCores": 4}]})  # type: ignore
        (ident,) = {*self.pod.pod.nodes} - existing
        node = self.pod.pod.nodes[ident]
        self.wait_for(lambda: node.state == "Allocated")
        self.pod.pod.assemble(node)
        self.wait_for(lambda: node.state == "Assembled")
        self.changes.clear()
        return node

    def machine(self, row: dict[str, Any]) -> Any:
        """Return the node of the simulator at the path of a row."""
        return self.pod.pod.nodes[row["path"].rpartition("/")[2]]

    def renumber(self, numbers: Callable[[str], str] = lambda ident: f"7{ident}") -> None:
        """Restart with other numbers: the same nodes at other paths."""
        nodes = {}
        for node in self.pod.pod.nodes.values():
            node.id = numbers(node.id)
            for asset in node.holds():
                asset.holder = node.id
            nodes[node.id] = node
        self.pod.pod.nodes = nodes

    def exchange(self, one: Any, other: Any) -> None:
        """Exchange the numbers of two nodes."""
        numbers = {one.id: other.id, other.id: one.id}
        self.renumber(lambda ident: numbers.get(ident, ident))

    def path_of(self, node: Any) -> str:
        return f"/redfish/v1/Nodes/{node.id}"

    def shown(self, row: dict[str, Any]) -> dict[str, Any]:
        return self.api("GET", f"/v1/nodes/{row['uuid']}?refresh=true").json  # type: ignore

    def delete(self, row: dict[str, Any]) -> dict[str, Any] | None:
        answer = self.api("DELETE", f"/v1/nodes/{row['uuid']}")
        self.assertEqual(202, answer.status_code, answer.get_data(as_text=True))
        return self.settled(row["uuid"])

    def audit(self) -> list[Any]:
        return list(self.ledger.audit()) or list(self.ledger.audit())

    def deleted(self) -> list[str]:
        return [uuid for method, uuid in self.changes if method == "DELETE"]

    def fail(self, pattern: str, status: int, method: str = "GET") -> None:  # type: ignore
        """Answer each request to a path with an error."""
        action = {"type": "error", "status": status, "message": "broken"}
        self.fault(self.pod, method, pattern, action=action, times=None)

    def assertConflict(self, row: dict[str, Any] | None) -> dict[str, Any]:
        assert row is not None
        fault = row["fault"] or {}
        self.assertEqual(CONFLICT, fault.get("code"), row)
        return dict(fault)


def replaced(response: Response, **fields: Any) -> Response:
    """Return a response with other fields."""
    return dataclasses.replace(response, **fields)
