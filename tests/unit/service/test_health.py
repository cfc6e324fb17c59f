# SPDX-License-Identifier: Apache-2.0

"""The responses to load balancers and to Prometheus."""

import re
import threading
from typing import Any

from tests.unit.service import base
from valence.objects import podmanager as podmanager_objects

NO_IRONIC = {"ironic__auth_type": None, "ironic__endpoint_override": None}


class TestHealth(base.ServiceTestCase):
    def health(self) -> dict[str, Any]:
        return dict(self.api("GET", "/healthcheck").json)

    def test_the_report_lists_the_dependencies(self) -> None:
        self.start(**NO_IRONIC)
        expected = {"status": "ok", "checks": {"database": "ok", "podmanagers": "ok"}}
        self.assertEqual(expected, self.health())

    def test_a_broken_database_is_503(self) -> None:
        self.start(conductor__sweep_interval=600.0)
        with self.service.db.writer() as session:
            session.connection().exec_driver_sql("DROP TABLE nodes")
        answer = self.api("GET", "/healthcheck")
        error = self.assertRefused(503, "valence.unhealthy", answer)
        self.assertEqual("error", error["checks"]["database"])
        self.assertNotIn("reasons", error)

    def test_an_error_of_an_optional_dependency_only_degrades(self) -> None:
        self.ironic.answer("GET", "/v1/nodes/?", 503, "Busy.")
        self.start()
        health = self.health()
        self.assertEqual(("degraded", "error"), (health["status"], health["checks"]["ironic"]))
        self.assertNotIn("reasons", health)

    def test_reasons_are_shown_if_configured(self) -> None:
        self.ironic.answer("GET", "/v1/nodes/?", 503, "Busy.")
        self.start(healthcheck__detailed=True)
        reasons = self.health()["reasons"]
        self.assertEqual(["ironic"], list(reasons))
        self.assertIn("The request to Ironic to list nodes failed.", reasons["ironic"])

    def test_pod_managers_that_are_offline_degrade(self) -> None:
        pod = self.simulate()
        self.start(healthcheck__detailed=True)
        podm = self.know(pod)
        podmanager_objects.record_status(self.service.db, podm["uuid"], "offline", "No answer.")
        health = self.health()
        self.assertEqual("degraded", health["checks"]["podmanagers"])
        self.assertEqual({"podmanagers": "1 offline"}, health["reasons"])

    def test_the_status_of_peers_is_cached(self) -> None:
        self.start()
        for _probe in range(5):
            self.health()
        self.assertEqual(["/v1/nodes/"], [call.path for call in self.ironic.wire.calls])

    def test_a_peer_that_never_responds_is_in_error_at_the_deadline(self) -> None:
        released = threading.Event()
        self.addCleanup(released.set)
        self.ironic.after("GET", "/v1/nodes/?", released.wait)
        self.start(healthcheck__detailed=True)
        health = self.health()
        self.assertEqual("error", health["checks"]["ironic"])
        self.assertIn("no answer in", health["reasons"]["ironic"])


class TestMetrics(base.ServiceTestCase):
    def metric(self, name: str, **labels: str) -> float:
        text = self.api("GET", "/metrics").get_data(as_text=True)
        selected = {f'{key}="{value}"' for key, value in labels.items()}
        for line in text.splitlines():
            match = re.fullmatch(rf"{name}(?:{{(.*)}})? (\S+)", line)
            if match and selected <= set(re.findall(r'\w+="[^"]*"', match[1] or "")):
                return float(match[2])
        return 0.0

    def test_requests_are_counted_by_route_method_and_status(self) -> None:
        self.start()
        labels = {"route": "/v1/flavors/<ident>", "method": "GET", "status": "404"}
        before = self.metric("valence_requests_total", **labels)
        for ident in ("a", "b"):
            self.api("GET", f"/v1/flavors/{ident}")
        self.assertEqual(before + 2, self.metric("valence_requests_total", **labels))
        labels = {"route": "/v1/flavors/<ident>", "method": "GET"}
        self.assertGreater(self.metric("valence_request_seconds_count", **labels), 1)

    def test_unknown_methods_and_paths_share_one_series(self) -> None:
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
