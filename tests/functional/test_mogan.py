# SPDX-License-Identifier: Apache-2.0

"""Mogan's engine with the hook, on the real service, simulated pods and a real Ironic."""

import pathlib
import tempfile
import time
from typing import Any

from tests.functional import base
from tests.unit.integration import mogan_world
from valence_integration import provisioner as provisioner_module

FLAVOR = {
    "resources": {
        "CUSTOM_VALENCE_PROCESSOR_TOTAL_CORES": 8,
        "CUSTOM_VALENCE_MEMORY_CAPACITY_MIB": 16 * 1024,
        "CUSTOM_VALENCE_STORAGE_CAPACITY_GIB": 100,
    },
    "resource_traits": {},
}
#: Of drives only a pod manager knows enough to refuse.
TOO_LARGE = {"resources": {"CUSTOM_VALENCE_STORAGE_CAPACITY_GIB": 10**6}, "resource_traits": {}}


class Driver:
    """The requests of ``mogan.baremetal.ironic.driver``, with an image that the lab has."""

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
        if self._until(server, ("active", "deploy failed")).provision_state != "active":
            reason = node.get(server.node_uuid).last_error
            raise self._mogan.exception.ServerDeployFailure(reason)

    def destroy(self, context: Any, server: Any) -> None:
        try:
            node = self._ironic.node.get_by_instance_uuid(server.uuid)
        except Exception:
            return
        if node.provision_state in ("active", "deploy failed", "error"):
            self._ironic.node.set_provision_state(node.uuid, "deleted")
            self._until(server, ("cleaning", "clean wait", "available"))

    def _until(self, server: Any, wanted: tuple[str, ...]) -> Any:
        deadline = time.monotonic() + base.PATIENCE
        while (node := self._ironic.node.get(server.node_uuid)).provision_state not in wanted:
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
        self.stage = self.useFixture(
            mogan_world.Mogan(
                pathlib.Path(folder.name),
                lambda mogan: Driver(mogan, self.ironic),
                lambda _conf: provisioner_module.Provisioner(self.lab.plugin_conf()),
            )
        )

    def start_provisioner(self) -> Any:
        """Leave the flows to the engine: it holds them in its own process."""

    def test_a_server_is_composed_enrolled_deployed_by_mogan_and_given_back(self) -> None:
        manager = self.stage.start()
        server = self.stage.created(manager, FLAVOR)
        faults = self.stage.contract.FAULTS
        self.assertEqual(("active", "power on", []), (server.status, server.power_state, faults))
        known = self.ironic.node.get(server.node_uuid)
        self.assertEqual(("active", server.uuid), (known.provision_state, known.instance_uuid))
        node = self.valence.nodes.get(known.extra["valence_node"])
        self.assertEqual(("composed", "ironic"), (node.state, node.managed_by))
        self.stage.delete(manager, server)
        self.assertTrue(self.stage.is_gone(server))

    def test_a_server_that_cannot_be_composed_says_why_in_the_pod_managers_words(self) -> None:
        server = self.stage.created(self.stage.start(), TOO_LARGE)
        self.assertEqual(("error", False), (server.status, server.composed))
        self.assertIn("no computer systems available", self.stage.contract.FAULTS[-1]["message"])

    def test_an_engine_that_starts_again_gives_back_what_it_was_composing(self) -> None:
        manager, server = self.stage.start(), self.stage.server()
        self.stage.ask_for(manager, server, flavor=FLAVOR)
        mogan_world.until(lambda: list(self.valence.nodes.list()))
        self.stage.stop(manager)
        self.stage.start()
        self.stage.join()
        ended = self.stage.read(server)
        self.assertEqual(("error", False), (ended.status, ended.composed))
        self.assertIn("mogan-engine stopped", self.stage.contract.FAULTS[-1]["message"])
