# SPDX-License-Identifier: Apache-2.0

"""Provision and destroy instances, with a real conductor and real flows."""

import threading
import time
from typing import Any
import uuid as uuids

from oslo_config import cfg
from oslo_utils import importutils

from tests.unit.integration import base
from valence_integration import conf
from valence_integration import errors
from valence_integration import ledger
from valence_integration.objects.instance import Instance
from valence_integration.provisioner import Provisioner


class TestFlows(base.WorldTestCase):
    def test_the_paths_of_the_factories_are_frozen(self) -> None:
        """They are persisted with running flows: a released path must stay."""
        self.assertEqual(
            {
                "provision": "valence_integration.flows.provision.provision",
                "destroy": "valence_integration.flows.destroy.destroy",
            },
            ledger.FACTORIES,
        )

    def test_provision_composes_enrols_and_deploys(self) -> None:
        names = ["compose-node", "enroll-node", "deploy-node"]
        self.assertEqual(names, self.tasks("provision", deploy=True))
        self.assertEqual(names[:2], self.tasks("provision", deploy=False))

    def test_destroy_undeploys_unregisters_confirms_and_only_then_releases(self) -> None:
        self.assertEqual(
            ["undeploy-node", "unregister-node", "confirm-forgotten", "release-node"],
            self.tasks("destroy"),
        )

    def tasks(self, operation: str, **kwargs: Any) -> list[str]:
        flow = importutils.import_class(ledger.FACTORIES[operation])(**kwargs)
        return [node.name for node, _data in flow.iter_nodes()]

    def test_a_flow_deploys_only_when_requested(self) -> None:
        instance_ledger = ledger.InstanceLedger(self.task_context)
        for deploy, expected in ((base.DEPLOY, True), (None, False)):
            spec = instance_ledger.flow(ledger.job_of(self.add_instance(deploy=deploy)))
            self.assertEqual({"deploy": expected}, spec.kwargs)
            self.assertEqual({"instance_uuid", "generation"}, set(spec.store))


