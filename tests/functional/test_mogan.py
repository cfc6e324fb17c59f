# SPDX-License-Identifier: Apache-2.0

"""Mogan's engine with the hook, the real service, simulated pod managers, a real Ironic."""

import pathlib
import tempfile
import time
from typing import Any

from tests.functional import base
from tests.unit.integration import mogan_world
from valence_integration.provisioner import Provisioner

FLAVOR = {
    "resources": {
        "CUSTOM_VALENCE_PROCESSOR_TOTAL_CORES": 8,
        "CUSTOM_VALENCE_MEMORY_CAPACITY_MIB": 16 * 1024,
        "CUSTOM_VALENCE_STORAGE_CAPACITY_GIB": 100,
    },
    "resource_traits": {},
}
#: Only a pod manager knows its drives, so that it alone can refuse this.
TOO_LARGE = {"resources": {"CUSTOM_VALENCE_STORAGE_CAPACITY_GIB": 10**6}, "resource_traits": {}}


class Driver:
    """The requests of ``mogan.baremetal.ironic.driver``, with an image of the lab."""

    def __init__(self, mogan: Any, ironic: Any) -> None:
        self._mogan, self._ironic = mogan, ironic

    def spawn(self, context: Any, server: Any, configdrive_value: Any, partitions: Any) -> None:
        node = self._ironic.node
        patch = [
            {"op": "add", "path": "/instance_uuid", "value": server.uuid},
            {"op": "add", "path": "/deploy_interface", "value": base.RAMDISK["deploy_interface"]},
            {"op": "add", "path": "/instance_info", "value": base.RAMDISK["instance_info"]},
        ]
        node.update(server.node_uuid, patch)
        checks = node.validate(server.node_uuid)
        assert checks.deploy["result"] and checks.power["result"], checks
        node.set_provision_state(server.node_uuid, "active")
        if self._wait(server, ("active", "deploy failed")).provision_state != "active":
            reason = node.get(server.node_uuid).last_error
            raise self._mogan.exception.ServerDeployFailure(reason)

    def destroy(self, context: Any, server: Any) -> None:
        try:
            node = self._ironic.node.get_by_instance_uuid(server.uuid)
        except Exception:
            return
        if node.provision_state in ("active", "deploy failed", "error"):
            self._ironic.node.set_provision_state(node.uuid, "deleted")
            self._wait(server, ("cleaning", "clean wait", "available"))

    def _wait(self, server: Any, states: tuple[str, ...]) -> Any:
        deadline = time.monotonic() + base.PATIENCE
        while (node := self._ironic.node.get(server.node_uuid)).provision_state not in states:
            assert time.monotonic() < deadline, node.provision_state
            time.sleep(0.2)
        return node

    def get_power_state(self, context: Any, server_uuid: str) -> Any:
        return self._ironic.node.get_by_instance_uuid(server_uuid).power_state

    def get_node_name(self, node: str) -> Any:
        return self._ironic.node.get(node).name

    def plug_vif(self, node_uuid: str, port_id: str) -> None:
        self._ironic.node.get(node_uuid)

    def unplug_vif(self, context: Any, server: Any, port_id: str) -> None:
        self._ironic.node.get(server.node_uuid)


class TestMogan(base.FunctionalTestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.fixture = self.useFixture(
            mogan_world.Mogan(
                pathlib.Path(folder.name),
                lambda mogan: Driver(mogan, self.ironic),
                lambda _conf: Provisioner(self.lab.plugin_conf()),
            )
        )

    def start_provisioner(self) -> Any:
        """Start none: the engine runs the flows in its own process."""

    def test_a_server_is_composed_enrolled_deployed_by_mogan_and_released(self) -> None:
        manager = self.fixture.start()
        server = self.fixture.create(manager, FLAVOR)
        faults = self.fixture.contract.FAULTS
        self.assertEqual(("active", "power on", []), (server.status, server.power_state, faults))
        enrolled = self.ironic.node.get(server.node_uuid)
        self.assertEqual(
            ("active", server.uuid), (enrolled.provision_state, enrolled.instance_uuid)
        )
        node = self.valence.nodes.get(enrolled.extra["valence_node"])
        self.assertEqual(("composed", "ironic"), (node.state, node.managed_by))
        self.fixture.delete(manager, server)
        self.assertTrue(self.fixture.is_deleted(server))

    def test_a_server_that_cannot_be_composed_has_the_pod_managers_own_reason(self) -> None:
        server = self.fixture.create(self.fixture.start(), TOO_LARGE)
        self.assertEqual(("error", False), (server.status, server.composed))
        self.assertIn("no computer systems available", self.fixture.contract.FAULTS[-1]["message"])

    def test_a_restarted_engine_releases_the_node_that_it_was_composing(self) -> None:
        manager, server = self.fixture.start(), self.fixture.add_server()
        self.fixture.request(manager, server, flavor=FLAVOR)
        self.wait_for(lambda: list(self.valence.nodes.list()))
        self.fixture.stop(manager)
        self.fixture.start()
        self.fixture.join()
        failed = self.fixture.read(server)
        self.assertEqual(("error", False), (failed.status, failed.composed))
        self.assertIn("mogan-engine stopped", self.fixture.contract.FAULTS[-1]["message"])
