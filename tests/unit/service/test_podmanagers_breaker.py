# SPDX-License-Identifier: Apache-2.0

"""The circuit breaker, and the status that responses show."""

from tests import base
from valence import errors
from valence.podmanagers.http import breaker
from valence.podmanagers.http import status as podm_status
from valence.podmanagers.http.breaker import Permission

SEND, PROBE, WAIT = Permission.SEND, Permission.PROBE, Permission.WAIT


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class TestBreaker(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.breaker = breaker.Breaker(self.clock)

    def permission(self) -> Permission:
        return self.breaker.request_permission()

    def test_some_consecutive_failures_open_it(self) -> None:
        for _ in range(breaker.FAILURES - 1):
            self.breaker.record_failure("refused")
            self.assertIs(SEND, self.permission())
        self.breaker.record_failure("refused")
        self.assertIs(WAIT, self.permission())
        self.assertEqual("refused", self.breaker.reason)

    def test_failures_that_are_not_consecutive_do_not_open_it(self) -> None:
        for _ in range(3 * breaker.FAILURES):
            self.breaker.record_failure("refused")
            self.breaker.record_response()
        self.assertIs(SEND, self.permission())

    def test_one_timeout_is_enough(self) -> None:
        self.breaker.record_failure("nothing in 60 s", timed_out=True)
        self.assertIs(WAIT, self.permission())

    def test_one_caller_at_a_time_probes(self) -> None:
        self.breaker.record_failure("x", timed_out=True)
        self.clock.now += 2 * breaker.FIRST_DELAY
        self.assertEqual([PROBE, WAIT, WAIT], [self.permission() for _ in range(3)])
        self.breaker.record_failed_probe("y")
        self.assertIs(WAIT, self.permission())
        self.assertEqual("y", self.breaker.reason)
        self.clock.now += 60
        self.assertIs(PROBE, self.permission())
        self.breaker.record_response()
        self.assertEqual([SEND, SEND], [self.permission() for _ in range(2)])

    def test_delays_double_up_to_a_limit(self) -> None:
        self.breaker.record_failure("x", timed_out=True)
        delays = []
        for _ in range(10):
            opened_at = self.clock.now
            while self.permission() is WAIT:
                self.clock.now += 0.01
            delays.append(self.clock.now - opened_at)
            self.breaker.record_failed_probe("x")
        self.assertLess(delays[0], breaker.FIRST_DELAY * (1.1 + breaker.JITTER))
        self.assertLess(delays[0], delays[1])
        self.assertLess(delays[1], delays[2])
        self.assertLess(max(delays), breaker.LONGEST_DELAY * (1.1 + breaker.JITTER))
        self.assertGreater(delays[-1], breaker.LONGEST_DELAY * (0.9 - breaker.JITTER))

    def test_a_job_probes_more_often(self) -> None:
        self.breaker.record_failure("x", timed_out=True)
        for _ in range(10):
            self.clock.now += breaker.JOB_DELAY
            self.assertIs(PROBE, self.breaker.request_permission(in_job=True))
            self.breaker.record_failed_probe("x")
            self.assertIs(WAIT, self.breaker.request_permission(in_job=True))

    def test_requests_sent_before_it_opened_do_not_lengthen_the_delay(self) -> None:
        for _ in range(20):
            self.breaker.record_failure("x", timed_out=True)
        self.clock.now += 2 * breaker.FIRST_DELAY
        self.assertIs(PROBE, self.permission())


class TestStatus(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.notifications: list[str | None] = []
        self.tracker = podm_status.StatusTracker(
            lambda error: self.notifications.append(error and error.detail), self.clock
        )

    def test_only_changes_are_notified(self) -> None:
        for _ in range(5):
            self.tracker.record(None)
        for _ in range(5):
            self.tracker.record(errors.PodManagerUnreachable("gone"))
        self.tracker.record(None)
        self.assertEqual([None, "gone", None], self.notifications)

    def test_the_same_status_is_notified_again_after_a_while(self) -> None:
        self.tracker.record(None)
        self.clock.now += podm_status.REPEAT_AFTER
        self.tracker.record(None)
        self.assertEqual([None, None], self.notifications)

    def test_one_broken_resource_of_many_does_not_make_it_flap(self) -> None:
        for _ in range(5):
            self.tracker.record(errors.PodManagerFailed("broken"))
            self.tracker.record(None)
            self.clock.now += 1
        self.assertEqual(["broken"], self.notifications)
        self.clock.now += podm_status.RECOVERY
        self.tracker.record(None)
        self.assertEqual(["broken", None], self.notifications)

    def test_a_pod_manager_that_refuses_is_online(self) -> None:
        for error in (errors.PodManagerRefused("no"), errors.PodManagerNodeGone("no")):
            self.assertEqual("online", podm_status.status_of(error))

    def test_an_overloaded_pod_manager_is_not_offline(self) -> None:
        overloaded = errors.PodManagerUnreachable("busy", answered=503)
        self.assertEqual("degraded", podm_status.status_of(overloaded))
        gateway = errors.PodManagerUnreachable("no response", answered=502)
        self.assertEqual("offline", podm_status.status_of(gateway))

    def test_a_request_that_was_not_attempted_shows_no_status(self) -> None:
        self.tracker.record(errors.PodManagerUnreachable("not now", asked=False))
        self.assertEqual([], self.notifications)
