# SPDX-License-Identifier: Apache-2.0

"""The RSD driver and a simulated pod manager, over HTTP."""

from collections.abc import Callable
from concurrent import futures
import ssl
import tempfile
import time
from typing import Any

import testscenarios

from podm_simulator.redfish import dialect
from tests.functional import rsd_base
from tests.servers import certificates
from valence import errors
from valence import podmanagers
from valence.podmanagers import service_identity

State = podmanagers.State

ALLOCATE = {"method": "POST", "path": "Allocate$"}
ASSEMBLE = {"method": "POST", "path": "Assemble$"}


class TestEveryDialect(testscenarios.WithScenarios, rsd_base.RSDTestCase):
    scenarios = [
        (f"{version}, {size} a page", {"version": version, "page_size": size})
        for version in sorted(dialect.DIALECTS)
        for size in (1, 1000)
    ]

    def test_nodes_are_composed_found_read_and_deleted(self) -> None:
        before = self.fingerprint()
        paths = [self.compose(f"valence-{number}") for number in (1, 2, 3)]
        self.assertEqual(3, len(set(paths)))
        self.assertEqual(paths[0], self.driver.find("valence-1"))
        self.assertIsNone(self.driver.find("valence-4"))
        node = self.driver.read(paths[1])
        self.assertEqual("valence-2", node.name)
        self.assertEqual(State.ASSEMBLED, node.state)
        self.assertEqual(2, node.processor["count"])
        self.assertEqual({"capacity_mib": 65536}, node.memory)
        interfaces = self.driver.interfaces(node.system_path or "")
        self.assertEqual(2, len({interface.mac for interface in interfaces}))
        self.assertEqual(25000, interfaces[0].speed_mbps)
        for path in paths:
            self.assertTrue(self.driver.exists(path))
            self.driver.delete(path)
            self.assertFalse(self.driver.exists(path))
            self.driver.delete(path)
        self.assertEqual(before, self.fingerprint())


class TestCost(rsd_base.RSDTestCase):
    def test_composing_the_first_node_costs_four_requests_besides_polling(self) -> None:
        path = self.compose()
        requests = [line for line in self.new_requests() if line != f"GET {path}"]
        expected = [
            "GET /redfish/v1/",
            "GET /redfish/v1/Nodes",
            "POST /redfish/v1/Nodes/Actions/Allocate",
            f"POST {path}/Actions/ComposedNode.Assemble",
        ]
        self.assertEqual(expected, requests)

    def test_composing_the_next_node_costs_two(self) -> None:
        self.compose("valence-1")
        self.new_requests()
        path = self.compose("valence-2")
        requests = [line for line in self.new_requests() if line != f"GET {path}"]
        self.assertEqual(["POST", "POST"], [line.split()[0] for line in requests])

    def test_reading_a_node_costs_two(self) -> None:
        path = self.compose()
        self.new_requests()
        self.driver.read(path)
        self.assertEqual(2, len(self.new_requests()))

    def test_reading_a_state_and_deleting_a_node_cost_one_each(self) -> None:
        path = self.compose()
        for step in (self.driver.state, self.driver.exists, self.driver.delete):
            self.new_requests()
            step(path)
            self.assertEqual(1, len(self.new_requests()))

    def test_one_connection_serves_one_caller(self) -> None:
        self.compose()
        self.driver.delete("/redfish/v1/Nodes/1")
        self.assertEqual(1, self.connections())

    def test_many_callers_share_the_pool_and_the_root(self) -> None:
        with futures.ThreadPoolExecutor(16) as pool:
            paths = list(pool.map(self.compose, [f"valence-{number}" for number in range(6)]))
            self.assertEqual(6, len(set(paths)))
            self.assertEqual(1, self.new_requests().count("GET /redfish/v1/"))
            list(pool.map(self.driver.delete, paths))
        self.assertIn(self.connections(), range(2, 11))

    def connections(self) -> int:
        """The number of connections opened in total."""
        pools = self.driver._client._sender._session.get_adapter(self.url).poolmanager.pools  # type: ignore
        return sum(pools[key].num_connections for key in pools.keys())  # noqa: SIM118


class TestExpand(rsd_base.RSDTestCase):
    """A service with $expand."""

    expand = True
    page_size = 2

    def test_finding_a_node_costs_a_request_for_each_page(self) -> None:
        paths = [self.compose(f"valence-{number}") for number in range(5)]
        self.new_requests()
        self.assertEqual(paths[1], self.driver.find("valence-1"))
        self.assertEqual(3, len(self.new_requests()))
        self.assertEqual(
            {f"valence-{number}" for number in range(5)},
            {member.name for member in self.driver.members()},
        )
        self.assertEqual(3, len(self.new_requests()))

    def test_interfaces_are_read_though_their_collection_refuses_expand(self) -> None:
        path = self.compose()
        system_path = self.driver.read(path).system_path or ""
        self.assertEqual(2, len(self.driver.interfaces(system_path)))


