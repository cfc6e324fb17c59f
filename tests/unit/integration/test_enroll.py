# SPDX-License-Identifier: Apache-2.0

"""EnrollNodeTask: a composed node becomes available in Ironic, and is removed again."""

from tests.unit.integration import base
from valence_conductor.errors import Fault
from valence_conductor.errors import TimedOut
from valence_integration import errors
from valence_integration.objects.instance import Instance
from valence_integration.tasks import compose
from valence_integration.tasks import deploy
from valence_integration.tasks import enroll


class TestEnrollNodeTask(base.TaskTestCase):
    def composed_one(self) -> Instance:
        return self.provisioned(compose.ComposeNodeTask)

    def test_the_node_is_available_and_assigned_to_the_instance(self) -> None:
        instance = self.composed_one()
        self.run_task(enroll.EnrollNodeTask, instance)
        node = self.node_of(instance)
        self.assertEqual("available", node["provision_state"])
        self.assertEqual(instance.uuid, node["instance_uuid"])
        marks = {
            "valence_instance": instance.uuid,
            "valence_instance_installation": self.instances.installation(),
            "valence_node": instance.node_uuid,
        }
        self.assertEqual(marks, node["extra"])
        self.assertEqual("valence", node["resource_class"])

    def test_a_node_that_valence_did_not_assign_to_the_instance_is_claimed(self) -> None:
        instance = self.composed_one()
        register = self.ironic.registered
        self.valence.on_register = lambda node, fields: register(
            node, {k: v for k, v in fields.items() if k != "instance_uuid"}
        )
        self.run_task(enroll.EnrollNodeTask, instance)
        self.assertEqual(instance.uuid, self.node_of(instance)["instance_uuid"])

    def test_a_node_of_another_instance_is_left_unchanged(self) -> None:
        instance = self.composed_one()
        self.valence.client().nodes.register(
            instance.node_uuid, uuid=instance.ironic_uuid, instance_uuid="another"
        )
        fault = self.assertRaises(Fault, self.run_task, enroll.EnrollNodeTask, instance)
        self.assertEqual(errors.NODE_DIFFERS, fault.details["code"])
        self.assertEqual(["create"], self.ironic.events)

    def test_run_twice_it_registers_once_and_drives_once(self) -> None:
        instance = self.composed_one()
        self.run_task(enroll.EnrollNodeTask, instance)
        self.run_task(enroll.EnrollNodeTask, instance)
        self.assertEqual(["create", "manage", "provide"], self.ironic.events)

    def test_killed_in_any_state_the_next_run_drives_on_from_there(self) -> None:
        for state, expected in (
            ("enroll", ["manage", "provide"]),
            ("verifying", ["provide"]),
            ("manageable", ["provide"]),
            ("cleaning", []),
            ("available", []),
        ):
            instance = self.composed_one()
            self.valence.client().nodes.register(
                instance.node_uuid,
                uuid=instance.ironic_uuid,
                instance_uuid=instance.uuid,
                wait=True,
            )
            self.ironic.enter(self.node_of(instance), state)
            self.ironic.events.clear()
            self.run_task(enroll.EnrollNodeTask, instance)
            self.assertEqual(expected, self.ironic.events, state)

    def test_a_node_that_ironic_has_locked_is_not_done(self) -> None:
        instance = self.composed_one()
        self.run_task(enroll.EnrollNodeTask, instance)
        self.node_of(instance)["reservation"] = "lab"
        context = self.make_context(enroll_timeout=0.2)
        self.assertRaises(TimedOut, self.run_task, enroll.EnrollNodeTask, instance, context)

    def test_ironics_refusal_to_register_is_the_reason(self) -> None:
        instance = self.composed_one()
        self.valence.fail("register", code="valence.ironic.refused", reason="Driver not found.")
        fault = self.assertRaises(Fault, self.run_task, enroll.EnrollNodeTask, instance)
        self.assertEqual("valence.ironic.refused", fault.details["code"])
        self.assertIn("Driver not found.", str(fault))

    def test_a_bmc_that_cannot_be_verified_is_a_failure_with_ironics_message(self) -> None:
        instance = self.composed_one()
        self.ironic.fail("verifying", "Failed to get power state: no route to host")
        fault = self.assertRaises(Fault, self.run_task, enroll.EnrollNodeTask, instance)
        self.assertEqual(errors.IRONIC_FAILED, fault.details["code"])
        self.assertIn("no route to host", fault.details["reason"])

    def test_a_node_that_another_client_registered_is_a_failure(self) -> None:
        instance = self.composed_one()
        self.valence.client().nodes.register(
            instance.node_uuid, uuid="8a6e5d3a-0a4d-4f6f-9a55-3d1c5ad4f9d1", wait=True
        )
        fault = self.assertRaises(Fault, self.run_task, enroll.EnrollNodeTask, instance)
        self.assertEqual(errors.NODE_DIFFERS, fault.details["code"])

    def half_registered(self) -> Instance:
        """Return an instance whose registration and its revert failed: managed_by is kept."""
        instance = self.provisioned(compose.ComposeNodeTask, enroll.EnrollNodeTask)
        fault = {"code": "valence.ironic.unavailable", "detail": "No.", "operation": "register"}
        self.valence.nodes.get(instance.node_uuid)["fault"] = fault
        return instance

    def test_a_registration_that_valence_could_not_finish_is_not_done(self) -> None:
        instance = self.half_registered()
        fault = self.assertRaises(Fault, self.run_task, enroll.EnrollNodeTask, instance)
        self.assertEqual("valence.ironic.unavailable", fault.details["code"])

    def test_its_revert_undoes_a_registration_that_valence_could_not_finish(self) -> None:
        instance = self.half_registered()
        self.revert_task(enroll.EnrollNodeTask, instance)
        self.assertEqual({}, self.ironic.nodes)
        self.assertIsNone(self.valence.nodes.get(instance.node_uuid)["managed_by"])

    def test_its_revert_raises_with_ironics_reason_for_keeping_the_node(self) -> None:
        instance = self.provisioned(compose.ComposeNodeTask, enroll.EnrollNodeTask)
        self.valence.fail("unregister", code="valence.ironic.refused", reason="locked", times=9)
        fault = self.assertRaises(Fault, self.revert_task, enroll.EnrollNodeTask, instance)
        self.assertEqual(("valence.ironic.refused", "locked"), self.code_and_reason(fault))

    def code_and_reason(self, fault: Fault) -> tuple[str, str]:
        return fault.details["code"], fault.details["reason"]

    def test_its_revert_removes_the_node_from_ironic_in_any_state(self) -> None:
        for state in ("enroll", "verifying", "manageable", "cleaning", "available"):
            instance = self.provisioned(compose.ComposeNodeTask, enroll.EnrollNodeTask)
            self.ironic.enter(self.node_of(instance), state)
            self.revert_task(enroll.EnrollNodeTask, instance)
            self.assertEqual({}, self.ironic.nodes, state)
            self.assertIsNone(self.valence.nodes.get(instance.node_uuid)["managed_by"])

    def test_its_revert_waits_for_a_running_registration(self) -> None:
        instance = self.composed_one()
        self.valence.client().nodes.register(
            instance.node_uuid, uuid=instance.ironic_uuid, instance_uuid=instance.uuid
        )
        self.revert_task(enroll.EnrollNodeTask, instance)
        self.assertEqual({}, self.ironic.nodes)
        self.assertEqual("composed", self.valence.nodes.get(instance.node_uuid)["state"])

    def test_its_revert_succeeds_when_nothing_was_registered(self) -> None:
        instance = self.composed_one()
        self.revert_task(enroll.EnrollNodeTask, instance)
        self.revert_task(enroll.EnrollNodeTask, instance)
        self.assertEqual([], self.ironic.events)

    def unknown_to_valence(self, owner: str | None = None) -> Instance:
        """Return an instance whose Ironic uuid has a node that Valence does not report."""
        instance = self.composed_one()
        extra = {enroll.EXTRA: owner or instance.uuid}
        self.ironic.add(str(instance.ironic_uuid), extra=extra)
        return instance

    def test_its_revert_removes_a_node_that_valence_does_not_report(self) -> None:
        instance = self.unknown_to_valence()
        self.node_of(instance)["instance_uuid"] = instance.uuid
        self.revert_task(enroll.EnrollNodeTask, instance)
        self.assertEqual({}, self.ironic.nodes)

    def test_its_revert_raises_when_ironic_keeps_a_node_that_it_claimed_to_delete(self) -> None:
        instance = self.unknown_to_valence()
        self.ironic.answer("DELETE", "/v1/nodes/.*", 204, "", times=9)
        fault = self.assertRaises(Fault, self.revert_task, enroll.EnrollNodeTask, instance)
        self.assertEqual(errors.STILL_OWNED, fault.details["code"])

    def test_a_foreign_node_under_its_uuid_survives_and_is_the_reason(self) -> None:
        instance = self.unknown_to_valence("another")
        fault = self.assertRaises(Fault, self.revert_task, enroll.EnrollNodeTask, instance)
        self.assertEqual(errors.NODE_DIFFERS, fault.details["code"])
        self.assertIn(f"not registered for instance {instance.uuid}", str(fault))
        instance = self.destroying(instance)
        self.assertRaises(Fault, self.run_task, enroll.UnregisterNodeTask, instance)
        self.assertEqual({instance.ironic_uuid}, set(self.ironic.nodes))

    def test_its_revert_raises_while_ironic_is_unavailable(self) -> None:
        instance = self.provisioned(compose.ComposeNodeTask, enroll.EnrollNodeTask)
        self.ironic.answer("GET", "/v1/nodes/.*", 503, "out", times=10_000)
        fault = self.assertRaises(Fault, self.revert_task, enroll.EnrollNodeTask, instance)
        self.assertEqual(errors.IRONIC_UNAVAILABLE, fault.details["code"])

    def test_its_revert_never_removes_a_deployed_node(self) -> None:
        instance = self.provisioned(
            compose.ComposeNodeTask, enroll.EnrollNodeTask, deploy.DeployNodeTask
        )
        self.assertRaises(Fault, self.revert_task, enroll.EnrollNodeTask, instance)
        self.assertEqual("active", self.node_of(instance)["provision_state"])
