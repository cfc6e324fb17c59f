# SPDX-License-Identifier: Apache-2.0

"""Machines that are released, or gone: the listing decides."""

import copy

from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Response
from tests.unit.service import identity_base


class TestGone(identity_base.IdentityTestCase):
    """What a DELETE is answered with does not decide."""

    def setUp(self) -> None:
        super().setUp()
        self.row = self.composed()
        self.composed_machine = self.machine(self.row)

    def test_a_delete_that_deletes_and_answers_500(self) -> None:
        self.after = lambda request, response: (
            Response(500, {}) if request.method == "DELETE" else response
        )
        self.assertIsNone(self.delete(self.row))
        self.assertEqual([self.composed_machine.uuid], self.deleted())

    def test_a_node_that_is_gone_and_whose_path_answers_500(self) -> None:
        self.pod.pod.delete(self.composed_machine)
        for method in ("GET", "DELETE"):
            self.fail(self.row["path"] + "$", 500, method)
        self.assertIsNone(self.delete(self.row))

    def test_a_node_whose_own_path_answers_500(self) -> None:
        self.fail(self.row["path"] + "$", 500)
        node = self.delete(self.row)
        if node is None:
            self.assertNotIn(self.composed_machine, self.pod.pod.nodes.values())
        else:
            self.assertEqual("error", node["state"])
            self.assertEqual([], self.deleted())

    def test_a_delete_that_does_nothing_is_no_release(self) -> None:
        for status in (204, 200, 202, 404, 410):
            with self.subTest(status=status):
                machine = self.pod.pod.nodes[self.composed_machine.id]

                def after(request: Request, response: Response, status: int = status) -> Response:
                    if request.method == "DELETE" and "/Nodes/" in request.path:
                        return Response(status, {} if status in (200, 404, 410) else None)
                    return response

                delete, self.pod.pod.delete = self.pod.pod.delete, lambda _node: None  # type: ignore
                self.after = after
                node = self.delete(self.row) or {}
                self.pod.pod.delete = delete  # type: ignore[method-assign]
                self.assertEqual("error", node.get("state"), node)
                self.assertIn(machine, self.pod.pod.nodes.values())

    def test_a_pod_manager_that_answers_404_to_everything_has_released_nothing(self) -> None:
        self.fail("/redfish/v1/Nodes", 404, "GET")
        self.fail("/redfish/v1/Nodes", 404, "DELETE")
        node = self.delete(self.row) or {}
        self.assertEqual("error", node.get("state"), node)
        self.assertEqual("error", (self.node(self.row["uuid"]) or {})["state"])

    def test_a_short_listing_concludes_nothing(self) -> None:
        def after(request: Request, response: Response) -> Response:
            if request.path == "/redfish/v1/Nodes" and request.method == "GET":
                resource = copy.deepcopy(response.resource)
                assert isinstance(resource, dict)
                resource["Members"] = []
                return identity_base.replaced(response, resource=resource)
            return response

        self.after = after
        hidden = self.pod.pod.nodes.pop(self.composed_machine.id)
        self.assertEqual([], [it for it in self.audit() if it.repaired])
        self.assertEqual("composed", (self.node(self.row["uuid"]) or {})["state"])
        self.assertEqual("error", (self.delete(self.row) or {}).get("state"))
        self.pod.pod.nodes[hidden.id] = hidden

    def test_a_node_that_moves_while_it_is_deleted_is_deleted_there(self) -> None:
        moved: list[str] = []

        def after(request: Request, response: Response) -> Response:
            if request.method == "GET" and request.path == self.row["path"] and not moved:
                moved.append(request.path)
                self.renumber()
            return response

        self.after = after
        self.assertIsNone(self.delete(self.row))
        self.assertEqual([self.composed_machine.uuid], self.deleted())

    def test_a_number_that_a_stranger_has_after_a_delete_is_released(self) -> None:
        ident = self.composed_machine.id

        def after(request: Request, response: Response) -> Response:
            if request.method == "DELETE" and "/Nodes/" in request.path:
                self.renumber(lambda other: ident if other == self.stranger.id else other)
            if request.path == "/redfish/v1/Nodes" and request.method == "GET":
                resource = copy.deepcopy(response.resource)
                assert isinstance(resource, dict)
                resource["Members"] = [
                    {"@odata.id": member["@odata.id"]} for member in resource["Members"]
                ]
                return identity_base.replaced(response, resource=resource)
            return response

        self.after = after
        self.assertIsNone(self.delete(self.row))
        self.assertEqual([self.composed_machine.uuid], self.deleted())
