# SPDX-License-Identifier: Apache-2.0

"""Composing: what it asks, that it may be run again, and what its revert leaves."""

import datetime

from tests.unit.integration import base
from valence_conductor import errors as conductor_errors
from valence_conductor import waiting
from valence_conductor.errors import Fault
from valence_integration import errors
from valence_integration.tasks import compose
from valence_integration.tasks import enroll


class TestComposeNodeTask(base.TaskTestCase):
    def test_composes_under_the_uuid_of_the_row_and_notes_it(self) -> None:
        instance = self.ask()
        self.run_task(compose.ComposeNodeTask, instance)
        node = self.valence.nodes.get(instance.node_uuid)
        self.assertEqual(base.PROPERTIES, node["properties"])
        read = self.instances.get(instance.uuid)
        self.assertEqual((True, node["podm_uuid"]), (read.composed, read.podm_uuid))

    def test_composes_a_flavor_by_name(self) -> None:
        self.valence.add_flavor("gold", {"memory": {"capacity_mib": 1024}})
        instance = self.ask(requirements=None, flavor="gold")
        self.run_task(compose.ComposeNodeTask, instance)
        node = self.valence.nodes.get(instance.node_uuid)
        self.assertEqual({"memory": {"capacity_mib": 1024}}, node["properties"])

    def test_run_twice_it_composes_one_node(self) -> None:
        instance = self.ask()
        self.run_task(compose.ComposeNodeTask, instance)
        self.run_task(compose.ComposeNodeTask, instance)
        self.assertEqual([instance.node_uuid], self.composed())
        self.assertEqual(["/v1/nodes"], self.posts())

    def test_killed_after_the_request_was_sent_the_next_run_finishes_it(self) -> None:
        instance = self.ask()
        wanted = compose.request(instance, self.instances.installation())
        self.tools.valence._call(lambda nodes: nodes.create(uuid=instance.node_uuid, **wanted))
        self.run_task(compose.ComposeNodeTask, instance)
        self.assertEqual([instance.node_uuid], self.composed())

    def test_a_lost_answer_does_not_make_a_second_node(self) -> None:
        instance = self.ask()
        self.valence.lose("POST", "/v1/nodes", done=True)
        self.run_task(compose.ComposeNodeTask, instance)
        self.assertEqual([instance.node_uuid], self.composed())

    def test_the_pod_managers_own_words_reach_the_reason(self) -> None:
        instance = self.ask()
        self.valence.fail("compose", reason="No processor with 4 cores is free.")
        fault = self.assertRaises(Fault, self.run_task, compose.ComposeNodeTask, instance)
        self.assertIn("No processor with 4 cores is free.", str(fault))
        self.assertEqual("No processor with 4 cores is free.", fault.details["reason"])
        self.assertEqual("valence.podmanager.refused", fault.details["code"])
        self.assertIsNone(self.instances.get(instance.uuid).composed)

    def test_a_refusal_at_once_keeps_its_code(self) -> None:
        instance = self.ask(requirements=None, flavor="nothing")
        fault = self.assertRaises(Fault, self.run_task, compose.ComposeNodeTask, instance)
        self.assertEqual("valence.flavor.not_found", fault.details["code"])

    def test_a_short_silence_of_valence_is_endured(self) -> None:
        instance = self.ask()
        self.valence.lose("GET", "/v1/nodes/.*", times=2)
        self.valence.answer("GET", "/v1/nodes/.*", 503, times=3)
        tools = self.make_tools(silence_timeout=20)
        self.run_task(compose.ComposeNodeTask, instance, tools)
        self.assertEqual([instance.node_uuid], self.composed())

    def test_a_long_silence_of_valence_ends_it(self) -> None:
        instance = self.ask()
        self.valence.answer("GET", "/v1/nodes/.*", 503, times=10_000)
        fault = self.assertRaises(Fault, self.run_task, compose.ComposeNodeTask, instance)
        self.assertEqual(errors.VALENCE_REFUSED, fault.details["code"])

    def test_gives_up_at_the_deadline_that_the_row_has(self) -> None:
        self.valence.polls = 1_000_000
        instance = self.ask()
        begun = waiting.now() - datetime.timedelta(hours=1)
        self.instances.write(instance.uuid, 1, "provisioning", task_since=begun)
        self.assertRaises(
            conductor_errors.TimedOut, self.run_task, compose.ComposeNodeTask, instance
        )

    def test_the_deadline_is_counted_from_when_the_row_came_to_the_task(self) -> None:
        begun = waiting.now() - datetime.timedelta(hours=1)
        instance = self.ask()
        self.instances.write(instance.uuid, 1, "provisioning", task_since=begun)
        pace = self.tools.forward(self.instances.get(instance.uuid), 7200)
        self.assertEqual(begun + datetime.timedelta(hours=2), pace.deadline)
        self.assertGreater(self.tools.giving_back().deadline, waiting.now())

    def test_stops_when_somebody_wants_the_instance_destroyed(self) -> None:
        instance = self.ask()
        self.instances.request_destroy(instance.uuid)
        self.assertRaises(
            conductor_errors.Cancelled, self.run_task, compose.ComposeNodeTask, instance
        )
        self.assertEqual([], self.posts())

    def test_a_node_that_vanished_while_composing_is_a_failure(self) -> None:
        instance = self.ask()
        self.valence.answer("POST", "/v1/nodes", 202, {"uuid": instance.node_uuid}, times=1)
        fault = self.assertRaises(Fault, self.run_task, compose.ComposeNodeTask, instance)
        self.assertEqual(errors.NODE_GONE, fault.details["code"])

    def test_a_node_composed_of_something_else_is_not_taken(self) -> None:
        instance = self.ask()
        client = self.valence.client()
        client.nodes.create(uuid=instance.node_uuid, properties={"memory": {"capacity_mib": 1}})
        fault = self.assertRaises(Fault, self.run_task, compose.ComposeNodeTask, instance)
        self.assertEqual(errors.NODE_DIFFERS, fault.details["code"])

    def test_a_row_that_moved_on_is_left_alone(self) -> None:
        instance = self.ask()
        self.instances.write(instance.uuid, 1, "provisioning", state="active")
        for act in (self.run_task, self.revert_task):
            self.assertRaises(conductor_errors.Superseded, act, compose.ComposeNodeTask, instance)
        self.assertEqual([], self.valence.calls)

    def test_its_revert_releases_what_is_composed(self) -> None:
        instance = self.provisioned(compose.ComposeNodeTask)
        self.revert_task(compose.ComposeNodeTask, instance)
        self.assertEqual([], self.composed())
        self.assertIs(False, self.instances.get(instance.uuid).composed)

    def test_its_revert_releases_a_node_whose_answer_was_lost(self) -> None:
        instance = self.ask()
        client = self.valence.client()
        client.nodes.create(uuid=instance.node_uuid, properties=base.PROPERTIES)
        self.revert_task(compose.ComposeNodeTask, instance)
        self.assertEqual([], self.composed())

    def test_its_revert_succeeds_when_nothing_was_composed(self) -> None:
        instance = self.ask()
        self.revert_task(compose.ComposeNodeTask, instance)
        self.revert_task(compose.ComposeNodeTask, instance)
        self.assertEqual([], self.composed())

    def test_its_revert_tries_again_and_then_raises(self) -> None:
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
