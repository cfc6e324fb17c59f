# SPDX-License-Identifier: Apache-2.0

"""The base of tests of the RSD driver: a driver with canned responses."""

from typing import Any

from tests import base
from tests.unit.service import fake_redfish
from tests.unit.service import rsd_samples as samples
from valence.podmanagers.rsd import driver as rsd_driver

ok = fake_redfish.ok
NODES = "/redfish/v1/Nodes"
NODE = samples.NODE


class RSDTestCase(base.TestCase):
    """A driver of a pod manager of version 2.1 with one node."""

    root: dict[str, Any] = samples.ROOT_2_1
    allocate: dict[str, Any] = samples.ALLOCATE_2_1
    node: dict[str, Any] = samples.NODE_2_1
    location: str | None = NODE
    #: As the root advertises it.
    nodes: str = NODES

    def setUp(self) -> None:
        super().setUp()
        headers = {"Location": self.location} if self.location else {}
        self.transport = fake_redfish.Transport(
            {
                ("GET", "/redfish/v1/"): ok(self.root),
                ("GET", self.nodes): self.collection(NODE),
                ("POST", samples.ALLOCATE): ok(None, 201, **headers),
                ("GET", NODE): ok(self.node),
                ("POST", samples.ASSEMBLE): ok(None, 204),
                ("DELETE", NODE): ok(None, 204),
                ("GET", samples.SYSTEM): ok(samples.THE_SYSTEM),
                ("GET", f"{samples.SYSTEM}/"): ok(samples.THE_SYSTEM),
            }
        )
        self.driver: rsd_driver.RSDDriver = fake_redfish.driver(self.transport)

    def collection(self, *members: Any, **more: Any) -> fake_redfish.Canned:
        return ok(fake_redfish.page(NODES, *members, Actions=self.allocate, **more))
