# SPDX-License-Identifier: Apache-2.0

"""Another attempt at an instance that failed."""

from tests.unit.integration import test_provisioning
from valence_conductor import ids as identity
from valence_integration import errors
from valence_integration.objects.instance import Instance


class TestRetry(test_provisioning.ProvisionerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.start()

    def failing(self) -> Instance:
        """Have an instance in error that was given back."""
        self.valence.fail("compose", reason="No drive is free.")
        return self.failed(self.provision().uuid).instance

    def refused(self, uuid: str) -> str:
        return str(self.assertRaises(errors.RetryRefused, self.provisioner.retry, uuid))

    def test_another_attempt_has_ids_of_its_own_and_comes_to_its_end(self) -> None:
        failed = self.failing()
        again = self.provisioner.retry(failed.uuid)
        self.assertEqual(("provisioning", 2, None), (again.state, again.generation, again.fault))
        self.assertEqual(identity.derive_uuid("node", failed.uuid, 2), again.node_uuid)
        self.assertEqual(identity.derive_uuid("ironic", failed.uuid, 2), again.ironic_uuid)
        self.assertNotEqual(failed.node_uuid, again.node_uuid)
        instance = self.wait(failed.uuid)
        self.assertEqual(("active", True), (instance.state, instance.composed))
        self.assertEqual([again.node_uuid], self.composed())
        self.provisioner.destroy(failed.uuid)
        self.assertEqual("deleted", self.wait(failed.uuid).state)
        self.assert_nothing_is_left()

    def test_it_may_fail_again_and_be_tried_again(self) -> None:
        uuid = self.failing().uuid
        self.valence.fail("compose", reason="Still none.")
        self.provisioner.retry(uuid)
        self.assertIn("Still none.", str(self.failed(uuid)))
        self.assertEqual(3, self.provisioner.retry(uuid).generation)
        self.assertEqual("active", self.wait(uuid).state)

    def test_an_instance_that_is_not_in_error_is_left_as_it_is(self) -> None:
        instance = self.wait(self.provision().uuid)
        self.assertIn("It is active", self.refused(instance.uuid))
        self.assertEqual(1, self.provisioner.get(instance.uuid).generation)

    def test_what_is_still_held_is_named_and_is_to_be_destroyed_first(self) -> None:
        self.ironic.fail("deploying", "no image")
        self.ironic._failures += [("deleting", "stuck", None)] * 9
        failed = self.failed(self.provision().uuid).instance
        words = self.refused(failed.uuid)
        self.assertIn("It still stands on hardware", words)
        self.assertIn(f"Valence still has its node {failed.node_uuid} (composed).", words)
        self.assertIn(f"Ironic still has its node {failed.ironic_uuid} (error).", words)
        self.assertIn("Destroy it first", words)
        self.assertEqual("error", self.provisioner.get(failed.uuid).state)

    def test_a_row_that_says_too_little_does_not_suffice(self) -> None:
        """It was given back by its own account, and Valence knows better."""
        failed = self.failing()
        self.valence.client().nodes.create(
            uuid=failed.node_uuid, properties={"processor": {"total_cores": 1}}
        )
        self.assertIn("Valence still has its node", self.refused(failed.uuid))

    def test_a_service_that_does_not_answer_is_not_taken_for_one_that_has_nothing(self) -> None:
        failed = self.failing()
        self.ironic.answer("GET", f"/v1/nodes/{failed.ironic_uuid}", 503, "Busy.")
        words = self.refused(failed.uuid)
        self.assertIn("Ironic does not say whether", words)
        self.assertIn("Try again", words)
        self.assertEqual("provisioning", self.provisioner.retry(failed.uuid).state)

    def test_two_who_retry_at_once_are_one(self) -> None:
        failed = self.failing()
        ids = {"node_uuid": "n", "ironic_uuid": "i"}
        read = self.instances.get(failed.uuid)
        self.provisioner._instances.request_retry(
            read.uuid, 1, {name: identity.derive_uuid(name, read.uuid, 2) for name in ids}
        )
        stale = self.provisioner._instances.get
        self.provisioner._instances.get = lambda _uuid: failed  # type: ignore[method-assign]
        self.assertIn("Somebody was faster", self.refused(failed.uuid))
        self.provisioner._instances.get = stale  # type: ignore[method-assign]

    def test_an_attempt_may_be_made_on_another_pod_manager(self) -> None:
        failed = self.failing()
        second = self.valence.add_podmanager("pod-2")["uuid"]
        self.provisioner.retry(failed.uuid, podm_id=second)
        self.assertEqual(second, self.wait(failed.uuid).podm_uuid)

    def test_one_that_is_deleted_comes_again_only_if_its_owner_says_so(self) -> None:
        uuid = self.wait(self.provision().uuid).uuid
        self.provisioner.destroy(uuid)
        self.assertEqual("deleted", self.wait(uuid).state)
        self.assertIn("It is deleted", self.refused(uuid))
        self.assertEqual(3, self.provisioner.retry(uuid, revive=True).generation)
        self.assertEqual("active", self.wait(uuid).state)

    def test_an_instance_that_nobody_knows_is_told_so(self) -> None:
        self.assertRaises(errors.InstanceNotFound, self.provisioner.retry, "nobody")
