# SPDX-License-Identifier: Apache-2.0

"""Waits with a deadline, failure states, cancellation and backoff."""

from collections.abc import Callable
import datetime
import threading
import time
from unittest import mock

from tests import base
from valence_conductor import errors
from valence_conductor import interrupt
from valence_conductor import waiting


def soon(seconds: float) -> datetime.datetime:
    return waiting.now() + datetime.timedelta(seconds=seconds)


class Clock:
    """A clock that moves only during pauses."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    @property
    def seconds(self) -> float:
        return sum(self.pauses)

    def now(self) -> float:
        return self.seconds

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


class TestWaitUntil(base.TestCase):
    def test_the_first_result_ends_the_wait(self) -> None:
        results = iter([None, None, "done"])
        result = waiting.wait_until(
            lambda: next(results), deadline=soon(5), interval=0.01, what="it"
        )
        self.assertEqual("done", result)

    def test_after_the_deadline_there_still_is_one_probe(self) -> None:
        result = waiting.wait_until(lambda: "done", deadline=soon(-5), interval=1, what="it")
        self.assertEqual("done", result)

    def test_the_error_names_the_condition_that_was_not_met(self) -> None:
        exc = self.assertRaises(
            errors.TimedOut,
            waiting.wait_until,
            lambda: None,
            deadline=soon(0.05),
            interval=0.01,
            what="node n1 to be composed",
        )
        self.assertIn("Gave up waiting for node n1 to be composed", exc.reason)

    def test_a_failure_state_found_by_the_probe_ends_the_wait(self) -> None:
        def probe() -> None:
            raise errors.Fault("Its state is Failed.")

        self.assertRaises(
            errors.Fault, waiting.wait_until, probe, deadline=soon(5), interval=1, what="it"
        )

    def test_a_cancelled_wait_ends_before_another_probe(self) -> None:
        self.assertRaises(
            errors.Cancelled,
            waiting.wait_until,
            lambda: self.fail("probed again"),
            deadline=soon(5),
            interval=1,
            what="it",
            cancelled=lambda: True,
        )

    def pauses(self, wait: Callable[[Clock], None]) -> list[float]:
        """Return the pauses of a wait when nothing but pauses takes time."""
        clock = Clock()
        with (
            mock.patch.object(waiting.time, "monotonic", autospec=True, side_effect=clock.now),
            mock.patch.object(waiting.interrupt, "pause", autospec=True, side_effect=clock.pause),
        ):
            wait(clock)
        return clock.pauses

    def test_pauses_grow_with_the_time_waited_up_to_the_interval(self) -> None:
        def wait(clock: Clock) -> None:
            waiting.wait_until(
                lambda: True if clock.seconds > 100 else None,
                deadline=soon(1000),
                interval=2,
                what="it",
            )

        pauses = self.pauses(wait)
        self.assertEqual(waiting.FIRST_PAUSE, pauses[0])
        self.assertEqual(2, max(pauses))
        self.assertEqual(sorted(pauses), pauses)
        starts = [sum(pauses[:n]) for n in range(len(pauses))]
        shares = [p / s for p, s in zip(pauses, starts, strict=True) if p > waiting.SHORT]
        self.assertLessEqual(max(shares), waiting.SHARE + 1e-9)
        self.assertLess(len(pauses), 110)

    def test_progress_makes_the_pauses_short_again(self) -> None:
        def wait(clock: Clock) -> None:
            waiting.wait_until(
                lambda: True if clock.seconds > 12 else None,
                deadline=soon(1000),
                interval=2,
                what="it",
                progress=lambda: clock.seconds > 10,
            )

        pauses = self.pauses(wait)
        self.assertGreater(max(pauses), waiting.SHORT)
        self.assertEqual(waiting.FIRST_PAUSE, min(pauses[pauses.index(max(pauses)) :]))

    def test_a_stopping_process_abandons_the_wait_at_once(self) -> None:
        halt = threading.Event()
        halt.set()
        with interrupt.until_set(halt):
            self.assertRaises(
                errors.Abandoned,
                waiting.wait_until,
                lambda: None,
                deadline=soon(60),
                interval=60,
                what="it",
            )

    def test_a_thread_that_slept_past_the_end_of_its_lease_sends_no_request(self) -> None:
        lease = interrupt.Lease(time.monotonic() + 60)
        with interrupt.until_set(lease):
            interrupt.checkpoint()
            lease.expires_at = time.monotonic()  # no other thread has set the event
            self.assertRaises(errors.Abandoned, interrupt.checkpoint)

    def test_outside_a_job_a_pause_is_only_a_pause(self) -> None:
        interrupt.pause(0)
        interrupt.checkpoint()


class TestRetryUntilReachable(base.TestCase):
    """Servers that may start at the same time as this process."""

    def setUp(self) -> None:
        super().setUp()
        self.attempts = 0

    def call(self, failures: int) -> None:
        self.attempts += 1
        if self.attempts <= failures:
            raise ConnectionError from OSError("the cable is out\nsee its other end")

    def retry(self, failures: int, error: type[Exception], timeout: float) -> None:
        waiting.retry_until_reachable(
            "The pod", lambda: self.call(failures), (error,), timeout=timeout
        )

    def test_a_server_that_starts_later_is_waited_for(self) -> None:
        self.patch(waiting, "RETRY_INTERVAL", 0.01)
        self.retry(3, ConnectionError, 60)
        self.assertEqual(4, self.attempts)

    def test_attempts_have_equal_intervals(self) -> None:
        pauses: list[float] = []
        self.patch(waiting.interrupt, "pause", pauses.append)
        self.retry(5, ConnectionError, 600)
        self.assertEqual([waiting.RETRY_INTERVAL] * 5, pauses)

    def test_an_unreachable_server_is_named_with_the_original_error(self) -> None:
        exc = self.assertRaises(errors.Unreachable, self.retry, 9, OSError, 0)
        self.assertTrue(str(exc).startswith("The pod cannot be reached: the cable is out. Check"))
        self.assertEqual(1, self.attempts)

    def test_any_other_error_is_no_reason_to_wait(self) -> None:
        self.assertRaises(ConnectionError, self.retry, 9, KeyError, 60)
        self.assertEqual(1, self.attempts)
