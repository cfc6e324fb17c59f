# SPDX-License-Identifier: Apache-2.0

"""What load balancers and Prometheus are told."""

import re
import threading
from typing import Any

from tests.unit.service import base
from valence.objects import podmanager as podmanager_objects

NO_IRONIC = {"ironic__auth_type": None, "ironic__endpoint_override": None}


class TestHealth(base.ServiceTestCase):
    def health(self) -> dict[str, Any]:
        return dict(self.api("GET", "/healthcheck").json)

    def test_it_says_what_the_service_stands_on(self) -> None:
        self.start(**NO_IRONIC)
        expected = {"status": "ok", "checks": {"database": "ok", "podmanagers": "ok"}}
        self.assertEqual(expected, self.health())

    def test_without_a_database_nothing_can_be_answered(self) -> None:
        self.start(conductor__sweep_interval=600.0)
        with self.service.db.writer() as session:
            session.connection().exec_driver_sql("DROP TABLE nodes")
        answer = self.api("GET", "/healthcheck")
        error = self.assertRefused(503, "valence.unhealthy", answer)
        self.assertEqual("ill", error["checks"]["database"])
        self.assertNotIn("reasons", error)

    def test_what_is_ill_besides_degrades_and_no_more(self) -> None:
        self.ironic.answer("GET", "/v1/nodes/?", 503, "Ironic 10.0.0.7 is down.")
        self.start()
        health = self.health()
        self.assertEqual(("degraded", "ill"), (health["status"], health["checks"]["ironic"]))
        self.assertNotIn("reasons", health)

    def test_why_is_said_where_the_configuration_allows_it(self) -> None:
        self.ironic.answer("GET", "/v1/nodes/?", 503, "Ironic 10.0.0.7 is down.")
        self.start(healthcheck__detailed=True)
        reasons = self.health()["reasons"]
        self.assertEqual(["ironic"], list(reasons))
        self.assertIn("Ironic could not be asked", reasons["ironic"])

    def test_pod_managers_that_are_away_degrade(self) -> None:
        pod = self.simulate()
        self.start(healthcheck__detailed=True)
        known = self.know(pod)
        podmanager_objects.record_status(self.service.db, known["uuid"], "offline", "It is away.")
        health = self.health()
        self.assertEqual("degraded", health["checks"]["podmanagers"])
        self.assertEqual({"podmanagers": "1 offline"}, health["reasons"])

    def test_peers_are_not_asked_as_often_as_the_service_is(self) -> None:
        self.start()
        for _probe in range(5):
            self.health()
        self.assertEqual(["/v1/nodes/"], [call.path for call in self.ironic.wire.calls])

    def test_a_peer_that_never_answers_is_ill_in_time(self) -> None:
        answering = threading.Event()
        self.addCleanup(answering.set)
        self.ironic.after("GET", "/v1/nodes/?", answering.wait)
        self.start(healthcheck__detailed=True)
        health = self.health()
        self.assertEqual("ill", health["checks"]["ironic"])
        self.assertIn("no answer in", health["reasons"]["ironic"])


class TestMetrics(base.ServiceTestCase):
    def metric(self, name: str, **labels: str) -> float:
        text = self.api("GET", "/metrics").get_data(as_text=True)
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        for line in text.splitlines():
            found = re.fullmatch(rf"{name}(?:{{(.*)}})? (\S+)", line)
            if found and wanted <= set(re.findall(r'\w+="[^"]*"', found[1] or "")):
                return float(found[2])
        return 0.0

    def test_requests_are_counted_by_route_method_and_status(self) -> None:
        self.start()
        labels = {"route": "/v1/flavors/<ident>", "method": "GET", "status": "404"}
        before = self.metric("valence_requests_total", **labels)
        for ident in ("a", "b"):
            self.api("GET", f"/v1/flavors/{ident}")
        self.assertEqual(before + 2, self.metric("valence_requests_total", **labels))
        timed = {"route": "/v1/flavors/<ident>", "method": "GET"}
        self.assertGreater(self.metric("valence_request_seconds_count", **timed), 1)

    def test_what_clients_invent_makes_no_series(self) -> None:
        self.start()
        labels = {"route": "(none)", "method": "other", "status": "404"}
        before = self.metric("valence_requests_total", **labels)
        for method, path in (("BREW", "/v1/coffee"), ("STIR", "/v1/tea")):
            self.api(method, path)
        self.assertEqual(before + 2, self.metric("valence_requests_total", **labels))

    def test_nodes_and_pod_managers_are_counted_by_state(self) -> None:
        pod = self.simulate()
        self.start()
        self.know(pod)
        self.composed()
        self.assertEqual(1, self.metric("valence_rows", ledger="nodes", state="composed"))
        self.assertEqual(1, self.metric("valence_podmanagers", status="online"))
