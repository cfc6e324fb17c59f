# SPDX-License-Identifier: Apache-2.0

"""nova-compute restarts, or a server is deleted, while the server is being built."""

from typing import Any

from tests.nova import base


class TestRestart(base.NovaTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.first = self.compute(pod_managers=["single"])

    def wait_until_composing(self) -> Any:
        return self.wait_until(
            lambda: [node for node in self.valence.nodes.list() if node.state == "composing"],
            "a node is being composed",
        )

    def test_a_server_that_is_deleted_while_it_is_built_is_released(self) -> None:
        server = self.start_create(self.flavor("web"))
        self.wait_until_composing()
        self.delete(server)

    def test_a_build_that_a_restart_interrupted_holds_nothing(self) -> None:
        server = self.start_create(self.flavor("web"))
        self.wait_until_composing()
        self.restart(self.first)
        server = self._wait_for_state_change(server, "ERROR")
        self.wait_until(lambda: not list(self.valence.nodes.list()), "everything is released")
        self.delete(server)

    def test_a_server_survives_a_restart(self) -> None:
        server = self.create(self.flavor("web"))
        second = self.restart(self.first)
        self.assertEqual([server["id"]], second.manager.driver.list_instance_uuids())
        self.act(server, {"os-stop": None}, "SHUTOFF")
        self.delete(server)