class TestRefusals(rsd_base.RSDTestCase):
    def test_what_does_not_fit_is_refused_and_leaves_nothing(self) -> None:
        before = self.fingerprint()
        for properties in (
            {"memory": {"capacity_mib": 10**9}},
            {"processor": {"total_cores": 10**6}},
            {"processor": {"model": "Z80"}},
            {"storage": [{"capacity_gib": 10**6}]},
            {"network": [{"speed_mbps": 10**6}]},
            {"pci_device": [{"type": "FPGA"}]},
        ):
            exc = self.assertRaises(
                errors.PodManagerRefused, self.driver.allocate, "valence-1", "", properties
            )
            self.assertIn("Available assets count after applying filters", exc.own_words or "")
        self.assertEqual(before, self.fingerprint())

    def test_every_property_is_accepted(self) -> None:
        path = self.compose(
            processor={"model": "Simulated Xeon Gold 6140", "speed_mhz": 2000},
            memory={"speed_mhz": 2400},
            storage=[{"type": "NVMe"}, {"interface": "SATA"}],
            network=[{"vlan": 7}],
            pci_device=[{"type": "GPU", "count": 1}],
        )
        self.driver.delete(path)

    def test_a_node_that_failed_cannot_be_assembled(self) -> None:
        self.assembly("fail")
        path = self.driver.allocate("valence-1", "", rsd_base.PROPERTIES)
        self.until(path, State.ALLOCATED)
        self.driver.assemble(path)
        self.until(path, State.FAILED)
        exc = self.assertRaises(errors.PodManagerRefused, self.driver.assemble, path)
        self.assertIsNotNone(exc.own_words)
        self.driver.delete(path)

    def test_assembling_twice_is_no_error(self) -> None:
        path = self.driver.allocate("valence-1", "", rsd_base.PROPERTIES)
        self.until(path, State.ALLOCATED)
        for _ in range(3):
            self.driver.assemble(path)
        self.until(path, State.ASSEMBLED)
        self.driver.assemble(path)

    def test_a_node_that_is_gone(self) -> None:
        path = self.compose()
        self.driver.delete(path)
        for step in (self.driver.state, self.driver.read, self.driver.assemble):
            self.assertRaises(errors.PodManagerNodeGone, step, path)


