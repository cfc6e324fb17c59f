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

"""What tests of the RSD driver stand on: one that speaks to canned answers."""

from typing import Any

from tests import base
from tests.unit.service import fake_redfish
from tests.unit.service import rsd_samples as samples
from valence.podmanagers import rsd

ok = fake_redfish.ok
NODES = "/redfish/v1/Nodes"
NODE = samples.NODE


class RSDTestCase(base.TestCase):
    """A driver of a pod manager of version 2.1 with one node."""

    root: dict[str, Any] = samples.ROOT_2_1
    allocate: dict[str, Any] = samples.ALLOCATE_2_1
    node: dict[str, Any] = samples.NODE_2_1
    location: str | None = NODE

    def setUp(self) -> None:
        super().setUp()
        headers = {"Location": self.location} if self.location else {}
        self.transport = fake_redfish.Transport(
            {
                ("GET", "/redfish/v1/"): ok(self.root),
                ("GET", NODES): self.collection(NODE),
                ("POST", samples.ALLOCATE): ok(None, 201, **headers),
                ("GET", NODE): ok(self.node),
                ("POST", samples.ASSEMBLE): ok(None, 204),
                ("DELETE", NODE): ok(None, 204),
                ("GET", samples.SYSTEM): ok(samples.THE_SYSTEM),
            }
        )
        self.driver: rsd.RSDDriver = fake_redfish.driver(self.transport)

    def collection(self, *members: Any, **more: Any) -> fake_redfish.Canned:
        return ok(fake_redfish.page(NODES, *members, Actions=self.allocate, **more))
