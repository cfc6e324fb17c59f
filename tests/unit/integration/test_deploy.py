# SPDX-License-Identifier: Apache-2.0

"""DeployNodeTask and its revert, and each task of the destroy flow."""

from typing import Any

from tests.unit.integration import base
from valence_conductor.errors import Fault
from valence_integration import errors
from valence_integration.objects.instance import Instance
from valence_integration.tasks import compose
from valence_integration.tasks import deploy
from valence_integration.tasks import enroll


class TestDeployNodeTask(base.TaskTestCase):
    def enrolled(self, **changes: Any) -> Instance:
        instance = self.add_instance(**changes)
        self.run_task(compose.ComposeNodeTask, instance)
        self.run_task(enroll.EnrollNodeTask, instance)
        self.ironic.events.clear()
        return instance

    def test_deploys_the_requested_fields(self) -> None:
        fields = {**base.DEPLOY, "deploy_interface": "direct", "configdrive": "H4sIAA=="}
        instance = self.enrolled(deploy=fields)
        self.run_task(deploy.DeployNodeTask, instance)
        node = self.node_of(instance)
        self.assertEqual("active", node["provision_state"])
        self.assertEqual(base.DEPLOY["instance_info"], node["instance_info"])
        self.assertEqual("direct", node["deploy_interface"])
        self.assertEqual(["H4sIAA=="], self.ironic.configdrives)

    def test_a_configdrive_may_be_a_dictionary(self) -> None:
        drive = {"meta_data": {"name": "web"}}
        instance = self.enrolled(deploy={**base.DEPLOY, "configdrive": drive})
        self.run_task(deploy.DeployNodeTask, instance)
        self.assertEqual([drive], self.ironic.configdrives)

    def test_run_twice_it_deploys_once(self) -> None:
        instance = self.enrolled()
        self.run_task(deploy.DeployNodeTask, instance)
        self.run_task(deploy.DeployNodeTask, instance)
        self.assertEqual(["active"], self.ironic.events)

    def test_a_lost_response_does_not_deploy_twice(self) -> None:
        instance = self.enrolled()
        self.ironic.lose("PUT", ".*/states/provision", done=True)
        self.run_task(deploy.DeployNodeTask, instance)
        self.assertEqual(["active"], self.ironic.events)

    def test_a_locked_node_is_waited_for(self) -> None:
        instance = self.enrolled()
        message = "Node x is locked by host lab"
        self.ironic.answer("PUT", ".*/states/provision", 409, message, times=3)
        self.run_task(deploy.DeployNodeTask, instance, self.make_context(busy_timeout=20))
        self.assertEqual(["active"], self.ironic.events)

    def test_a_node_locked_for_too_long_is_a_failure(self) -> None:
        instance = self.enrolled()
        message = "Node x is locked by host lab"
        self.ironic.answer("PUT", ".*/states/provision", 409, message, times=10_000)
        fault = self.assertRaises(Fault, self.run_task, deploy.DeployNodeTask, instance)
        self.assertEqual("Node x is locked by host lab", fault.details["reason"])

    def test_a_request_that_ironic_refused_is_not_repeated(self) -> None:
        instance = self.enrolled()
        self.ironic.answer("PUT", ".*/states/provision", 400, "boot_iso is missing", times=9)
        fault = self.assertRaises(Fault, self.run_task, deploy.DeployNodeTask, instance)
        self.assertEqual(errors.IRONIC_REFUSED, fault.details["code"])
        self.assertIn("boot_iso is missing", str(fault))
        puts = [call for call in self.ironic.wire.calls if call.method == "PUT"]
        self.assertEqual(1, sum(call.status == 400 for call in puts))

    def test_a_failed_deployment_has_ironics_last_error_as_reason(self) -> None:
        instance = self.enrolled()
        self.ironic.fail("deploying", "Image not found")
        fault = self.assertRaises(Fault, self.run_task, deploy.DeployNodeTask, instance)
        self.assertEqual("Image not found", fault.details["reason"])
        self.assertIn("'deploy failed'", str(fault))

    def test_a_failed_deployment_without_last_error_has_its_reason_from_the_history(self) -> None:
        instance = self.enrolled()
        self.ironic.fail("deploying", None, history="InsertMedia answered 500")
        fault = self.assertRaises(Fault, self.run_task, deploy.DeployNodeTask, instance)
        self.assertEqual("InsertMedia answered 500", fault.details["reason"])

    def test_a_node_deleted_meanwhile_is_a_failure(self) -> None:
        instance = self.enrolled()
        self.ironic.nodes.clear()
        fault = self.assertRaises(Fault, self.run_task, deploy.DeployNodeTask, instance)
        self.assertEqual(errors.NODE_GONE, fault.details["code"])

    def test_its_revert_undeploys_from_any_state_that_ironic_accepts(self) -> None:
        for state in ("deploying", "active", "deploy failed", "wait call-back", "error"):
            instance = self.enrolled()
            self.ironic.enter(self.node_of(instance), state)
            self.revert_task(deploy.DeployNodeTask, instance)
            self.assertEqual("available", self.node_of(instance)["provision_state"], state)
            self.assertEqual(["deleted"], self.ironic.events, state)

    def test_its_revert_does_not_change_a_node_that_was_never_deployed(self) -> None:
        instance = self.enrolled()
        self.revert_task(deploy.DeployNodeTask, instance)
        self.assertEqual([], self.ironic.events)

    def test_its_revert_succeeds_when_the_node_is_gone(self) -> None:
        instance = self.enrolled()
        self.ironic.nodes.clear()
        self.revert_task(deploy.DeployNodeTask, instance)

    def test_its_revert_retries_and_then_raises(self) -> None:
        instance = self.enrolled()
        self.run_task(deploy.DeployNodeTask, instance)
        self.ironic.fail("deleting", "power is stuck")
        self.revert_task(deploy.DeployNodeTask, instance)
        self.assertEqual(["active", "deleted", "deleted"], self.ironic.events)
        other = self.enrolled()
        self.run_task(deploy.DeployNodeTask, other)
        for _attempt in range(9):
            self.ironic.fail("deleting", "power is stuck")
        fault = self.assertRaises(Fault, self.revert_task, deploy.DeployNodeTask, other)
        self.assertIn("power is stuck", str(fault))

    def test_a_node_whose_cleaning_failed_is_left_to_an_operator(self) -> None:
        instance = self.enrolled()
        self.run_task(deploy.DeployNodeTask, instance)
        self.ironic.fail("cleaning", "disk sda could not be erased")
        fault = self.assertRaises(Fault, self.revert_task, deploy.DeployNodeTask, instance)
        self.assertIn("disk sda could not be erased", str(fault))


