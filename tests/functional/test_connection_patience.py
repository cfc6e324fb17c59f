# SPDX-License-Identifier: Apache-2.0

"""Connections to pod managers that are slow, silent, or overloaded."""

from concurrent import futures
import gzip
import json
import threading
from typing import Any

from tests.functional.connection_base import drip
from tests.functional.connection_base import OddTestCase
from tests.functional.connection_base import ROOT
from tests.functional.connection_base import THING
from tests.servers import odd
from valence import errors
from valence.podmanagers.http.connection import Connection
from valence_conductor import interrupt


class TestDeadlines(OddTestCase):
    def test_a_response_without_an_end_meets_the_deadline(self) -> None:
        client = self.connect(self.odd.url, read_timeout=20, request_timeout=2)
        for head in (
            b"HTTP/1.1 200 OK\r\nX-Long: ",
            b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
            b"HTTP/1.1 2",
        ):
            self.odd.answers["POST", "/slow"] = drip(head)
            exc = self.assertRaises(errors.PodManagerUnreachable, client.post, "/slow", {})
            self.assertIn("did not answer POST /slow in 2 s", exc.detail)
            self.assertNotIn("sent", exc.details)
            client.get("/thing")

    def test_a_pause_ends_it_sooner(self) -> None:
        hang = threading.Event()
        self.addCleanup(hang.set)
        self.odd.answers["GET", "/slow"] = lambda handler: hang.wait(60) and None  # type: ignore
        client = self.connect(self.odd.url, read_timeout=0.2)
        exc = self.assertRaises(errors.PodManagerUnreachable, client.get, "/slow")
        self.assertIn("in 0.2 s", exc.detail)

    def test_a_compressed_response_is_decompressed(self) -> None:
        compressed = gzip.compress(json.dumps(THING).encode())
        self.odd.answers["GET", "/thing"] = (200, {"content-encoding": "gzip"}, compressed)
        self.assertEqual(THING, self.connect(self.odd.url).get("/thing"))


class TestSlots(OddTestCase):
    def test_no_more_concurrent_requests_than_allowed(self) -> None:
        lock, concurrent, most = threading.Lock(), [0], [0]
        three = threading.Barrier(3)

        def thing(handler: odd.Handler) -> odd.Canned:
            with lock:
                concurrent[0] += 1
                most[0] = max(most[0], concurrent[0])
            three.wait(60)  # fewer at a time would never pass
            with lock:
                concurrent[0] -= 1
            return (200, {}, THING)

        self.odd.answers["GET", "/thing"] = thing
        client = self.connect(self.odd.url, pool_size=3)
        with futures.ThreadPoolExecutor(12) as pool:
            list(pool.map(lambda _: client.get("/thing"), range(24)))
        self.assertEqual(3, most[0])

    def test_a_request_waits_for_a_slot_no_longer_than_queue_timeout(self) -> None:
        hang, started = threading.Event(), threading.Event()
        self.addCleanup(hang.set)

        def slow(handler: odd.Handler) -> odd.Canned:
            started.set()
            hang.wait(60)
            return (204, {}, None)

        self.odd.answers["POST", "/slow"] = slow
        client = self.connect(self.odd.url, pool_size=1, queue_timeout=0.1)
        thread = threading.Thread(target=client.post, args=("/slow",))
        thread.start()
        started.wait(60)
        exc = self.assertRaises(errors.PodManagerUnreachable, client.post, "/thing")
        self.assertIs(False, exc.details["sent"])
        self.assertIn("pool_size", exc.detail)
        hang.set()
        thread.join()
        client.post("/thing")


class TestBreaker(OddTestCase):
    def hang(self) -> threading.Event:
        """Respond to nothing until the event is set."""
        recovered = threading.Event()
        self.addCleanup(recovered.set)
        usual = dict(self.odd.answers)

        def delayed(key: tuple[str, str]) -> Any:
            def answer(handler: odd.Handler) -> Any:
                recovered.wait(60)
                canned = usual[key]
                return canned(handler) if callable(canned) else canned

            return answer

        for key in usual:
            self.odd.answers[key] = delayed(key)
        return recovered

    def test_one_that_does_not_respond_is_sent_no_further_request(self) -> None:
        client = self.connect(self.odd.url, read_timeout=2, session_after=-1)
        recovered = self.hang()
        self.assertRaises(errors.PodManagerUnreachable, client.get, "/thing")
        client._breaker._opened_at += 3600  # type: ignore[operator]
        for _ in range(100):
            exc = self.assertRaises(errors.PodManagerUnreachable, client.post, "/thing")
            self.assertEqual((False, False), (exc.details["sent"], exc.details["asked"]))
            self.assertIn("did not answer GET /thing in 2 s", exc.detail)
        self.assertEqual(["GET /thing"], self.odd.lines())
        recovered.set()
        client._breaker._opened_at -= 3600  # type: ignore[operator]
        self.odd.requests.clear()
        self.wait_for(lambda: self.works(client))
        self.assertEqual([f"GET {ROOT}", "GET /thing"], self.odd.lines())
        self.assertEqual(["nothing"], self.credentials(ROOT))

    def works(self, client: Connection) -> bool:
        try:
            return client.get("/thing") == THING
        except errors.PodManagerUnreachable:
            return False

    def test_a_job_probes_before_it_gives_up(self) -> None:
        client = self.connect(self.odd.url, read_timeout=2, session_after=-1)
        recovered = self.hang()
        self.assertRaises(errors.PodManagerUnreachable, client.get, "/thing")
        client._breaker._delay = 3600.0
        recovered.set()
        exc = self.assertRaises(errors.PodManagerUnreachable, client.post, "/thing")
        self.assertIs(False, exc.details["asked"])
        with interrupt.until_set(threading.Event()):
            client.post("/thing")
        self.assertEqual(["GET /thing", f"GET {ROOT}", "POST /thing"], self.odd.lines())

    def test_no_request_waits_long_for_a_probe(self) -> None:
        client = self.connect(self.odd.url, connect_timeout=30, read_timeout=2, session_after=-1)
        recovered = self.hang()
        self.assertRaises(errors.PodManagerUnreachable, client.get, "/thing")
        client._breaker._opened_at = 0.0
        self.odd.requests.clear()
        for _ in range(20):
            exc = self.assertRaises(errors.PodManagerUnreachable, client.get, "/thing")
            self.assertIs(False, exc.details["asked"])
        self.wait_for(lambda: self.odd.lines() == [f"GET {ROOT}"])
        recovered.set()
        self.wait_for(lambda: client._breaker.is_closed)
        self.assertEqual(THING, client.get("/thing"))

    def test_refusals_are_responses(self) -> None:
        client = self.connect(self.odd.url, busy_timeout=0)
        for status in (400, 401, 403, 404, 409, 429, 500, 503):
            self.odd.answers["POST", "/no"] = (status, {"Retry-After": "30"}, {"error": {}})
            for _ in range(5):
                self.assertRaises(errors.ValenceError, client.post, "/no")
            self.assertTrue(client._breaker.is_closed)
        self.assertEqual(5 * 8, self.odd.lines().count("POST /no"))

    def test_the_502_of_a_gateway_is_no_response(self) -> None:
        client = self.connect(self.odd.url)
        self.odd.answers["GET", "/thing"] = (502, {}, b"<html>Bad Gateway</html>")
        for _ in range(3):
            self.assertRaises(errors.PodManagerUnreachable, client.get, "/thing")
        self.assertFalse(client._breaker.is_closed)
