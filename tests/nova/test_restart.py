# SPDX-License-Identifier: Apache-2.0

"""nova-compute ends at a bad moment, and servers are deleted at one."""

from typing import Any

from tests.nova import base


class TestRestart(base.NovaTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.first = self.compute(pod_managers=["single"])

    def until_composing(self) -> Any:
        return self.until(
            lambda: [node for node in self.valence.nodes.list() if node.state == "composing"],
            "a node is being composed",
        )

    def test_a_server_that_is_deleted_while_it_is_built_is_given_back(self) -> None:
        server = self.begin(self.flavor("web"))
        self.until_composing()
        self.delete(server)

    def test_a_build_that_a_restart_cut_off_holds_nothing(self) -> None:
        server = self.begin(self.flavor("web"))
        self.until_composing()
        self.restart(self.first)
        server = self._wait_for_state_change(server, "ERROR")
        self.until(lambda: not list(self.valence.nodes.list()), "everything is given back")
        self.delete(server)

    def test_a_server_outlives_a_restart(self) -> None:
        server = self.boot(self.flavor("web"))
        second = self.restart(self.first)
        self.assertEqual([server["id"]], second.manager.driver.list_instance_uuids())
        self.act(server, {"os-stop": None}, "SHUTOFF")
        self.delete(server)
