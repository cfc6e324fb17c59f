# SPDX-License-Identifier: Apache-2.0

"""Another pod manager answers in the middle of an operation: its listing proves nothing."""

from typing import Any

from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Response
from tests.unit.service import identity_base


class TestElsewhere(identity_base.IdentityTestCase):
    """The address of a pod manager becomes that of another one, or a balancer's of both."""

    def setUp(self) -> None:
        super().setUp()
        self.other = self.simulate("pod-2")

    def exchange_at(self, method: str, path: str, status: int) -> None:
        """Answer a request with a status, unseen, and have the other answer all that follow."""
        handle = self._handle

        def answer(request: Request, **options: Any) -> Response:
            if request.method == method and request.path.endswith(path):
                self._handle = self.other._app.handle
                return Response(status, {})
            return handle(request, **options)

        self._handle = answer

    def exchange_after(self, path: str) -> None:
        """Replace the pod manager by the other one after the response to a request."""

        def after(request: Request, response: Response) -> Response:
            if request.method == "GET" and request.path == path:
                self._handle = self.other._app.handle
            return response

        self.after = after

    def assertKept(self, row: dict[str, Any], node: dict[str, Any] | None) -> None:
        assert node is not None
        self.assertEqual("error", node["state"], node)
        names = [it.name for it in self.pod.pod.nodes.values()]
        self.assertIn(f"valence-{row['uuid']}", names)
        self.assertEqual({}, self.other.pod.nodes)

    def test_a_node_that_another_pod_manager_lacks_is_not_released(self) -> None:
        row = self.composed()
        self.exchange_at("DELETE", row["path"], 202)
        self.assertKept(row, self.delete(row))

    def test_nor_is_one_whose_deletion_was_not_requested_yet(self) -> None:
        row = self.composed()
        self.exchange_after("/redfish/v1")
        self.assertKept(row, self.delete(row))

    def test_an_allocation_that_another_pod_manager_lacks_is_not_repeated_there(self) -> None:
        lost: list[str] = []

        def after(request: Request, response: Response) -> Response:
            if request.method == "POST" and request.path.endswith("Allocate") and not lost:
                lost.append(request.path)
                self._handle = self.other._app.handle
                return Response(500, {})
            return response

        self.after, handle = after, self._handle
        row = self.compose()
        self.assertKept(row, self.settled(row["uuid"]))
        self._handle = handle
        self.assertIsNone(self.delete(row))
        self.assertEqual([self.stranger], [*self.pod.pod.nodes.values()])