class TestDestroyTasks(base.TaskTestCase):
    KINDS = (
        deploy.UndeployNodeTask,
        enroll.UnregisterNodeTask,
        enroll.ConfirmForgottenTask,
        compose.ReleaseNodeTask,
    )

    def active(self) -> Instance:
        return self.destroying(
            self.provisioned(compose.ComposeNodeTask, enroll.EnrollNodeTask, deploy.DeployNodeTask)
        )

    def test_every_task_may_be_repeated(self) -> None:
        instance = self.active()
        for kind in self.KINDS:
            self.run_task(kind, instance)
            self.run_task(kind, instance)
        self.assertEqual(({}, []), (self.ironic.nodes, self.composed()))
        self.assertIs(False, self.instances.get(instance.uuid).composed)

    def test_nothing_is_confirmed_while_ironic_has_the_node(self) -> None:
        instance = self.active()
        fault = self.assertRaises(Fault, self.run_task, enroll.ConfirmForgottenTask, instance)
        self.assertEqual(errors.STILL_OWNED, fault.details["code"])

    def test_valence_releases_no_node_that_it_has_registered(self) -> None:
        instance = self.active()
        fault = self.assertRaises(Fault, self.run_task, compose.ReleaseNodeTask, instance)
        self.assertEqual(errors.STILL_OWNED, fault.details["code"])
        self.assertEqual([instance.node_uuid], self.composed())

    def test_an_instance_whose_nodes_are_gone_is_destroyed(self) -> None:
        instance = self.active()
        self.ironic.nodes.clear()
        self.valence.nodes.remove(self.valence.nodes.get(instance.node_uuid))
        for kind in self.KINDS:
            self.run_task(kind, instance)

    def test_an_instance_that_never_had_a_node_is_destroyed(self) -> None:
        instance = self.add_instance()
        self.instances.write(instance.uuid, 1, "provisioning", node_uuid=None, ironic_uuid=None)
        instance = self.destroying(instance)
        for kind in self.KINDS:
            self.run_task(kind, instance)
        self.assertEqual([], self.valence.calls + self.ironic.wire.calls)
