# SPDX-License-Identifier: Apache-2.0

"""ComposeNodeTask: its request, its idempotence, and its revert."""

import datetime

from tests.unit.integration import base
from valence_conductor import errors as conductor_errors
from valence_conductor import waiting
from valence_conductor.errors import Fault
from valence_integration import errors
from valence_integration.tasks import compose
from valence_integration.tasks import enroll


class TestComposeNodeTask(base.TaskTestCase):
    def test_composes_under_the_uuid_of_the_row_and_records_it(self) -> None:
        instance = self.add_instance()
        self.run_task(compose.ComposeNodeTask, instance)
        node = self.valence.nodes.get(instance.node_uuid)
        self.assertEqual(base.PROPERTIES, node["properties"])
        stored = self.instances.get(instance.uuid)
        self.assertEqual((True, node["podm_uuid"]), (stored.composed, stored.podm_uuid))

    def test_composes_a_flavor_by_name(self) -> None:
        self.valence.add_flavor("gold", {"memory": {"capacity_mib": 1024}})
        instance = self.add_instance(requirements=None, flavor="gold")
        self.run_task(compose.ComposeNodeTask, instance)
        node = self.valence.nodes.get(instance.node_uuid)
        self.assertEqual({"memory": {"capacity_mib": 1024}}, node["properties"])

    def test_run_twice_it_composes_one_node(self) -> None:
        instance = self.add_instance()
        self.run_task(compose.ComposeNodeTask, instance)
        self.run_task(compose.ComposeNodeTask, instance)
        self.assertEqual([instance.node_uuid], self.composed())
        self.assertEqual(["/v1/nodes"], self.posts())

    def test_killed_after_the_request_was_sent_the_next_run_finishes_it(self) -> None:
        instance = self.add_instance()
        body = compose.request(instance, self.instances.installation())
        self.task_context.valence._call(
            lambda nodes: nodes.create(uuid=instance.node_uuid, **body)
        )
        self.run_task(compose.ComposeNodeTask, instance)
        self.assertEqual([instance.node_uuid], self.composed())

    def test_a_long_name_is_cut_and_the_node_keeps_its_own_suffix(self) -> None:
        instance = self.add_instance(name="n" * 255)
        self.run_task(compose.ComposeNodeTask, instance)
        node = self.valence.nodes.get(instance.node_uuid)
        self.assertEqual("n" * 200 + f"-{str(instance.node_uuid)[:8]}", node["name"])

    def test_a_lost_response_does_not_compose_a_second_node(self) -> None:
        instance = self.add_instance()
        self.valence.lose("POST", "/v1/nodes", done=True)
        self.run_task(compose.ComposeNodeTask, instance)
        self.assertEqual([instance.node_uuid], self.composed())

    def test_the_pod_managers_message_is_the_reason(self) -> None:
        instance = self.add_instance()
        self.valence.fail("compose", reason="No processor with 4 cores is free.")
        fault = self.assertRaises(Fault, self.run_task, compose.ComposeNodeTask, instance)
        self.assertIn("No processor with 4 cores is free.", str(fault))
        self.assertEqual("No processor with 4 cores is free.", fault.details["reason"])
        self.assertEqual("valence.podmanager.refused", fault.details["code"])
        self.assertIsNone(self.instances.get(instance.uuid).composed)

    def test_an_immediate_refusal_keeps_its_code(self) -> None:
        instance = self.add_instance(requirements=None, flavor="nothing")
        fault = self.assertRaises(Fault, self.run_task, compose.ComposeNodeTask, instance)
        self.assertEqual("valence.flavor.not_found", fault.details["code"])

    def test_a_short_outage_of_valence_is_tolerated(self) -> None:
        instance = self.add_instance()
        self.valence.lose("GET", "/v1/nodes/.*", times=2)
        self.valence.answer("GET", "/v1/nodes/.*", 503, times=3)
        context = self.make_context(silence_timeout=20)
        self.run_task(compose.ComposeNodeTask, instance, context)
        self.assertEqual([instance.node_uuid], self.composed())

    def test_a_long_outage_of_valence_is_a_failure(self) -> None:
        instance = self.add_instance()
        self.valence.answer("GET", "/v1/nodes/.*", 503, times=10_000)
        fault = self.assertRaises(Fault, self.run_task, compose.ComposeNodeTask, instance)
        self.assertEqual(errors.VALENCE_REFUSED, fault.details["code"])

    def test_times_out_at_the_deadline_of_the_row(self) -> None:
        self.valence.polls = 1_000_000
        instance = self.add_instance()
        started = waiting.now() - datetime.timedelta(hours=1)
        self.instances.write(instance.uuid, 1, "provisioning", task_since=started)
        self.assertRaises(
            conductor_errors.TimedOut, self.run_task, compose.ComposeNodeTask, instance
        )

    def test_the_deadline_is_counted_from_when_the_row_entered_the_task(self) -> None:
        started = waiting.now() - datetime.timedelta(hours=1)
        instance = self.add_instance()
        self.instances.write(instance.uuid, 1, "provisioning", task_since=started)
        policy = self.task_context.wait_policy(self.instances.get(instance.uuid), 7200)
        self.assertEqual(started + datetime.timedelta(hours=2), policy.deadline)
        self.assertGreater(self.task_context.cleanup_policy().deadline, waiting.now())

    def test_is_cancelled_when_the_destruction_of_the_instance_is_requested(self) -> None:
        instance = self.add_instance()
        self.instances.request_destroy(instance.uuid)
        self.assertRaises(
            conductor_errors.Cancelled, self.run_task, compose.ComposeNodeTask, instance
        )
        self.assertEqual([], self.posts())

    def test_a_node_that_vanished_while_composing_is_a_failure(self) -> None:
        instance = self.add_instance()
        self.valence.answer("POST", "/v1/nodes", 202, {"uuid": instance.node_uuid}, times=1)
        fault = self.assertRaises(Fault, self.run_task, compose.ComposeNodeTask, instance)
        self.assertEqual(errors.NODE_GONE, fault.details["code"])

    def test_a_node_composed_with_other_properties_is_not_used(self) -> None:
        instance = self.add_instance()
        client = self.valence.client()
        client.nodes.create(uuid=instance.node_uuid, properties={"memory": {"capacity_mib": 1}})
        fault = self.assertRaises(Fault, self.run_task, compose.ComposeNodeTask, instance)
        self.assertEqual(errors.NODE_DIFFERS, fault.details["code"])

    def test_a_row_that_has_changed_is_left_unchanged(self) -> None:
        instance = self.add_instance()
        self.instances.write(instance.uuid, 1, "provisioning", state="active")
        for run in (self.run_task, self.revert_task):
            self.assertRaises(conductor_errors.Superseded, run, compose.ComposeNodeTask, instance)
        self.assertEqual([], self.valence.calls)

    def test_its_revert_releases_the_composed_node(self) -> None:
        instance = self.provisioned(compose.ComposeNodeTask)
        self.revert_task(compose.ComposeNodeTask, instance)
        self.assertEqual([], self.composed())
        self.assertIs(False, self.instances.get(instance.uuid).composed)

    def test_its_revert_releases_a_node_whose_response_was_lost(self) -> None:
        instance = self.add_instance()
        client = self.valence.client()
        client.nodes.create(uuid=instance.node_uuid, properties=base.PROPERTIES)
        self.revert_task(compose.ComposeNodeTask, instance)
        self.assertEqual([], self.composed())

    def test_its_revert_succeeds_when_nothing_was_composed(self) -> None:
        instance = self.add_instance()
        self.revert_task(compose.ComposeNodeTask, instance)
        self.revert_task(compose.ComposeNodeTask, instance)
        self.assertEqual([], self.composed())

    def test_its_revert_retries_and_then_raises(self) -> None:
        instance = self.provisioned(compose.ComposeNodeTask)
        self.valence.fail("release", reason="busy", times=1)
        self.revert_task(compose.ComposeNodeTask, instance)
        self.assertEqual([], self.composed())
        other = self.provisioned(compose.ComposeNodeTask)
        self.valence.fail("release", reason="The pod is on fire.", times=9)
        fault = self.assertRaises(Fault, self.revert_task, compose.ComposeNodeTask, other)
        self.assertIn("The pod is on fire.", str(fault))
        self.assertIs(True, self.instances.get(other.uuid).composed)

    def test_its_revert_releases_a_node_whose_hardware_is_gone(self) -> None:
        instance = self.provisioned(compose.ComposeNodeTask)
        self.valence.lose_hardware(str(instance.node_uuid))
        self.revert_task(compose.ComposeNodeTask, instance)
        self.assertEqual([], self.composed())

    def test_hardware_that_is_gone_leaves_ironic_before_it_is_released(self) -> None:
        instance = self.provisioned(compose.ComposeNodeTask, enroll.EnrollNodeTask)
        self.valence.lose_hardware(str(instance.node_uuid))
        self.revert_task(enroll.EnrollNodeTask, instance)
        self.assertEqual({}, self.ironic.nodes)
        self.revert_task(compose.ComposeNodeTask, instance)
        self.assertEqual([], self.composed())
