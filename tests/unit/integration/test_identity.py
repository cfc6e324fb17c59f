# SPDX-License-Identifier: Apache-2.0

"""No node in Ironic is changed that is not certainly the instance's, with its machine."""

from typing import Any

from tests.unit.integration import base
from valence_conductor.errors import Fault
from valence_integration import errors
from valence_integration.objects.instance import Instance
from valence_integration.peers import identity
from valence_integration.tasks import compose
from valence_integration.tasks import deploy
from valence_integration.tasks import enroll

FOREIGN = "99999999-9999-4999-8999-999999999999"
ALL = (compose.ComposeNodeTask, enroll.EnrollNodeTask, deploy.DeployNodeTask)


class IdentityTestCase(base.TaskTestCase):
    def change_extra(self, instance: Instance, **extra: Any) -> None:
        node = self.node_of(instance)
        node["extra"] = {**node["extra"], **extra}

    def assert_unchanged(self, instance: Instance, kind: Any, fact: str) -> None:
        """Check that a task refuses a node with this fact, and sends no request to change it."""
        before = dict(self.node_of(instance)), len(self.ironic.wire.calls)
        fault = self.assertRaises(Fault, self.run_task, kind, instance)
        self.assertEqual(errors.NODE_DIFFERS, fault.details["code"])
        self.assertIn(fact, str(fault))
        self.assertEqual(before[0], self.node_of(instance))
        methods = {call.method for call in self.ironic.wire.calls[before[1] :]}
        self.assertEqual({"GET"}, methods)


class TestMarks(IdentityTestCase):
    def changed(self, instance: Instance) -> list[tuple[dict[str, Any], str]]:
        """Return changes of ``extra``, each with a part of the refusal."""
        return [
            ({"valence_instance": FOREIGN}, f"its extra.valence_instance is {FOREIGN} and not"),
            ({"valence_node": FOREIGN}, f"its extra.valence_node is {FOREIGN} and not"),
            (
                {"valence_instance_installation": FOREIGN},
                f"its extra.valence_instance_installation is {FOREIGN} and not",
            ),
        ]

    def test_a_node_whose_facts_disagree_is_neither_undeployed_nor_removed(self) -> None:
        instance = self.destroying(self.provisioned(*ALL))
        original = dict(self.node_of(instance)["extra"])
        for extra, fact in self.changed(instance):
            for kind in (deploy.UndeployNodeTask, enroll.UnregisterNodeTask):
                self.node_of(instance)["extra"] = dict(original)
                self.change_extra(instance, **extra)
                self.assert_unchanged(instance, kind, fact)
        self.assertEqual("active", self.node_of(instance)["provision_state"])

    def test_a_node_of_another_instance_is_not_undeployed(self) -> None:
        instance = self.destroying(self.provisioned(*ALL))
        self.node_of(instance)["instance_uuid"] = FOREIGN
        self.assert_unchanged(instance, deploy.UndeployNodeTask, f"instance_uuid is {FOREIGN}")

    def test_a_node_that_was_created_again_under_the_uuid_is_left_alone(self) -> None:
        instance = self.destroying(self.provisioned(*ALL))
        for state in ("enroll", "available", "active"):
            self.ironic.add(str(instance.ironic_uuid), state)
            for kind in (deploy.UndeployNodeTask, enroll.UnregisterNodeTask):
                self.assert_unchanged(instance, kind, "nothing but its uuid names the instance")
        self.assertEqual([instance.node_uuid], self.composed())

    def test_a_node_that_is_replaced_meanwhile_is_not_removed(self) -> None:
        instance = self.destroying(
            self.provisioned(compose.ComposeNodeTask, enroll.EnrollNodeTask)
        )
        uuid = str(instance.ironic_uuid)
        self.ironic.after(
            "PUT",
            f"/v1/nodes/{uuid}/states/provision",
            lambda: self.ironic.add(uuid, "manageable", extra={"valence_instance": FOREIGN}),
        )
        self.assertRaises(Fault, self.run_task, enroll.UnregisterNodeTask, instance)
        self.assertEqual(FOREIGN, self.node_of(instance)["extra"]["valence_instance"])
        self.assertNotIn("delete", self.ironic.events)

    def test_facts_that_an_operator_removed_do_not_count(self) -> None:
        for removed in (
            {"valence_instance", "valence_instance_installation"},
            {"valence_node", "valence_instance_installation"},
        ):
            instance = self.destroying(self.provisioned(*ALL))
            extra = self.node_of(instance)["extra"]
            self.node_of(instance)["extra"] = {
                key: value for key, value in extra.items() if key not in removed
            }
            self.run_task(deploy.UndeployNodeTask, instance)
            self.assertEqual("available", self.node_of(instance)["provision_state"])

    def test_a_node_is_not_deployed_on_unless_it_is_the_instances(self) -> None:
        instance = self.provisioned(compose.ComposeNodeTask, enroll.EnrollNodeTask)
        self.change_extra(instance, valence_node=FOREIGN)
        for kind in (deploy.DeployNodeTask, enroll.EnrollNodeTask):
            self.assert_unchanged(instance, kind, f"valence_node is {FOREIGN}")

    def test_extra_may_be_anything(self) -> None:
        for extra in (None, [], "text", {"valence_node": 7}):
            instance = self.provisioned(*ALL)
            self.node_of(instance).update(extra=extra, instance_uuid=None)
            instance = self.destroying(instance)
            self.assertRaises(Fault, self.run_task, deploy.UndeployNodeTask, instance)
            self.assertEqual("active", self.node_of(instance)["provision_state"])


