# SPDX-License-Identifier: Apache-2.0

"""Registration in a real Ironic of nodes that a simulated pod manager composed."""

from collections.abc import Callable
import contextlib
import functools
import pathlib
import sqlite3
import tempfile
import threading
import time
from typing import Any
import uuid

from ironicclient import client as ironic_client
from ironicclient import exc as ironic_errors
from oslo_config import cfg

from devstack.lab import ironic as lab_ironic
from devstack.lab import processes
from podm_simulator import server
from podm_simulator.pod import factory
from podm_simulator.pod import pod
from tests import base
from tests.unit.service import fake_redfish
from valence import errors
from valence import podmanagers
from valence.conf import ironic as ironic_conf
from valence.ironic import Ironic

INSTALLATION = "55555555-5555-4555-8555-555555555555"
MAC = "52:54:00:00:00:01"


class TestRegistration(base.TestCase):
    """One Ironic for all tests; each has its own nodes and MACs, and deletes them."""

    lab: lab_ironic.Ironic

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        reaper = processes.Reaper()
        cls.addClassCleanup(reaper.close)
        where = pathlib.Path(directory.name)
        cls.lab = lab_ironic.Ironic(where / "ironic", where / "cache")
        cls.lab.prepare()
        cls.lab.process.start(reaper)
        cls.addClassCleanup(cls.lab.process.stop)
        cls.lab.process.wait_ready()

    def setUp(self) -> None:
        super().setUp()
        self.conf = cfg.ConfigOpts()
        self.conf([], project="valence", default_config_files=[])
        ironic_conf.register_opts(self.conf)
        self.conf.set_override("auth_type", "none", group="ironic")
        self.conf.set_override("endpoint_override", self.lab.url, group="ironic")
        self.ironic = Ironic(self.conf)
        self.client = ironic_client.get_client(
            "1", endpoint=self.lab.url, os_ironic_api_version="latest", max_retries=0
        )
        self.uuid, self.composed = str(uuid.uuid4()), str(uuid.uuid4())
        self.addCleanup(self.check_nothing_left)

    def check_nothing_left(self) -> None:
        self.assertEqual([], self.client.node.list())
        self.assertEqual([], self.client.port.list())

    def create(self, **more: Any) -> frozenset[str]:
        fields = {
            "uuid": self.uuid,
            "name": "composed-1",
            "driver_info": {
                "redfish_address": "http://127.0.0.1:9",
                "redfish_system_id": "/redfish/v1/Systems/1",
            },
            "valence_node": self.composed,
            "installation": INSTALLATION,
            "macs": [MAC],
            **more,
        }
        return self.ironic.create_node(**fields)

    def lock(self, uuid: str) -> Callable[[], None]:
        """Lock a node in Ironic's database, as a conductor does; return what unlocks it."""

        def reserve(host: str | None) -> None:
            connection = sqlite3.connect(self.lab.directory / "ironic.sqlite", timeout=30)
            with contextlib.closing(connection), connection:
                connection.execute("UPDATE nodes SET reservation = ? WHERE uuid = ?", (host, uuid))

        reserve("another-conductor")
        self.addCleanup(reserve, None)
        return functools.partial(reserve, None)

    def delete(self) -> None:
        self.ironic.delete_node(self.uuid, self.composed)

    def macs(self) -> list[str]:
        return sorted(port.address for port in self.client.port.list(node=self.uuid))

    def refused(self, call: Callable[..., Any], **arguments: Any) -> errors.IronicRefused:
        exc: errors.IronicRefused = self.assertRaises(errors.IronicRefused, call, **arguments)
        return exc

    def to(self, target: str, state: str) -> None:
        self.client.node.set_provision_state(self.uuid, target)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            node = self.client.node.get(self.uuid)
            if node.provision_state == state and node.reservation is None:
                return
            time.sleep(0.1)
        raise AssertionError(f"{node.provision_state}: {node.last_error}")

    def test_marked_nodes_are_listed_and_unused_ones_are_deleted(self) -> None:
        other = self.client.node.create(driver="redfish", extra={"rack": 7})
        self.addCleanup(self.client.node.delete, other.uuid)
        self.create(instance_uuid=str(uuid.uuid4()))
        (listed,) = self.ironic.list_marked()
        self.assertEqual(
            (self.uuid, "enroll", None), (listed.uuid, listed.provision_state, listed.reservation)
        )
        self.assertEqual(INSTALLATION, listed.extra["valence_installation"])
        self.refused(self.ironic.delete_unused, uuid=self.uuid, valence_node=self.composed)
        self.client.node.update(self.uuid, [{"op": "remove", "path": "/instance_uuid"}])
        self.refused(self.ironic.delete_unused, uuid=self.uuid, valence_node="another")
        self.ironic.delete_unused(uuid=self.uuid, valence_node=self.composed)
        self.assertEqual([], self.ironic.list_marked())
        self.ironic.delete_unused(uuid=self.uuid, valence_node=self.composed)

    def test_a_node_has_every_requested_field(self) -> None:
        instance = str(uuid.uuid4())
        self.create(
            resource_class="baremetal",
            traits=["CUSTOM_B", "CUSTOM_A"],
            properties={"cpus": 8},
            extra={"rack": 7},
            owner="project",
            instance_uuid=instance,
        )
        node = self.client.node.get(self.uuid)
        self.assertEqual("enroll", node.provision_state)
        marks = {"valence_node": self.composed, "valence_installation": INSTALLATION}
        self.assertEqual({"rack": 7, **marks}, node.extra)
        self.assertEqual(["CUSTOM_A", "CUSTOM_B"], sorted(node.traits))
        expected = ("baremetal", {"cpus": 8}, "project", instance)
        fields = (node.resource_class, node.properties, node.owner, node.instance_uuid)
        self.assertEqual(expected, fields)
        self.assertEqual([MAC], self.macs())
        self.delete()

    def test_a_partial_registration_is_completed_and_deleted(self) -> None:
        self.create(macs=[])
        self.create(macs=[MAC.upper(), "52:54:00:00:00:02"], traits=["CUSTOM_A"])
        self.create(macs=[MAC, "52:54:00:00:00:02"], traits=["CUSTOM_A"])
        self.assertEqual([MAC, "52:54:00:00:00:02"], self.macs())
        self.assertEqual(["CUSTOM_A"], self.client.node.get(self.uuid).traits)
        self.delete()
        self.assertRaises(ironic_errors.NotFound, self.client.node.get, self.uuid)
        self.delete()

    def test_a_duplicate_is_refused_with_the_node_that_has_the_value(self) -> None:
        self.create()
        exc = self.refused(self.create, uuid=str(uuid.uuid4()))
        self.assertIn("already exists", exc.own_words or "")
        other = str(uuid.uuid4())
        exc = self.refused(self.create, uuid=other, name="composed-2")
        self.assertEqual(self.uuid, exc.details["ironic_node"])
        self.assertIn(MAC, exc.own_words or "")
        exc = self.refused(self.create, valence_node="another")
        self.assertIs(False, exc.details["ours"])
        exc = self.refused(self.ironic.delete_node, uuid=self.uuid, valence_node="another")
        self.assertIs(False, exc.details["ours"])
        self.ironic.delete_node(other, self.composed)
        self.delete()

    def test_the_way_to_a_machine_is_corrected_and_the_rest_of_it_stays(self) -> None:
        old = {
            "redfish_address": "http://127.0.0.1:9",
            "redfish_system_id": "/redfish/v1/Systems/1",
            "redfish_username": "admin",
            "redfish_password": "old",
            "redfish_auth_type": "basic",
        }
        self.create(driver_info=old)
        new = {
            "redfish_address": "http://127.0.0.1:10",
            "redfish_system_id": "/redfish/v1/Systems/2",
            "redfish_verify_ca": False,
        }
        marks = {
            "uuid": self.uuid,
            "valence_node": self.composed,
            "installation": INSTALLATION,
            "renew": True,
        }
        unlock = self.lock(self.uuid)
        self.assertFalse(self.ironic.set_driver_info(driver_info=new, **marks))
        unlock()
        self.assertTrue(self.ironic.set_driver_info(driver_info=new, **marks))
        expected = {**new, "redfish_auth_type": "basic"}
        self.assertEqual(expected, self.client.node.get(self.uuid).driver_info)
        marks["valence_node"] = "another"
        self.refused(self.ironic.set_driver_info, driver_info=old, **marks)
        self.delete()

    def test_a_mac_that_another_node_has_is_left_out(self) -> None:
        usb = "02:00:00:00:00:01"
        self.create(macs=[usb, MAC])
        other, info = str(uuid.uuid4()), {"redfish_address": "http://127.0.0.1:9"}
        second = {
            "uuid": other,
            "name": "composed-2",
            "driver_info": {**info, "redfish_system_id": "/redfish/v1/Systems/2"},
            "macs": [usb, "52:54:00:00:00:03"],
        }
        for _attempt in range(2):
            self.assertEqual({usb}, self.create(**second))
            ports = self.client.port.list(node=other)
            self.assertEqual(["52:54:00:00:00:03"], [port.address for port in ports])
        exc = self.refused(self.create, uuid=str(uuid.uuid4()), name="same", macs=[usb, MAC])
        self.assertIn("has this machine already", exc.detail)
        self.client.node.delete(exc.details["ironic_node"])
        for left in self.client.node.list():
            self.client.node.delete(left.uuid)

    def test_every_change_waits_for_a_node_that_a_conductor_has_locked(self) -> None:
        self.create(macs=[])
        changes = {
            "macs": [MAC],
            "traits": ["CUSTOM_A"],
            "owner": "project",
            "instance_uuid": str(uuid.uuid4()),
        }
        unlock = self.lock(self.uuid)
        timer = threading.Timer(2.0, unlock)
        timer.start()
        self.addCleanup(timer.join)
        self.create(**changes)
        node = self.client.node.get(self.uuid)
        self.assertEqual((["CUSTOM_A"], "project"), (node.traits, node.owner))
        self.assertEqual([MAC], self.macs())
        self.delete()

    def test_a_lock_that_lasts_is_a_refusal_with_ironics_words(self) -> None:
        self.conf.set_override("lock_timeout", 0, group="ironic")
        self.create(macs=[])
        unlock = self.lock(self.uuid)
        for changes in ({"owner": "project"}, {"traits": ["CUSTOM_A"]}):
            exc = self.refused(self.create, macs=[], **changes)
            self.assertIn("is locked by host another-conductor", exc.own_words or "")
        self.refused(self.delete)
        unlock()
        self.delete()

    def test_a_protected_node_is_refused_at_once_with_ironics_words(self) -> None:
        self.create()
        connection = sqlite3.connect(self.lab.directory / "ironic.sqlite", timeout=30)
        with contextlib.closing(connection):
            for protected in (True, False):
                with connection:
                    change = "UPDATE nodes SET protected = ? WHERE uuid = ?"
                    connection.execute(change, (protected, self.uuid))
                if protected:
                    started_at = time.monotonic()
                    exc = self.refused(self.delete)
                    self.assertLess(time.monotonic() - started_at, 5)
                    self.assertIn("is protected", exc.own_words or "")
                    self.assertNotIn("credentials", exc.detail)
        self.delete()

    def test_a_node_of_another_installation_is_neither_completed_nor_deleted(self) -> None:
        self.create()
        other = str(uuid.uuid4())
        exc = self.refused(self.create, installation=other)
        self.assertIn("valence_installation", exc.detail)
        node = (self.uuid, self.composed, other)
        for remove in (self.ironic.delete_node, self.ironic.evict_node, self.ironic.delete_unused):
            exc = self.refused(functools.partial(remove, *node))
            self.assertIs(False, exc.details["ours"])
        self.assertFalse(self.client.node.get(self.uuid).maintenance)
        self.delete()

    def test_an_address_that_is_not_ironics_does_not_lack_the_node(self) -> None:
        self.create()
        for path in ("/nothing", "/v1/nodes"):
            self.conf.set_override("endpoint_override", f"{self.lab.url}{path}", group="ironic")
            service = Ironic(self.conf)
            for call in (service.list_marked, lambda s=service: s.delete_node(*self.both())):
                self.assertRaises(errors.ValenceError, call)
        self.delete()

    def both(self) -> tuple[str, str]:
        return self.uuid, self.composed

    def test_a_value_that_ironic_does_not_accept_is_refused_with_its_message(self) -> None:
        for fields, message in [
            ({"name": "not a name!"}, "invalid name"),
            ({"macs": ["zz"]}, "MAC"),
            ({"traits": ["nope"]}, "CUSTOM_"),
        ]:
            exc = self.refused(self.create, **fields)
            self.assertIn(message, exc.own_words or "")
            self.delete()

    def test_a_node_that_is_being_verified_is_waited_for(self) -> None:
        # Nothing listens at that address, which Ironic detects in half a minute.
        self.create()
        self.client.node.set_provision_state(self.uuid, "manage")
        self.delete()

    def test_a_composed_node_can_be_managed_through_its_pod_manager(self) -> None:
        simulator = server.Simulator(
            factory.Size((factory.Shape(systems=2),)), password="secret", pace=pod.Pace(0, 0)
        )
        url = simulator.start()
        self.addCleanup(simulator.stop)
        connections = podmanagers.PodManagers(fake_redfish.conf())
        self.addCleanup(connections.close)
        driver = connections.get(fake_redfish.access(url))
        path = driver.allocate("valence-1", "", {"processor": {"total_cores": 8}})
        driver.assemble(path)
        system_path = driver.read(path).system_path or ""
        macs = [interface.mac for interface in driver.interfaces(system_path)]
        self.create(driver_info=driver.bmc(system_path), macs=macs)
        self.assertEqual(sorted(macs), self.macs())
        self.to("manage", "manageable")
        self.assertEqual("power off", self.client.node.get(self.uuid).power_state)
        self.to("provide", "available")
        instance = str(uuid.uuid4())
        patch = [{"op": "add", "path": "/instance_uuid", "value": instance}]
        self.client.node.update(self.uuid, patch)
        exc = self.refused(self.delete)
        self.assertIn(instance, exc.own_words or "")
        self.to("manage", "manageable")
        self.client.node.update(self.uuid, [{"op": "add", "path": "/extra/a", "value": 1}])
        self.delete()

    def test_a_deployed_node_is_not_deleted_even_in_maintenance(self) -> None:
        simulator = server.Simulator(factory.Size((factory.Shape(systems=1),)), password="secret")
        url = simulator.start()
        self.addCleanup(simulator.stop)
        info = {
            "redfish_address": url,
            "redfish_system_id": "/redfish/v1/Systems/1",
            "redfish_username": "admin",
            "redfish_password": "secret",
        }
        self.create(driver_info=info)
        self.to("manage", "manageable")
        boot = {"op": "add", "path": "/instance_info/boot_iso", "value": "http://127.0.0.1:9/x"}
        self.client.node.update(self.uuid, [boot])
        self.to("adopt", "active")
        for maintenance in (False, True):
            self.client.node.set_maintenance(self.uuid, maintenance)
            exc = self.refused(self.delete)
            self.assertIn("'active'", exc.detail)
            self.assertEqual([MAC], self.macs())
        self.client.node.set_maintenance(self.uuid, False)
        self.to("deleted", "available")
        self.delete()


class TestIronicIsDown(base.TestCase):
    def test_it_is_reported_at_once(self) -> None:
        conf = cfg.ConfigOpts()
        conf([], project="valence", default_config_files=[])
        ironic_conf.register_opts(conf)
        url = f"http://127.0.0.1:{processes.free_port()}"
        conf.set_override("endpoint_override", url, group="ironic")
        service = Ironic(conf)
        started_at = time.monotonic()
        exc = self.assertRaises(errors.IronicUnavailable, service.ping)
        self.assertLess(time.monotonic() - started_at, 2)
        self.assertIn("Check that it is running", exc.detail)
