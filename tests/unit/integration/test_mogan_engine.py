# SPDX-License-Identifier: Apache-2.0

"""Composed servers of Mogan, from the request to the deletion, on Mogan's contract."""

import base64
import gzip
import importlib
import inspect
import sys
from typing import Any
import uuid as uuids

import fixtures
from oslo_utils import importutils
import testscenarios

from tests import base as tests_base
from tests.unit.integration import mogan_world as world
from valence_integration import errors
from valence_integration.mogan import conf as mogan_conf
from valence_integration.mogan import engine
from valence_integration.mogan import flow
from valence_integration.mogan import modules


class TestWithoutMogan(tests_base.TestCase):
    def test_every_module_can_be_imported_and_the_class_names_what_is_missing(self) -> None:
        for path in world.ROOT.glob("valence_integration/mogan/*.py"):
            importlib.import_module(f"valence_integration.mogan.{path.stem}")
        self.assertNotIn("mogan", sys.modules)
        missing = self.assertRaises(ImportError, getattr, engine, "EngineManager")
        self.assertIn("mogan", str(missing))
        self.assertRaises(AttributeError, getattr, engine, "Nonsense")


class TestConfiguration(world.MoganTestCase):
    def test_only_the_plugins_own_file_is_read(self) -> None:
        self.useFixture(fixtures.EnvironmentVariable("HOME", str(self.folder)))
        folder = self.folder / ".valence"
        folder.mkdir()
        (folder / "valence-integration.conf").write_text("[mogan]\nschedule_first = True\n")
        (folder / "valence.conf").write_text("[mogan]\nwait_timeout = 1\n")
        options = mogan_conf.read().mogan
        self.assertEqual((True, 7200), (options.schedule_first, options.wait_timeout))


