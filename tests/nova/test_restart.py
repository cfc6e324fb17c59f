# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


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