class TestMachine(IdentityTestCase):
    """What Ironic drives is compared before a request that reaches the machine."""

    def path_of(self, instance: Instance) -> str:
        return str(self.valence.nodes.get(instance.node_uuid)["system_path"])

    def drives(self, instance: Instance, path: Any) -> None:
        self.node_of(instance)["driver_info"] = {"redfish_system_id": path}

    def test_a_node_that_drives_another_system_is_not_undeployed(self) -> None:
        instance = self.destroying(self.provisioned(*ALL))
        self.drives(instance, "/redfish/v1/Systems/stranger")
        self.assert_unchanged(instance, deploy.UndeployNodeTask, "/redfish/v1/Systems/stranger")

    def test_a_node_that_drives_another_system_is_not_deployed(self) -> None:
        instance = self.provisioned(compose.ComposeNodeTask, enroll.EnrollNodeTask)
        self.drives(instance, "/redfish/v1/Systems/stranger")
        self.assert_unchanged(instance, deploy.DeployNodeTask, "/redfish/v1/Systems/stranger")

    def test_a_path_may_be_written_in_another_way_or_not_be_known(self) -> None:
        for path in ("{}", "{}/", "https://pod.test{}", None, ""):
            instance = self.destroying(self.provisioned(*ALL))
            self.drives(instance, path and path.format(self.path_of(instance)))
            self.run_task(deploy.UndeployNodeTask, instance)
            self.assertEqual("available", self.node_of(instance)["provision_state"])

    def test_a_machine_that_valence_does_not_have_any_more_is_not_powered_off(self) -> None:
        """Its system may be part of another node by now, under the same path."""
        instance = self.destroying(self.provisioned(*ALL))
        self.valence.lose_hardware(str(instance.node_uuid))
        self.assert_unchanged(instance, deploy.UndeployNodeTask, "missing on its pod manager")
        self.valence.nodes.remove(self.valence.nodes.get(instance.node_uuid))
        self.assert_unchanged(instance, deploy.UndeployNodeTask, "gone from Valence")

    def test_a_node_on_which_nothing_is_deployed_is_removed_without_its_machine(self) -> None:
        instance = self.provisioned(compose.ComposeNodeTask, enroll.EnrollNodeTask)
        instance = self.destroying(instance)
        self.drives(instance, "/redfish/v1/Systems/stranger")
        self.valence.lose_hardware(str(instance.node_uuid))
        for kind in (deploy.UndeployNodeTask, enroll.UnregisterNodeTask):
            self.run_task(kind, instance)
        self.assertEqual({}, self.ironic.nodes)

    def test_valence_is_waited_for_before_a_machine_is_touched(self) -> None:
        instance = self.destroying(self.provisioned(*ALL))
        self.valence.answer("GET", "/v1/nodes/.*", 503, times=3)
        self.run_task(deploy.UndeployNodeTask, instance, self.make_context(silence_timeout=20))
        self.assertEqual("available", self.node_of(instance)["provision_state"])


class TestKeys(base.TaskTestCase):
    def test_the_keys_in_extra_are_frozen(self) -> None:
        """They are in Ironic's database: a released key must stay."""
        self.assertEqual(
            ("valence_instance", "valence_instance_installation", "valence_node"),
            (identity.EXTRA, identity.EXTRA_INSTALLATION, identity.VALENCE_NODE),
        )
