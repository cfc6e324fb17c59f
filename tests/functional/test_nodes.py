# SPDX-License-Identifier: Apache-2.0

"""Actions of operators on nodes, with simulated pods and a real Ironic."""

from ironicclient import exc as ironic_errors

from tests.functional import base
from valence_integration import states
import valenceclient


class TestNodes(base.FunctionalTestCase):
    def compose(self) -> valenceclient.Node:
        return self.valence.nodes.create(name="web", properties=base.SERVER, wait=True)

    def vanish(self, node: valenceclient.Node) -> None:
        """Delete a node on its pod manager, without the service."""
        podm = self.valence.podmanagers.get(str(node.podm_id))
        self.lab.pods[podm.name].redfish(str(node.path), "DELETE")

    def test_a_node_is_reset_until_it_is_registered_in_ironic(self) -> None:
        node = self.compose()
        self.assertEqual("On", self.valence.nodes.reset(node.uuid, "On").power_state)
        self.valence.nodes.set_boot(node.uuid, "Pxe")
        self.valence.nodes.register(node.uuid, wait=True)
        conflict = valenceclient.errors.Conflict
        self.assertRaises(conflict, self.valence.nodes.reset, node.uuid, "ForceOff")
        self.valence.nodes.unregister(node.uuid, wait=True)
        self.assertEqual("Off", self.valence.nodes.reset(node.uuid, "ForceOff").power_state)
        self.valence.nodes.delete(node.uuid, wait=True)

    def test_a_deployed_server_whose_hardware_is_gone_leaves_ironic_by_force(self) -> None:
        uuid = self.provision(deploy=base.RAMDISK)
        instance = self.wait(uuid)
        node = self.valence.nodes.get(instance.node_uuid)
        self.vanish(node)
        self.assertEqual("missing", self.valence.nodes.get(node.uuid, refresh=True).state)
        self.assertRaises(valenceclient.errors.Conflict, self.valence.nodes.delete, node.uuid)
        self.valence.nodes.delete(node.uuid, force=True, wait=True, timeout=base.PATIENCE)
        self.assertRaises(ironic_errors.NotFound, self.ironic.node.get, instance.ironic_uuid)
        self.assertEqual(states.DELETED, self.destroy(uuid).state)
