# SPDX-License-Identifier: Apache-2.0

"""Servers of Mogan that are composed, from the request to the end, on Mogan's contract."""

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
    def test_every_module_can_be_imported_and_the_class_says_what_is_missing(self) -> None:
        for path in world.ROOT.glob("valence_integration/mogan/*.py"):
            importlib.import_module(f"valence_integration.mogan.{path.stem}")
        self.assertNotIn("mogan", sys.modules)
        missing = self.assertRaises(ImportError, getattr, engine, "EngineManager")
        self.assertIn("mogan", str(missing))
        self.assertRaises(AttributeError, getattr, engine, "Nonsense")


class TestConfiguration(world.MoganTestCase):
    def test_the_plugins_own_file_is_read_and_nobody_elses(self) -> None:
        self.useFixture(fixtures.EnvironmentVariable("HOME", str(self.folder)))
        folder = self.folder / ".valence"
        folder.mkdir()
        (folder / "valence-integration.conf").write_text("[mogan]\nschedule_first = True\n")
        (folder / "valence.conf").write_text("[mogan]\nwait_timeout = 1\n")
        options = mogan_conf.read().mogan
        self.assertEqual((True, 7200), (options.schedule_first, options.wait_timeout))


class TestPlug(world.MoganTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(engine._default.cache_clear)

    def test_the_line_that_mogan_names_its_engine_in_leads_to_ours(self) -> None:
        module = importutils.try_import("valence_integration.mogan.engine")
        kind = getattr(module, "EngineManager")  # noqa: B009  # as mogan.common.service does
        self.assertTrue(issubclass(kind, self.mogan.manager.EngineManager))
        self.assertEqual("EngineManager", kind.__name__)

    def test_every_module_of_mogan_is_where_the_hook_looks_for_it(self) -> None:
        for path in modules.MODULES.values():
            self.assertTrue(path in self.contract.MODULES or path.startswith("oslo_"), path)

    def test_what_mogan_calls_keeps_its_signature(self) -> None:
        theirs = self.mogan.manager.EngineManager
        for ours, name in (
            ("schedule_and_create_servers", "schedule_and_create_servers"),
            ("_create_composed_server", "_create_server"),
            ("_delete_server", "_delete_server"),
            ("init_host", "init_host"),
            ("del_host", "del_host"),
        ):
            told = list(inspect.signature(getattr(self.kind, ours)).parameters)
            self.assertEqual(list(inspect.signature(getattr(theirs, name)).parameters), told)

    def test_the_flow_is_mogans_without_its_rescheduling(self) -> None:
        given = [object() for _argument in range(9)]
        manager, context, server = self.kind("host", "topic"), self.context, self.server()
        theirs = self.mogan.create_server.get_flow(context, manager, server, *given[1:])
        ours = flow.get_flow(self.mogan, context, manager, server, *given[1:])
        names = [self.tasks(one) for one in (theirs, ours)]
        self.assertIn("OnFailureRescheduleTask", names[0][0])
        self.assertEqual(names[0][1:], names[1])
        self.assertEqual(theirs.storage.fetch_all(), ours.storage.fetch_all())
        for one in (theirs, ours):
            one.compile()
            one.prepare()
            one.validate()

    def tasks(self, loaded: Any) -> list[str]:
        return [node.name for node, _data in loaded._flow.iter_nodes()]


class TestCreate(world.MoganTestCase):
    def test_a_server_with_a_valence_flavor_is_composed_enrolled_and_then_deployed(self) -> None:
        server = self.created(self.start())
        self.assertEqual(("active", "power on"), (server.status, server.power_state))
        self.assertIs(True, server.composed)
        node = self.ironic.nodes[server.node_uuid]
        self.assertEqual(("active", server.uuid), (node["provision_state"], node["instance_uuid"]))
        self.assertEqual(f"node-{server.node_uuid[:8]}", server.node)
        self.assertEqual([], self.scheduler.asked)
        self.assertEqual(["plug", "spawn", "power"], self.events)
        given = gzip.decompress(base64.b64decode(self.ironic.configdrives[0]))
        self.assertEqual(b"#cloud-config", given)
        self.assertEqual(
            [("create", "start", None), ("create", "end", None)], self.contract.NOTIFIED
        )
        self.assertEqual(1, self.quota.in_use)

    def test_the_flavor_is_translated_by_the_table_that_serves_nova(self) -> None:
        server = self.created(self.start(), flavor=world.EITHER)
        wanted = {"processor": {"total_cores": 4}, "storage": [{"type": "SSD"}]}
        self.assertEqual(wanted, self.instances.get(server.uuid).requirements)

    def test_several_servers_of_one_request_are_several_nodes(self) -> None:
        manager, asked = self.start(), [self.server() for _number in range(3)]
        self.ask_for(manager, *asked)
        self.join()
        self.assertEqual(3, len({self.read(server).node_uuid for server in asked}))
        self.assertEqual({"active"}, {self.read(server).status for server in asked})

    def test_every_other_server_takes_mogans_own_way(self) -> None:
        manager = self.start()
        node = str(uuids.uuid4())
        self.ironic.add(node, "available")
        self.scheduler.nodes = [node]
        server = self.created(manager, flavor=world.PLAIN)
        self.assertEqual(("active", node), (server.status, server.node_uuid))
        self.assertIsNone(server.composed)
        self.assertEqual(world.PLAIN, self.scheduler.asked[0]["flavor"])
        self.delete(manager, server)
        self.assertEqual([], [*self.valence.calls, *self.instances.list()])
        self.assertEqual([node], list(self.ironic.nodes))
        self.driver.broken = {"spawn": RuntimeError("no power")}
        self.scheduler.nodes = [node]
        failed = self.created(manager, flavor=world.PLAIN)
        self.assertEqual([failed.uuid], self.again.rescheduled)


class TestFailure(testscenarios.WithScenarios, world.MoganTestCase):
    """Whatever fails, the node leaves Ironic, and then returns to the pool."""

    scenarios = [
        ("composing", {"broken": "compose", "reason": "No drive of 100 GiB is free."}),
        ("enrolling", {"broken": "register", "reason": "no route to the BMC"}),
        ("the network", {"broken": "plug", "reason": "Build network for server failed."}),
        ("the configdrive", {"broken": "configdrive", "reason": "a bytes-like object is"}),
        ("spawning", {"broken": "spawn", "reason": "the disk is too small"}),
        ("deploying", {"broken": "deploying", "reason": "image is broken"}),
        ("Mogan, after that", {"broken": "power", "reason": "the engine's driver is wrong"}),
    ]

    def test_the_node_is_given_back_and_the_reason_is_told(self) -> None:
        manager, server = self.start(), self.server()
        self.fail_at(self.broken)
        data = None if self.broken == "configdrive" else b"#cloud-config"
        self.ask(manager, server, data)
        self.join()
        failed = self.read(server)
        self.assertEqual(("error", None), (failed.status, failed.power_state))
        self.assertEqual((False, None, None), (failed.composed, failed.node_uuid, failed.node))
        self.assertIn(self.reason, self.contract.FAULTS[-1]["message"])
        self.assertEqual(server.uuid, self.contract.FAULTS[-1]["server_uuid"])
        self.assertEqual([], self.again.rescheduled)
        self.assertEqual(0, self.quota.in_use)
        told = [notified[:2] for notified in self.contract.NOTIFIED]
        self.assertEqual([("create", "start"), ("create", "error")], told)
        self.assertEqual("released", self.events[-1])
        self.assert_nothing_is_left()
        self.delete(manager, failed)
        self.assertTrue(self.is_gone(server))

    def fail_at(self, step: str) -> None:
        if step in ("compose", "register"):
            self.valence.fail(step, reason=self.reason)
        elif step == "deploying":
            self.ironic.fail(step, self.reason)
        elif step != "configdrive":
            self.driver.broken = {step: RuntimeError(self.reason)}

    def ask(self, manager: Any, server: Any, user_data: bytes | None) -> None:
        spec = {"flavor": world.COMPOSED, "availability_zone": None}
        networks = [{"net_id": str(uuids.uuid4())}]
        manager.schedule_and_create_servers(
            self.context, [server], networks, user_data, None, None, None, None, spec, None
        )


class TestOtherFailures(world.MoganTestCase):
    def test_a_flavor_that_cannot_be_composed_fails_before_anything_is_asked_for(self) -> None:
        flavor = {"resources": {"CUSTOM_VALENCE_PROCESSOR_TOTAL_CORES": 0}}
        server = self.created(self.start(), flavor=flavor)
        self.assertEqual("error", server.status)
        self.assertIn("CUSTOM_VALENCE_PROCESSOR_TOTAL_CORES", self.contract.FAULTS[-1]["message"])
        self.assertEqual([], self.valence.calls)
        self.assertEqual(0, self.quota.in_use)

    def test_what_cannot_be_given_back_is_held_until_the_server_is_deleted(self) -> None:
        manager = self.start()
        self.driver.broken = {"spawn": RuntimeError("the disk is too small")}
        self.valence.fail("release", reason="the pod is on fire", times=9)
        server = self.created(manager)
        words = self.contract.FAULTS[-1]["message"]
        self.assertIn("the disk is too small", words)
        self.assertIn("the pod is on fire", words)
        self.assertEqual(("error", True), (server.status, server.composed))
        self.assertEqual(1, len(self.composed()))
        self.valence._moves._failures.clear()
        self.delete(manager, server)
        self.assertTrue(self.is_gone(server))
        self.assert_nothing_is_left()

    def test_ports_that_mogan_could_not_take_away_are_given_back(self) -> None:
        manager = self.start()
        refused = self.mogan.exception.InterfaceDetachFailed(server_uuid="x")
        self.driver.broken = {"spawn": RuntimeError("the disk is too small"), "unplug": refused}
        self.assertEqual("error", self.created(manager).status)
        self.assert_nothing_is_left()

    def test_a_server_of_another_installation_is_not_mistaken_for_one_that_holds_nothing(
        self,
    ) -> None:
        manager = self.start()
        server = self.created(manager)
        marks = {**server.system_metadata, "valence_installation": str(uuids.uuid4())}
        server.system_metadata = marks
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
        self.made = self.created(self.manager)
        self.events.clear()

    def test_networks_then_mogans_destroy_then_out_of_ironic_then_to_the_pool(self) -> None:
        self.delete(self.manager, self.made)
        self.assertEqual(["unplug", "destroy", "left ironic", "released"], self.events)
        self.assertTrue(self.is_gone(self.made))
        self.assert_nothing_is_left()

    def test_it_may_be_repeated_at_every_step(self) -> None:
        for step in ("unplug", "destroy", "unregister", "release"):
            self.break_down(step)
            refused = self.mogan.exception.MoganException
            self.assertRaises(refused, self.delete, self.manager, self.made)
            self.assertEqual("error", self.read(self.made).status, step)
            self.assertIs(True, self.read(self.made).composed)
            self.driver.broken.clear()
            self.valence._moves._failures.clear()
        self.delete(self.manager, self.made)
        self.assertTrue(self.is_gone(self.made))
        self.assert_nothing_is_left()

    def break_down(self, step: str) -> None:
        if step in ("unregister", "release"):
            self.valence.fail(step, reason="not now", times=9)
        else:
            self.driver.broken = {step: self.mogan.exception.NetworkError("not now")}

    def test_a_server_whose_node_is_gone_from_ironic_deletes_cleanly(self) -> None:
        self.ironic.nodes.clear()
        self.delete(self.manager, self.made)
        self.assertTrue(self.is_gone(self.made))
        self.assert_nothing_is_left()

    def test_a_server_whose_hardware_is_gone_too_deletes_cleanly(self) -> None:
        self.ironic.nodes.clear()
        for row in list(self.valence.nodes.all()):
            self.valence.nodes.remove(row)
        self.delete(self.manager, self.made)
        self.assertTrue(self.is_gone(self.made))
        self.assert_nothing_is_left()

    def test_a_port_that_its_owner_keeps_is_unbound_and_not_deleted(self) -> None:
        nic = next(iter(self.contract.NICS.values()))
        nic.preserve_on_delete = True
        self.ironic.nodes.clear()
        self.delete(self.manager, self.made)
        self.assertEqual([nic.port_id], self.network.unbound)
        self.assertEqual({nic.port_id}, self.network.ports)

    def test_a_server_that_an_older_api_sends_is_read_anew(self) -> None:
        older = self.contract.Server.get(self.context, self.made.uuid)
        self.assertNotIn("composed", older.fields)
        older.status = "deleting"
        older.save()
        self.manager.delete_server(self.context, older)
        self.assert_nothing_is_left()


class TestDeleteMeanwhile(world.MoganTestCase):
    def test_a_server_that_is_deleted_while_it_is_composed_leaves_nothing(self) -> None:
        manager, server = self.start(), self.server()
        self.valence.polls = 1_000_000
        self.ask_for(manager, server)
        world.until(lambda: self.is_composing(server.uuid))
        self.valence.polls = 0
        self.delete(manager, server)
        self.join()
        self.assertTrue(self.is_gone(server))
        self.assert_nothing_is_left()
        self.assertEqual([], self.contract.FAULTS)
        self.assertEqual(1, self.quota.in_use)

    def test_a_server_that_is_deleted_while_its_node_is_enrolled_leaves_nothing(self) -> None:
        """Ironic refuses whoever else would change a node that it verifies."""
        manager, server = self.start(), self.server()
        self.ironic.looks = 200
        self.ask_for(manager, server)
        world.until(lambda: self.provision_states() == ["verifying"])
        self.delete(manager, server)
        self.join()
        self.assertTrue(self.is_gone(server))
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

    def test_a_server_that_was_deleted_before_it_is_composed_is_not(self) -> None:
        manager = self.start()
        server = manager.composer.mark(self.context, self.server())
        self.delete(manager, server)
        self.assertTrue(self.is_gone(server))
        spec = {"flavor": world.COMPOSED}
        manager._create_composed_server(
            self.context, server, [], b"", None, None, None, None, spec, {}
        )
        self.assert_nothing_is_left()
        self.assertEqual("deleted", self.instances.get(server.uuid).state)
