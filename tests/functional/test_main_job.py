# SPDX-License-Identifier: Apache-2.0

"""The main job: compose, enrol, deploy, and release everything."""

from ironicclient import exc as ironic_errors

from tests.functional import base
from valence_integration import errors
from valence_integration import states
import valenceclient

STUCK_TRAY = {
    "match": {"method": "POST", "path": "VirtualMedia.*InsertMedia"},
    "times": 1000,
    "action": {"type": "error", "status": 400, "message": "the media tray is stuck"},
}
"""A fault: machines refuse the image that Ironic wants them to boot."""


class TestProvision(base.FunctionalTestCase):
    """A server is provisioned and destroyed."""

    def test_a_server_is_composed_enrolled_deployed_and_released(self) -> None:
        uuid = self.provision(deploy=base.RAMDISK)
        instance = self.wait(uuid)
        self.assertEqual(states.ACTIVE, instance.state)
        self.assertIs(True, instance.composed)
        node = self.valence.nodes.get(instance.node_uuid)
        self.assertEqual(("composed", "ironic"), (node.state, node.managed_by))
        machine = self.ironic.node.get(instance.ironic_uuid)
        self.assertEqual(("active", "power on"), (machine.provision_state, machine.power_state))
        self.assertEqual(uuid, machine.instance_uuid)
        ports = self.ironic.node.list_ports(instance.ironic_uuid)
        self.assertEqual(
            sorted(interface.mac.lower() for interface in node.interfaces),
            sorted(port.address for port in ports),
        )

        self.assertEqual(states.DELETED, self.destroy(uuid).state)
        self.assertRaises(valenceclient.errors.NotFound, self.valence.nodes.get, node.uuid)
        self.assertRaises(ironic_errors.NotFound, self.ironic.node.get, instance.ironic_uuid)

    def test_a_server_without_a_deployment_waits_in_ironic_for_one(self) -> None:
        instance = self.wait(self.provision())
        self.assertEqual("available", self.ironic.node.get(instance.ironic_uuid).provision_state)
        self.destroy(instance.uuid)

    def test_the_same_request_again_is_the_same_server(self) -> None:
        uuid = self.provision()
        self.assertEqual(uuid, self.provision(uuid=uuid))
        self.wait(uuid)
        self.assertEqual(1, len(list(self.valence.nodes.list())))
        self.destroy(uuid)

    def test_destroying_again_changes_nothing(self) -> None:
        uuid = self.provision()
        self.wait(uuid)
        self.provisioner.destroy(uuid)
        self.assertEqual(states.DELETED, self.destroy(uuid).state)
        self.assertEqual(states.DELETED, self.destroy(uuid).state)

    def test_a_server_that_is_destroyed_while_it_is_provisioned_is_released(self) -> None:
        uuid = self.provision(deploy=base.RAMDISK)
        self.provisioner.destroy(uuid)
        self.assertEqual(states.DELETED, self.wait(uuid).state)


class TestFailure(base.FunctionalTestCase):
    """A failed provisioning is undone, and the caller gets the reason."""

    def failure(self, uuid: str) -> errors.InstanceFailed:
        """Wait until a provisioning fails; check that nothing is left of it."""
        failed = self.assertRaises(errors.InstanceFailed, self.wait, uuid)
        instance = self.provisioner.get(uuid)
        self.assertEqual(states.ERROR, instance.state)
        self.assertRaises(
            valenceclient.errors.NotFound, self.valence.nodes.get, instance.node_uuid
        )
        self.assertRaises(ironic_errors.NotFound, self.ironic.node.get, instance.ironic_uuid)
        for name, pod in self.lab.pods.items():
            self.assertEqual([], pod.pool()["nodes"], name)
        self.assertEqual(states.DELETED, self.destroy(uuid).state)
        return failed

    def test_an_impossible_request_is_refused_with_the_pod_managers_message(self) -> None:
        # The scheduler does not filter by drives.
        request = {**base.SERVER, "storage": [{"capacity_gib": 10**6}]}
        failed = self.failure(self.provision(request))
        self.assertIn("no computer systems available", str(failed))

    def test_a_composition_that_fails_enrols_nothing(self) -> None:
        for pod in self.lab.pods.values():
            pod.misbehave({"node": {"assemble": "fail"}, "times": 1000})
        failed = self.failure(self.provision())
        self.assertIn("failed", str(failed).lower())

    def test_an_enrolment_that_fails_after_ironic_has_the_node_is_undone(self) -> None:
        self.enroll_relic("large")
        failed = self.failure(self.provision(base.LARGE_SERVER))
        self.assertIn("has a port with the MAC", str(failed))

    def test_a_deployment_that_fails_is_undone(self) -> None:
        for pod in self.lab.pods.values():
            pod.misbehave(STUCK_TRAY)
        failed = self.failure(self.provision(deploy=base.RAMDISK))
        self.assertIn("the media tray is stuck", str(failed))


class TestRestart(base.FunctionalTestCase):
    """A service that was killed continues with the same task."""

    def test_a_server_survives_the_service_being_killed_while_it_is_composed(self) -> None:
        uuid = self.provision()
        node = self.provisioner.get(uuid).node_uuid
        self.wait_for(lambda: self.is_composing(str(node)), timeout=base.PATIENCE)
        self.lab.service.process.kill()
        self.lab.restart_service()
        self.assertEqual(states.ACTIVE, self.wait(uuid).state)
        self.destroy(uuid)

    def is_composing(self, node: str) -> bool:
        """Return whether a task of the node runs."""
        try:
            return bool(self.valence.nodes.get(node).task)
        except valenceclient.errors.NotFound:
            return False
