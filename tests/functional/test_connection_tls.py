# SPDX-License-Identifier: Apache-2.0

"""Connections to a simulated pod manager, over TLS and without."""

from concurrent import futures
import ssl
import tempfile
import threading
from typing import Any
from unittest import mock

from podm_simulator import server
from podm_simulator.pod import factory
from podm_simulator.pod import pod
from tests.functional.connection_base import ConnectionTestCase
from tests.functional.connection_base import drip
from tests.functional.connection_base import FOUR_CORES
from tests.functional.connection_base import ROOT
from tests.servers import certificates
from tests.servers import odd
from valence import errors
from valence.flows import retry
from valence.podmanagers.rsd import driver as rsd_driver
from valence_conductor import interrupt


class SimulatorTestCase(ConnectionTestCase):
    tls: ssl.SSLContext | None = None

    def setUp(self) -> None:
        super().setUp()
        self.simulator = server.Simulator(
            factory.Size((factory.Shape(systems=6),)),
            password="secret",
            pace=pod.Pace(0, 0),
            tls=self.tls,
        )
        self.url = self.simulator.start()
        self.addCleanup(self.simulator.stop)


class TestWithASimulator(SimulatorTestCase):
    def test_an_expired_session_is_renewed_and_no_request_repeated(self) -> None:
        driver = rsd_driver.RSDDriver(self.connect(self.url))
        driver.check()
        self.assertEqual(1, len(self.simulator.sessions.all()))
        for number in range(3):
            self.simulator.sessions.forget()
            driver.allocate(f"valence-{number}", "", FOUR_CORES)
        self.assertEqual(3, len(self.simulator.pod.nodes))
        driver.close()
        self.assertEqual([], self.simulator.sessions.all())

    def test_sessions_that_expire_under_many_callers_are_renewed(self) -> None:
        client = self.connect(self.url)
        client.get(ROOT)

        def read(number: int) -> dict[str, Any]:
            if number % 25 == 0:
                self.simulator.sessions.forget()
            return client.get("/redfish/v1/Nodes")

        with futures.ThreadPoolExecutor(8) as pool:
            self.assertEqual(200, len(list(pool.map(read, range(200)))))
        client.close()
        self.assertEqual([], self.simulator.sessions.all())

    def test_a_short_check_costs_no_session(self) -> None:
        client = self.connect(self.url, session_after=50)
        rsd_driver.RSDDriver(client).check()
        client.close()
        recorded = self.simulator.journal.show()["requests"]
        self.assertEqual(["GET", "GET"], [request["method"] for request in recorded])

    def test_a_flow_waits_through_an_outage(self) -> None:
        client = self.connect(self.url)
        client.get(ROOT)
        self.simulator.stop()
        for _ in range(5):
            self.assertRaises(errors.PodManagerUnreachable, client.get, ROOT)
        self.assertFalse(client._breaker.is_closed)
        started, halt = threading.Event(), threading.Event()

        def run() -> dict[str, Any]:
            with interrupt.until_set(halt):  # as a conductor does
                return retry.call(read, within=60)

        def read() -> dict[str, Any]:
            started.set()
            return client.get("/redfish/v1/Nodes")

        with futures.ThreadPoolExecutor(1) as pool:
            collection = pool.submit(run)
            started.wait(60)
            self.simulator.start()
            self.assertEqual(0, collection.result(60)["Members@odata.count"])


class TestTLS(SimulatorTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.certificate = certificates.certificate(folder.name)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.certificate)
        super().setUp()
        self.addCleanup(folder.cleanup)
        self.pem = self.certificate.read_text().partition("-----BEGIN PRIVATE")[0]

    def other(self) -> str:
        with tempfile.TemporaryDirectory() as folder:
            pem = certificates.certificate(folder, "another").read_text()
        return pem.partition("-----BEGIN PRIVATE")[0]

    def test_only_the_ca_is_trusted(self) -> None:
        driver = rsd_driver.RSDDriver(self.connect(self.url, ca=self.pem))
        self.assertEqual(0, driver.check().nodes)
        both = self.connect(self.url, ca=self.other() + self.pem)
        self.assertIn("Links", both.get(ROOT))
        client = self.connect(self.url, ca=self.other())
        exc = self.assertRaises(errors.PodManagerUnreachable, client.get, ROOT)
        self.assertIn("Set ca to the certificate of its authority", exc.detail)
        self.assertIs(False, exc.details["sent"])
        self.assertTrue(client.is_reachable(), "trusted or not")

    def test_neither_the_environment_nor_verify_ca_adds_to_the_ca(self) -> None:
        environment = {"REQUESTS_CA_BUNDLE": str(self.certificate)}
        with mock.patch.dict("os.environ", environment):
            client = self.connect(self.url, ca=self.other())
            self.assertRaises(errors.PodManagerUnreachable, client.get, ROOT)
        client = self.connect(self.url, ca=self.other(), verify_ca=str(self.certificate))
        self.assertRaises(errors.PodManagerUnreachable, client.get, ROOT)

    def test_without_verification_every_certificate_is_trusted(self) -> None:
        self.assertIn("Links", self.connect(self.url, verify_ca=False).get(ROOT))
        self.assertRaises(errors.PodManagerUnreachable, self.connect(self.url).get, ROOT)

    def test_connections_are_kept_open(self) -> None:
        client = self.connect(self.url, ca=self.pem)
        for _ in range(20):
            client.get(ROOT)
        pools: Any = client._sender._session.get_adapter(self.url).poolmanager.pools  # type: ignore
        self.assertEqual([1], [pools[key].num_connections for key in pools.keys()])  # noqa: SIM118

    def test_deadlines_hold_over_tls(self) -> None:
        slow = odd.Odd(self.tls).start()
        self.addCleanup(slow.stop)
        slow.answers["GET", "/slow"] = drip(b"HTTP/1.1 200 OK\r\nX-Long: ")
        client = self.connect(slow.url, ca=self.pem, read_timeout=20, request_timeout=0.5)
        self.assertRaises(errors.PodManagerUnreachable, client.get, "/slow")
