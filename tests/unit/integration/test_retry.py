# SPDX-License-Identifier: Apache-2.0

"""Retry an instance that failed."""

from tests.unit.integration import test_provisioning
from valence_conductor import ids
from valence_integration import errors
from valence_integration import provisioner as provisioner_module
from valence_integration.objects.instance import Instance


class TestRetry(test_provisioning.ProvisionerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.start()

    def failing(self) -> Instance:
        """Return an instance in error whose resources were released."""
        self.valence.fail("compose", reason="No drive is free.")
        return self.failed(self.provision().uuid).instance

    def refused(self, uuid: str) -> str:
        return str(self.assertRaises(errors.RetryRefused, self.provisioner.retry, uuid))

    def test_another_attempt_has_new_ids_and_succeeds(self) -> None:
        failed = self.failing()
        again = self.provisioner.retry(failed.uuid)
        self.assertEqual(("provisioning", 2, None), (again.state, again.generation, again.fault))
        self.assertEqual(ids.derive_uuid("node", failed.uuid, 2), again.node_uuid)
        self.assertEqual(ids.derive_uuid("ironic", failed.uuid, 2), again.ironic_uuid)
        self.assertNotEqual(failed.node_uuid, again.node_uuid)
        instance = self.wait(failed.uuid)
        self.assertEqual(("active", True), (instance.state, instance.composed))
        self.assertEqual([again.node_uuid], self.composed())
        self.provisioner.destroy(failed.uuid)
        self.assertEqual("deleted", self.wait(failed.uuid).state)
        self.assert_nothing_is_left()

    def test_an_instance_may_fail_and_be_retried_again(self) -> None:
        uuid = self.failing().uuid
        self.valence.fail("compose", reason="Still none.")
        self.provisioner.retry(uuid)
        self.assertIn("Still none.", str(self.failed(uuid)))
        self.assertEqual(3, self.provisioner.retry(uuid).generation)
        self.assertEqual("active", self.wait(uuid).state)

    def test_an_instance_that_is_not_in_error_is_left_unchanged(self) -> None:
        instance = self.wait(self.provision().uuid)
        self.assertIn("It is active", self.refused(instance.uuid))
        self.assertEqual(1, self.provisioner.get(instance.uuid).generation)

    def test_resources_that_are_still_held_are_named_and_must_be_destroyed_first(self) -> None:
        self.ironic.fail("deploying", "no image")
        self.ironic.fail("deleting", "stuck", times=9)
        failed = self.failed(self.provision().uuid).instance
        message = self.refused(failed.uuid)
        self.assertIn("Hardware is still composed for it.", message)
        self.assertIn(f"Valence still has its node {failed.node_uuid} (composed).", message)
        self.assertIn(f"Ironic still has its node {failed.ironic_uuid} (error).", message)
        self.assertIn("Destroy it first", message)
        self.assertEqual("error", self.provisioner.get(failed.uuid).state)

    def test_a_node_that_only_valence_still_has_is_an_obstacle(self) -> None:
        """The row says that everything was released, but Valence still has the node."""
        failed = self.failing()
        self.valence.client().nodes.create(
            uuid=failed.node_uuid, properties={"processor": {"total_cores": 1}}
        )
        self.assertIn("Valence still has its node", self.refused(failed.uuid))

    def test_an_unavailable_service_is_an_obstacle_until_it_responds(self) -> None:
        failed = self.failing()
        self.ironic.answer("GET", f"/v1/nodes/{failed.ironic_uuid}", 503, "Busy.")
        message = self.refused(failed.uuid)
        self.assertIn("It is unknown whether Ironic still has its node", message)
        self.assertIn("Try again", message)
        self.assertEqual("provisioning", self.provisioner.retry(failed.uuid).state)

    def test_two_retries_at_once_are_one(self) -> None:
        failed = self.failing()
        repository = self.provisioner._instances
        repository.request_retry(failed.uuid, 1, provisioner_module.ids_of(failed.uuid, 2))
        get = repository.get
        repository.get = lambda _uuid: failed  # type: ignore[method-assign]
        self.assertIn("Another request changed it meanwhile", self.refused(failed.uuid))
        repository.get = get  # type: ignore[method-assign]

    def test_an_attempt_may_be_made_on_another_pod_manager(self) -> None:
        failed = self.failing()
        second = self.valence.add_podmanager("pod-2")["uuid"]
        self.provisioner.retry(failed.uuid, podm_id=second)
        self.assertEqual(second, self.wait(failed.uuid).podm_uuid)

    def test_a_deleted_instance_is_provisioned_again_only_with_revive(self) -> None:
        uuid = self.wait(self.provision().uuid).uuid
        self.provisioner.destroy(uuid)
        self.assertEqual("deleted", self.wait(uuid).state)
        self.assertIn("It is deleted", self.refused(uuid))
        self.assertEqual(3, self.provisioner.retry(uuid, revive=True).generation)
        self.assertEqual("active", self.wait(uuid).state)

    def test_an_unknown_instance_is_not_found(self) -> None:
        self.assertRaises(errors.InstanceNotFound, self.provisioner.retry, "unknown")