class TestTrouble(rsd_base.RSDTestCase):
    def unreachable(self, call: Callable[..., Any], *args: Any) -> errors.ValenceError:
        return self.assertRaises(errors.PodManagerUnreachable, call, *args)

    def test_an_allocation_with_a_lost_response_is_found_by_name(self) -> None:
        self.fault(ALLOCATE, type="lose_answer")
        exc = self.unreachable(self.driver.allocate, "valence-1", "", rsd_base.PROPERTIES)
        self.assertNotIn("sent", exc.details)
        path = self.driver.find("valence-1")
        self.assertIsNotNone(path)
        posts = [line for line in self.new_requests() if line.startswith("POST")]
        self.assertEqual(1, len(posts), "a POST is never repeated")

    def test_an_allocation_that_never_arrived_is_not_found(self) -> None:
        self.fault(ALLOCATE, type="drop")
        self.unreachable(self.driver.allocate, "valence-1", "", rsd_base.PROPERTIES)
        self.assertIsNone(self.driver.find("valence-1"))

    def test_an_allocation_without_a_location_is_found_by_name(self) -> None:
        self.fault(ALLOCATE, type="no_location")
        path = self.driver.allocate("valence-1", "", rsd_base.PROPERTIES)
        self.assertEqual(path, self.driver.find("valence-1"))

    def test_assemble_can_be_repeated_after_a_lost_response(self) -> None:
        path = self.driver.allocate("valence-1", "", rsd_base.PROPERTIES)
        self.until(path, State.ALLOCATED)
        self.fault(ASSEMBLE, type="lose_answer")
        self.unreachable(self.driver.assemble, path)
        self.driver.assemble(path)
        self.until(path, State.ASSEMBLED)

    def test_a_read_survives_a_dropped_connection_and_a_busy_service(self) -> None:
        path = self.compose()
        match = {"method": "GET", "path": f"{path}$"}
        self.fault(match, type="drop")
        self.assertEqual(State.ASSEMBLED, self.driver.state(path).state)
        self.fault(match, type="error", status=503, message="Busy.", retry_after=1)
        self.assertEqual(State.ASSEMBLED, self.driver.state(path).state)

    def test_an_error_has_the_pod_managers_own_words(self) -> None:
        for status, error in [
            (400, errors.PodManagerRefused),
            (500, errors.PodManagerFailed),
            (503, errors.PodManagerUnreachable),
        ]:
            self.fault(ALLOCATE, type="error", status=status, message="Out of order.")
            exc = self.assertRaises(
                error, self.driver.allocate, "valence-1", "", rsd_base.PROPERTIES
            )
            self.assertIn("Out of order.", exc.own_words or "")

    def test_garbage_is_an_error_and_no_empty_collection(self) -> None:
        path = self.compose()
        for call in (self.driver.state, self.driver.exists, self.driver.find):
            self.fault({"method": "GET", "path": ".*"}, type="garbage")
            exc = self.assertRaises(errors.PodManagerFailed, call, path)
            self.assertIn("not Redfish", exc.detail)
        self.fault({"method": "DELETE", "path": ".*"}, type="garbage")
        self.assertRaises(errors.PodManagerFailed, self.driver.delete, path)

    def test_a_pod_manager_that_is_down_is_reported_without_a_timeout(self) -> None:
        self.driver.find("valence-1")
        self.simulator.stop()
        started = time.monotonic()
        exc = self.unreachable(self.driver.allocate, "valence-1", "", rsd_base.PROPERTIES)
        self.assertLess(time.monotonic() - started, 10)
        self.assertIs(False, exc.details["sent"])
        self.assertIn("Connection refused", exc.detail)

    def test_a_pod_manager_that_comes_back_is_used_again(self) -> None:
        path = self.compose()
        self.simulator.stop()
        self.unreachable(self.driver.state, path)
        self.simulator.start()
        self.assertEqual(State.ASSEMBLED, self.driver.state(path).state)


class TestCheck(rsd_base.RSDTestCase):
    def check(self, **fields: Any) -> service_identity.Service:
        return self.podmanagers.check(self.access(**fields)).identity

    def test_a_pod_manager(self) -> None:
        for suffix in ("", "/", "/redfish/v1", "/redfish/v1/"):
            info = self.check(url=f"{self.url}{suffix}")
            self.assertIsNotNone(info.uuid)

    def test_wrong_credentials(self) -> None:
        for fields in ({"password": "wrong"}, {"username": "other"}, {"username": None}):
            self.assertRaises(errors.PodManagerUnauthorized, self.check, **fields)

    def test_a_url_that_leads_to_no_pod_manager(self) -> None:
        for suffix in ("/control", "/elsewhere/redfish/v1"):
            self.assertRaises(errors.PodManagerFailed, self.check, url=f"{self.url}{suffix}")

    def test_a_pod_manager_that_is_down(self) -> None:
        self.simulator.stop()
        self.assertRaises(errors.PodManagerUnreachable, self.check)
        exc = self.assertRaises(
            errors.PodManagerUnreachable, self.check, url="http://pod.invalid:8443"
        )
        self.assertIs(False, exc.details["sent"])


class TestTLS(rsd_base.RSDTestCase):
    def setUp(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.certificate = certificates.certificate(self.directory.name)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.certificate)
        super().setUp()
        self.addCleanup(self.directory.cleanup)

    def check(self, url: str, verify_ca: bool | str) -> service_identity.Service:
        return self.podmanagers.check(self.access(url=url, verify_ca=verify_ca)).identity

    def test_a_certificate_is_verified_unless_verify_ca_is_false(self) -> None:
        exc = self.assertRaises(errors.PodManagerUnreachable, self.check, self.url, True)
        self.assertIn("certificate verify failed", exc.detail)
        self.assertIn("verify_ca", exc.detail)
        self.assertIs(False, exc.details["sent"])
        for verify_ca in (str(self.certificate), False):
            self.assertIsNotNone(self.check(self.url, verify_ca).uuid)

    def test_a_bundle_that_does_not_exist(self) -> None:
        exc = self.assertRaises(
            errors.PodManagerUnreachable, self.check, self.url, "/nowhere/pod.pem"
        )
        self.assertIn("/nowhere/pod.pem", exc.detail)

    def test_the_wrong_scheme(self) -> None:
        plain = self.url.replace("https", "http")
        self.assertRaises(errors.PodManagerUnreachable, self.check, plain, True)