class TestInstallation(world.MoganTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(engine._default.cache_clear)

    def test_mogan_loads_the_hooks_manager_by_its_path(self) -> None:
        module = importutils.try_import("valence_integration.mogan.engine")
        manager = getattr(module, "EngineManager")  # noqa: B009  # as mogan.common.service does
        self.assertTrue(issubclass(manager, self.mogan.manager.EngineManager))
        self.assertEqual("EngineManager", manager.__name__)

    def test_the_contract_has_every_module_that_the_hook_imports(self) -> None:
        for path in modules.MODULES.values():
            self.assertTrue(path in self.contract.MODULES or path.startswith("oslo_"), path)

    def test_the_methods_that_mogan_calls_have_mogans_signatures(self) -> None:
        names = ("schedule_and_create_servers", "_delete_server", "init_host", "del_host")
        parent = self.mogan.manager.EngineManager
        for name in names:
            parameters = list(inspect.signature(getattr(self.manager_class, name)).parameters)
            self.assertEqual(list(inspect.signature(getattr(parent, name)).parameters), parameters)

    def test_the_flow_has_the_parameters_of_mogans(self) -> None:
        mogans, hooks = (
            list(inspect.signature(factory).parameters)
            for factory in (self.mogan.create_server.get_flow, flow.get_flow)
        )
        self.assertEqual(["mogan", *mogans], hooks)

    def test_the_flow_is_mogans_without_its_rescheduling(self) -> None:
        manager, context = self.manager_class("host", "topic"), self.context
        server, arguments = self.add_server(), [object() for _argument in range(8)]
        mogans = self.mogan.create_server.get_flow(context, manager, server, *arguments)
        hooks = flow.get_flow(self.mogan, context, manager, server, *arguments)
        names = [self.tasks(loaded) for loaded in (mogans, hooks)]
        self.assertIn("OnFailureRescheduleTask", names[0][0])
        self.assertEqual(names[0][1:], names[1])
        self.assertEqual(mogans.storage.fetch_all(), hooks.storage.fetch_all())
        for loaded in (mogans, hooks):
            loaded.compile()
            loaded.prepare()
            loaded.validate()

    def tasks(self, loaded: Any) -> list[str]:
        return [node.name for node, _data in loaded._flow.iter_nodes()]


class TestCreate(world.MoganTestCase):
    def test_a_server_with_a_valence_flavor_is_composed_enrolled_and_then_deployed(self) -> None:
        server = self.create(self.start())
        self.assertEqual(("active", "power on"), (server.status, server.power_state))
        self.assertIs(True, server.composed)
        node = self.ironic.nodes[server.node_uuid]
        self.assertEqual(("active", server.uuid), (node["provision_state"], node["instance_uuid"]))
        self.assertEqual(f"node-{server.node_uuid[:8]}", server.node)
        self.assertEqual([], self.scheduler.requests)
        self.assertEqual(["plug", "spawn", "power"], self.events)
        user_data = gzip.decompress(base64.b64decode(self.ironic.configdrives[0]))
        self.assertEqual(b"#cloud-config", user_data)
        self.assertEqual(
            [("create", "start", None), ("create", "end", None)], self.contract.NOTIFIED
        )
        self.assertEqual(1, self.quota.in_use)

    def test_the_flavor_is_translated_by_the_same_table_as_for_nova(self) -> None:
        server = self.create(self.start(), flavor=world.EITHER)
        expected = {"processor": {"total_cores": 4}, "storage": [{"type": "SSD"}]}
        self.assertEqual(expected, self.instances.get(server.uuid).requirements)

    def test_several_servers_of_one_request_are_several_nodes(self) -> None:
        manager, servers = self.start(), [self.add_server() for _number in range(3)]
        self.request(manager, *servers)
        self.join()
        self.assertEqual(3, len({self.read(server).node_uuid for server in servers}))
        self.assertEqual({"active"}, {self.read(server).status for server in servers})

    def test_every_other_server_is_left_to_mogan(self) -> None:
        manager = self.start()
        node = str(uuids.uuid4())
        self.ironic.add(node, "available")
        self.scheduler.nodes = [node]
        server = self.create(manager, flavor=world.PLAIN)
        self.assertEqual(("active", node), (server.status, server.node_uuid))
        self.assertIsNone(server.composed)
        self.assertEqual(world.PLAIN, self.scheduler.requests[0]["flavor"])
        self.delete(manager, server)
        self.assertEqual([], [*self.valence.calls, *self.instances.list()])
        self.assertEqual([node], list(self.ironic.nodes))
        self.driver.errors = {"spawn": RuntimeError("no power")}
        self.scheduler.nodes = [node]
        failed = self.create(manager, flavor=world.PLAIN)
        self.assertEqual([failed.uuid], self.engine_rpc.rescheduled)


class TestFailure(testscenarios.WithScenarios, world.MoganTestCase):
    """After a failure of any step the node is removed from Ironic, then returned to the pool."""

    scenarios = [
        ("composing", {"step": "compose", "reason": "No drive of 100 GiB is free."}),
        ("enrolling", {"step": "register", "reason": "no route to the BMC"}),
        ("the network", {"step": "plug", "reason": "Build network for server failed."}),
        ("the configdrive", {"step": "configdrive", "reason": "a bytes-like object is"}),
        ("spawning", {"step": "spawn", "reason": "the disk is too small"}),
        ("deploying", {"step": "deploying", "reason": "image is broken"}),
        (
            "Mogan, after the deployment",
            {"step": "power", "reason": "the engine's driver is wrong"},
        ),
    ]

    def test_the_node_is_released_and_the_reason_is_reported(self) -> None:
        manager, server = self.start(), self.add_server()
        self.break_step(self.step)
        user_data = None if self.step == "configdrive" else b"#cloud-config"
        self.request_with(manager, server, user_data)
        self.join()
        failed = self.read(server)
        self.assertEqual(("error", None), (failed.status, failed.power_state))
        self.assertEqual((False, None, None), (failed.composed, failed.node_uuid, failed.node))
        self.assertIn(self.reason, self.contract.FAULTS[-1]["message"])
        self.assertEqual(server.uuid, self.contract.FAULTS[-1]["server_uuid"])
        self.assertEqual([], self.engine_rpc.rescheduled)
        self.assertEqual(0, self.quota.in_use)
        notifications = [notification[:2] for notification in self.contract.NOTIFIED]
        self.assertEqual([("create", "start"), ("create", "error")], notifications)
        self.assertEqual("released", self.events[-1])
        self.assert_nothing_is_left()
        self.delete(manager, failed)
        self.assertTrue(self.is_deleted(server))

    def break_step(self, step: str) -> None:
        if step in ("compose", "register"):
            self.valence.fail(step, reason=self.reason)
        elif step == "deploying":
            self.ironic.fail(step, self.reason)
        elif step != "configdrive":
            self.driver.errors = {step: RuntimeError(self.reason)}

    def request_with(self, manager: Any, server: Any, user_data: bytes | None) -> None:
        spec = {"flavor": world.COMPOSED, "availability_zone": None}
        networks = [{"net_id": str(uuids.uuid4())}]
        manager.schedule_and_create_servers(
            self.context, [server], networks, user_data, None, None, None, None, spec, None
        )


class TestOtherFailures(world.MoganTestCase):
    def test_a_flavor_that_cannot_be_composed_fails_before_any_request(self) -> None:
        flavor = {"resources": {"CUSTOM_VALENCE_PROCESSOR_TOTAL_CORES": 0}}
        server = self.create(self.start(), flavor=flavor)
        self.assertEqual("error", server.status)
        self.assertIn("CUSTOM_VALENCE_PROCESSOR_TOTAL_CORES", self.contract.FAULTS[-1]["message"])
        self.assertEqual([], self.valence.calls)
        self.assertEqual(0, self.quota.in_use)

    def test_after_a_failed_release_the_server_keeps_its_node_until_it_is_deleted(self) -> None:
        manager = self.start()
        self.driver.errors = {"spawn": RuntimeError("the disk is too small")}
        self.valence.fail("release", reason="the pod is on fire", times=9)
        server = self.create(manager)
        message = self.contract.FAULTS[-1]["message"]
        self.assertIn("the disk is too small", message)
        self.assertIn("the pod is on fire", message)
        self.assertEqual(("error", True), (server.status, server.composed))
        self.assertEqual(1, len(self.composed()))
        self.valence._moves._failures.clear()
        self.delete(manager, server)
        self.assertTrue(self.is_deleted(server))
        self.assert_nothing_is_left()

    def test_ports_that_mogan_could_not_remove_are_deleted(self) -> None:
        manager = self.start()
        refused = self.mogan.exception.InterfaceDetachFailed(server_uuid="x")
        self.driver.errors = {"spawn": RuntimeError("the disk is too small"), "unplug": refused}
        self.assertEqual("error", self.create(manager).status)
        self.assert_nothing_is_left()

    def test_a_server_of_another_installation_is_not_taken_for_an_empty_one(self) -> None:
        manager = self.start()
        server = self.create(manager)
        installation = {"valence_installation": str(uuids.uuid4())}
        server.system_metadata = {**server.system_metadata, **installation}
        server.save()
        failure = self.assertRaises(
            self.mogan.exception.ServerDeployFailure, self.delete, manager, server
        )
        self.assertIn("another database", str(failure))
        self.assertEqual("error", self.read(server).status)
        self.assertEqual(1, len(self.composed()))


class TestDelete(world.MoganTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.manager = self.start()
        self.server = self.create(self.manager)
        self.events.clear()

    def test_networks_mogans_destroy_ironic_and_the_pool_follow_in_this_order(self) -> None:
        self.delete(self.manager, self.server)
        self.assertEqual(["unplug", "destroy", "unregistered", "released"], self.events)
        self.assertTrue(self.is_deleted(self.server))
        self.assert_nothing_is_left()

    def test_it_may_be_repeated_at_every_step(self) -> None:
        for step in ("unplug", "destroy", "unregister", "release"):
            self.break_step(step)
            error = self.mogan.exception.MoganException
            self.assertRaises(error, self.delete, self.manager, self.server)
            self.assertEqual("error", self.read(self.server).status, step)
            self.assertIs(True, self.read(self.server).composed)
            self.driver.errors.clear()
            self.valence._moves._failures.clear()
        self.delete(self.manager, self.server)
        self.assertTrue(self.is_deleted(self.server))
        self.assert_nothing_is_left()

    def break_step(self, step: str) -> None:
        if step in ("unregister", "release"):
            self.valence.fail(step, reason="not now", times=9)
        else:
            self.driver.errors = {step: self.mogan.exception.NetworkError("not now")}

    def test_a_server_whose_node_was_deleted_in_ironic_can_be_deleted(self) -> None:
        self.ironic.nodes.clear()
        self.delete(self.manager, self.server)
        self.assertTrue(self.is_deleted(self.server))
        self.assert_nothing_is_left()

    def test_a_server_whose_hardware_was_released_too_can_be_deleted(self) -> None:
        self.ironic.nodes.clear()
        for row in list(self.valence.nodes.all()):
            self.valence.nodes.remove(row)
        self.delete(self.manager, self.server)
        self.assertTrue(self.is_deleted(self.server))
        self.assert_nothing_is_left()

    def test_a_port_that_its_owner_keeps_is_unbound_and_not_deleted(self) -> None:
        nic = next(iter(self.contract.NICS.values()))
        nic.preserve_on_delete = True
        self.ironic.nodes.clear()
        self.delete(self.manager, self.server)
        self.assertEqual([nic.port_id], self.network.unbound)
        self.assertEqual({nic.port_id}, self.network.ports)

    def test_a_server_from_an_older_api_is_read_from_the_database(self) -> None:
        older = self.contract.Server.get(self.context, self.server.uuid)
        self.assertNotIn("composed", older.fields)
        older.status = "deleting"
        older.save()
        self.manager.delete_server(self.context, older)
        self.assert_nothing_is_left()


class TestDeleteMeanwhile(world.MoganTestCase):
    def test_a_server_that_is_deleted_while_it_is_composed_leaves_nothing(self) -> None:
        manager, server = self.start(), self.add_server()
        self.valence.polls = 1_000_000
        self.request(manager, server)
        self.wait_for(lambda: self.is_composing(server.uuid))
        self.valence.polls = 0
        self.delete(manager, server)
        self.join()
        self.assertTrue(self.is_deleted(server))
        self.assert_nothing_is_left()
        self.assertEqual([], self.contract.FAULTS)
        self.assertEqual(1, self.quota.in_use)

    def test_a_server_that_is_deleted_while_its_node_is_enrolled_leaves_nothing(self) -> None:
        """Ironic refuses every other change of a node while it verifies it."""
        manager, server = self.start(), self.add_server()
        self.ironic.looks = 200
        self.request(manager, server)
        self.wait_for(lambda: self.provision_states() == ["verifying"])
        self.delete(manager, server)
        self.join()
        self.assertTrue(self.is_deleted(server))
        self.assert_nothing_is_left()
        self.assertEqual([], self.contract.FAULTS)
        self.assertNotIn("destroy", self.events)

    def provision_states(self) -> list[str]:
        return [node["provision_state"] for node in self.ironic.nodes.values()]

    def is_composing(self, uuid: str) -> bool:
        try:
            return self.instances.get(uuid).task == "compose-node"
        except errors.InstanceNotFound:
            return False

    def test_a_server_that_was_deleted_before_is_not_composed(self) -> None:
        manager = self.start()
        server = manager.composer.mark(self.context, self.add_server())
        self.delete(manager, server)
        self.assertTrue(self.is_deleted(server))
        manager._create_composed_server(
            self.context,
            server,
            requested_networks=[],
            user_data=b"",
            injected_files=None,
            admin_password=None,
            key_pair=None,
            partitions=None,
            request_spec={"flavor": world.COMPOSED},
            filter_properties={},
        )
        self.assert_nothing_is_left()
        self.assertEqual("deleted", self.instances.get(server.uuid).state)
