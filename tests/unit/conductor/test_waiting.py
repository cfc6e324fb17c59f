# SPDX-License-Identifier: Apache-2.0

"""Waiting that has a deadline, failure states, and an end when asked."""

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
    """A clock that only pauses move."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    @property
    def seconds(self) -> float:
        return sum(self.pauses)

    def now(self) -> float:
        return self.seconds

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


class TestWaiting(base.TestCase):
    def test_the_first_answer_ends_the_wait(self) -> None:
        answers = iter([None, None, "there"])
        found = waiting.wait_until(
            lambda: next(answers), deadline=soon(5), interval=0.01, what="it"
        )
        self.assertEqual("there", found)

    def test_a_deadline_that_has_passed_still_asks_once(self) -> None:
        found = waiting.wait_until(lambda: "there", deadline=soon(-5), interval=1, what="it")
        self.assertEqual("there", found)

    def test_the_deadline_names_what_was_waited_for(self) -> None:
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
            raise errors.Fault("It went Failed.")

        self.assertRaises(
            errors.Fault, waiting.wait_until, probe, deadline=soon(5), interval=1, what="it"
        )

    def test_a_row_that_asks_to_stop_ends_the_wait_before_another_question(self) -> None:
        self.assertRaises(
            errors.Cancelled,
            waiting.wait_until,
            lambda: self.fail("asked again"),
            deadline=soon(5),
            interval=1,
            what="it",
            cancelled=lambda: True,
        )

    def pauses(self, wait: Callable[[Clock], None]) -> list[float]:
        """Tell which pauses are made when pauses are all that takes time."""
        clock = Clock()
        with (
            mock.patch.object(waiting.time, "monotonic", autospec=True, side_effect=clock.now),
            mock.patch.object(waiting.interrupt, "pause", autospec=True, side_effect=clock.pause),
        ):
            wait(clock)
        return clock.pauses

    def test_pauses_grow_with_what_was_waited_up_to_the_interval(self) -> None:
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
        begins = [sum(pauses[:n]) for n in range(len(pauses))]
        late = [p / b for p, b in zip(pauses, begins, strict=True) if p > waiting.SHORT]
        self.assertLessEqual(max(late), waiting.SHARE + 1e-9)
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

    def test_a_stopping_process_leaves_the_wait_at_once(self) -> None:
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

    def test_who_slept_through_a_lease_asks_for_nothing_any_more(self) -> None:
        lease = interrupt.Lease(time.monotonic() + 60)
        with interrupt.until_set(lease):
            interrupt.checkpoint()
            lease.good_until = time.monotonic()  # nobody has come to say so yet
            self.assertRaises(errors.Abandoned, interrupt.checkpoint)

    def test_outside_a_job_a_pause_is_only_a_pause(self) -> None:
        interrupt.pause(0)
        interrupt.checkpoint()