class ProvisionerTestCase(base.WorldTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.conf = cfg.ConfigOpts()
        self.conf([], default_config_files=[])
        conf.register_opts(self.conf)
        connection = f"sqlite:///{self.folder}/rows.sqlite"
        self.conf.set_override("connection", connection, "valence_integration")
        self.provisioner = self.open()

    def open(self) -> Provisioner:
        self.instances = self.open_instances()
        self.task_context = self.make_context()
        return Provisioner(self.conf, ledger.InstanceLedger(self.task_context))

    def start(self) -> None:
        self.provisioner.start()
        self.addCleanup(self.provisioner.stop)

    def provision(self, **changes: Any) -> Instance:
        request = {"name": "web", "requirements": base.PROPERTIES, "deploy": base.DEPLOY}
        return self.provisioner.provision(**{**request, **changes})

    def wait(self, uuid: str, **kwargs: Any) -> Instance:
        return self.provisioner.wait(uuid, 20, **kwargs)

    def failed(self, uuid: str) -> errors.InstanceFailed:
        failure: errors.InstanceFailed = self.assertRaises(errors.InstanceFailed, self.wait, uuid)
        return failure

    def assert_nothing_is_left(self) -> None:
        self.assertEqual(({}, []), (self.ironic.nodes, self.composed()))


class TestProvisioner(ProvisionerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.start()

    def test_a_server_is_provisioned_and_destroyed(self) -> None:
        progress: list[tuple[str, str | None]] = []
        requested = self.provision()
        self.assertEqual("provisioning", requested.state)
        instance = self.wait(
            requested.uuid, on_progress=lambda row: progress.append((row.state, row.task))
        )
        self.assertEqual(
            ("active", True, None), (instance.state, instance.composed, instance.task)
        )
        self.assertEqual("active", self.node_of(instance)["provision_state"])
        self.assertEqual(("active", None), progress[-1])
        self.provisioner.destroy(instance.uuid)
        deleted = self.wait(instance.uuid)
        self.assertEqual(
            ("deleted", False, None), (deleted.state, deleted.composed, deleted.fault)
        )
        self.assert_nothing_is_left()
        self.assertEqual([], self.provisioner.list())

    def test_progress_is_reported_only_when_state_or_task_changes(self) -> None:
        self.valence.polls = 100
        progress: list[str | None] = []
        uuid = self.provision().uuid
        self.wait(uuid, on_progress=lambda row: progress.append(row.task))
        self.assertEqual(1, progress.count("compose-node"))

    def test_it_is_composed_on_the_pod_manager_that_was_named_and_no_other(self) -> None:
        second = self.valence.add_podmanager("pod-2")["uuid"]
        instance = self.wait(self.provision(podm_id=second).uuid)
        node = self.valence.client().nodes.get(str(instance.node_uuid))
        self.assertEqual((second, second), (instance.podm_uuid, node.podm_id))
        self.assertRaises(errors.InvalidRequest, self.provision, podm_id="pod-2")

    def test_without_a_deployment_the_node_ends_available(self) -> None:
        instance = self.wait(self.provision(deploy=None).uuid)
        self.assertEqual("available", self.node_of(instance)["provision_state"])
        self.assertEqual(instance.uuid, self.node_of(instance)["instance_uuid"])

    def test_when_composing_fails_nothing_is_enrolled_and_the_fault_has_the_reason(self) -> None:
        self.valence.fail("compose", reason="No drive of 100 GiB is free.")
        failure = self.failed(self.provision().uuid)
        self.assertIn("No drive of 100 GiB is free.", str(failure))
        self.assertEqual("No drive of 100 GiB is free.", failure.fault["reason"])
        self.assertEqual("valence.podmanager.refused", failure.fault["code"])
        self.assertEqual({"result": "done", "detail": None}, failure.fault["cleanup"])
        self.assertEqual([], self.ironic.events)
        self.assert_nothing_is_left()

    def test_when_enrolling_fails_the_node_is_removed_from_ironic_before_it_is_released(
        self,
    ) -> None:
        order: list[str] = []
        unregistered = self.ironic.unregistered
        self.valence.on_unregister = lambda node: (
            order.append("unregistered"),
            unregistered(node),
        )
        remove = self.valence.nodes.remove
        self.valence.nodes.remove = lambda row: (order.append("released"), remove(row))
        self.ironic.fail("verifying", "no route to the BMC")
        failure = self.failed(self.provision().uuid)
        self.assertIn("no route to the BMC", str(failure))
        self.assertEqual(["unregistered", "released"], order)
        self.assert_nothing_is_left()

    def test_when_deploying_fails_the_node_is_undeployed_first(self) -> None:
        self.ironic.fail("deploying", "image is broken")
        failure = self.failed(self.provision().uuid)
        self.assertIn("image is broken", str(failure))
        self.assertEqual(["deleted", "manage", "delete"], self.ironic.events[-3:])
        self.assertIs(False, failure.instance.composed)
        self.assert_nothing_is_left()

    def test_hardware_is_never_released_while_ironic_has_the_node(self) -> None:
        """Ironic keeps the node, so the hardware stays held; destroying again releases it."""
        self.ironic.fail("deploying", "image is broken")
        for _attempt in range(9):
            self.ironic.fail("deleting", "power is stuck")
        failure = self.failed(self.provision().uuid)
        self.assertIn("image is broken", str(failure))
        self.assertRegex(str(failure), "Releasing its resources failed: .* power is stuck")
        self.assertEqual("failed", failure.fault["cleanup"]["result"])
        self.assertIn("power is stuck", failure.fault["cleanup"]["detail"])
        self.assertEqual([failure.instance.node_uuid], self.composed())
        self.assertIs(True, failure.instance.composed)
        self.assertEqual([], [c for c in self.valence.calls if c.method == "DELETE"])
        self.ironic.failures.clear()
        self.provisioner.destroy(failure.instance.uuid)
        self.assertEqual("deleted", self.wait(failure.instance.uuid).state)
        self.assert_nothing_is_left()

    def test_while_ironic_is_down_the_hardware_is_held_and_released_later(self) -> None:
        self.valence.fail("register", code="valence.ironic.unavailable", status=503)
        self.ironic.answer("GET", ".*", 503, "down", times=100_000)
        failure = self.failed(self.provision().uuid)
        self.assertEqual("valence.ironic.unavailable", failure.fault["code"])
        self.assertEqual("failed", failure.fault["cleanup"]["result"])
        self.assertEqual([failure.instance.node_uuid], self.composed())
        self.ironic.wire.troubles.clear()
        self.provisioner.destroy(failure.instance.uuid)
        self.assertEqual("deleted", self.wait(failure.instance.uuid).state)
        self.assert_nothing_is_left()

    def test_a_destruction_that_failed_may_be_requested_again(self) -> None:
        instance = self.wait(self.provision().uuid)
        self.valence.fail("release", reason="the pod is on fire", times=9)
        self.provisioner.destroy(instance.uuid)
        failure = self.failed(instance.uuid)
        self.assertIn("the pod is on fire", str(failure))
        self.assertEqual("destroy", failure.fault["operation"])
        self.valence._moves._failures.clear()
        self.assertEqual(3, self.provisioner.destroy(instance.uuid).generation)
        self.assertEqual("deleted", self.wait(instance.uuid).state)
        self.assert_nothing_is_left()

    def test_a_destruction_that_is_requested_while_provisioning_cancels_it(self) -> None:
        self.valence.polls = 1_000_000
        instance = self.provision()
        self.wait_for(lambda: self.provisioner.get(instance.uuid).task == "compose-node")
        self.assertEqual("provisioning", self.provisioner.destroy(instance.uuid).state)
        self.valence.polls = 0
        for row in self.valence.nodes.all():
            row["_looks"] = 0
        self.assertEqual("deleted", self.wait(instance.uuid).state)
        self.assert_nothing_is_left()

    def test_two_destructions_at_once_are_one(self) -> None:
        instance = self.wait(self.provision().uuid)
        callers = [
            threading.Thread(target=self.provisioner.destroy, args=(instance.uuid,))
            for _caller in range(4)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        self.assertEqual(2, self.wait(instance.uuid).generation)
        self.assertEqual(1, self.ironic.events.count("deleted"))
        self.assert_nothing_is_left()

    def test_destroying_a_deleted_instance_changes_nothing(self) -> None:
        instance = self.wait(self.provision().uuid)
        self.provisioner.destroy(instance.uuid)
        before = self.wait(instance.uuid)
        after = self.provisioner.destroy(instance.uuid)
        self.assertEqual((before.state, before.generation), (after.state, after.generation))

    def test_the_same_request_again_is_the_same_instance(self) -> None:
        uuid = str(uuids.uuid4())
        results: list[str] = []
        callers = [
            threading.Thread(target=lambda: results.append(self.provision(uuid=uuid).uuid))
            for _caller in range(4)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        self.assertEqual([uuid] * 4, results)
        self.wait(uuid)
        self.assertEqual("active", self.provision(uuid=uuid).state)
        self.assertEqual(1, len(self.composed()))

    def test_another_request_with_the_same_uuid_is_refused(self) -> None:
        uuid = self.provision().uuid
        self.assertRaises(errors.InstanceDuplicate, self.provision, uuid=uuid, name="db")
        self.assertRaises(errors.InstanceDuplicate, self.provision, uuid=uuid, deploy=None)

    def test_several_instances_are_provisioned_at_once(self) -> None:
        requested = [self.provision(name=f"web-{n}").uuid for n in range(6)]
        self.assertEqual({"active"}, {self.wait(uuid).state for uuid in requested})
        self.assertEqual((6, 6), (len(self.composed()), len(self.ironic.nodes)))

    def test_a_configdrive_is_deleted_when_the_server_is_active(self) -> None:
        fields = {**base.DEPLOY, "configdrive": {"meta_data": {"password": "s"}}}
        uuid = str(uuids.uuid4())
        instance = self.wait(self.provision(uuid=uuid, deploy=fields).uuid)
        self.assertEqual(base.DEPLOY, instance.deploy)
        self.assertEqual(uuid, self.provision(uuid=uuid, deploy=fields).uuid)

    def test_a_callers_timeout_does_not_stop_the_operation(self) -> None:
        self.valence.polls = 1_000_000
        uuid = self.provision().uuid
        self.assertRaises(errors.InstanceTimeout, self.provisioner.wait, uuid, 0)
        self.provisioner.destroy(uuid)
        for row in self.valence.nodes.all():
            row["_looks"] = 0
        self.valence.polls = 0
        self.assertEqual("deleted", self.wait(uuid).state)

    def test_invalid_requests_are_refused_and_leave_no_row(self) -> None:
        refused: tuple[dict[str, Any], ...] = (
            {"name": ""},
            {"uuid": "not-a-uuid"},
            {"flavor": "gold"},
            {"requirements": None},
            {"requirements": None, "flavor": ""},
            {"deploy": {}},
            {"deploy": {"instance_info": {}, "image": "x"}},
            {"deploy": {"instance_info": {"x": object()}}},
        )
        for changes in refused:
            self.assertRaises(errors.InvalidRequest, self.provision, **changes)
        impossible = {"processor": {"total_cores": 0}}
        self.assertRaises(errors.InvalidRequirements, self.provision, requirements=impossible)
        self.assertEqual([], self.provisioner.list())

    def test_an_unknown_instance_is_not_found(self) -> None:
        for call in (self.provisioner.get, self.provisioner.destroy, self.wait):
            self.assertRaises(errors.InstanceNotFound, call, str(uuids.uuid4()))


class TestRestart(ProvisionerTestCase):
    """A process ends during an operation, and another one resumes it."""

    def restart(self) -> None:
        self.provisioner.stop()
        self.provisioner = self.open()
        self.start()

    def test_a_request_that_was_never_submitted_is_run_at_the_start(self) -> None:
        instance = self.add_instance()
        self.start()
        self.assertEqual("active", self.wait(instance.uuid).state)

    def test_an_interrupted_instance_is_resumed_without_a_second_node(self) -> None:
        self.ironic.looks = 1_000_000
        self.provisioner.start()
        instance = self.provision()
        self.wait_for(lambda: self.ironic.nodes)
        time.sleep(0.1)
        since = self.provisioner.get(instance.uuid).task_since
        self.restart()
        time.sleep(0.1)
        self.assertEqual(since, self.provisioner.get(instance.uuid).task_since)
        self.ironic.looks = 1
        self.ironic.reads_left.clear()
        self.assertEqual("active", self.wait(instance.uuid).state)
        self.assertEqual(1, self.ironic.events.count("create"))
        posts = [c.path for c in self.valence.calls if (c.method, c.path) == ("POST", "/v1/nodes")]
        self.assertEqual(1, len(posts))
