# SPDX-License-Identifier: Apache-2.0

"""When nobody is asked any more, and when somebody is again; and what is told of it."""

from tests import base
from valence import errors
from valence.podmanagers.http import breaker
from valence.podmanagers.http import status as podm_status

ASK, PROBE, WAIT = breaker.Leave.ASK, breaker.Leave.PROBE, breaker.Leave.WAIT


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

    def test_some_failures_in_a_row_open_it(self) -> None:
        for _ in range(breaker.FAILURES - 1):
            self.breaker.silent("refused")
            self.assertIs(ASK, self.breaker.come())
        self.breaker.silent("refused")
        self.assertIs(WAIT, self.breaker.come())
        self.assertEqual("refused", self.breaker.reason)

    def test_failures_that_are_not_in_a_row_do_not(self) -> None:
        for _ in range(3 * breaker.FAILURES):
            self.breaker.silent("refused")
            self.breaker.answered()
        self.assertIs(ASK, self.breaker.come())

    def test_one_that_took_until_its_deadline_is_enough(self) -> None:
        self.breaker.silent("nothing in 60 s", slow=True)
        self.assertIs(WAIT, self.breaker.come())

    def test_one_at_a_time_looks_whether_it_is_back(self) -> None:
        self.breaker.silent("x", slow=True)
        self.clock.now += 2 * breaker.FIRST
        self.assertEqual([PROBE, WAIT, WAIT], [self.breaker.come() for _ in range(3)])
        self.breaker.still_silent("y")
        self.assertIs(WAIT, self.breaker.come())
        self.assertEqual("y", self.breaker.reason)
        self.clock.now += 60
        self.assertIs(PROBE, self.breaker.come())
        self.breaker.answered()
        self.assertEqual([ASK, ASK], [self.breaker.come() for _ in range(2)])

    def test_pauses_double_up_to_a_bound(self) -> None:
        self.breaker.silent("x", slow=True)
        pauses = []
        for _ in range(10):
            began = self.clock.now
            while self.breaker.come() is WAIT:
                self.clock.now += 0.01
            pauses.append(self.clock.now - began)
            self.breaker.still_silent("x")
        self.assertLess(pauses[0], breaker.FIRST * (1.1 + breaker.JITTER))
        self.assertLess(pauses[0], pauses[1])
        self.assertLess(pauses[1], pauses[2])
        self.assertLess(max(pauses), breaker.LONGEST * (1.1 + breaker.JITTER))
        self.assertGreater(pauses[-1], breaker.LONGEST * (0.9 - breaker.JITTER))

    def test_a_job_that_waits_anyway_looks_more_often(self) -> None:
        self.breaker.silent("x", slow=True)
        for _ in range(10):
            self.clock.now += breaker.PATIENT
            self.assertIs(PROBE, self.breaker.come(patient=True))
            self.breaker.still_silent("x")
            self.assertIs(WAIT, self.breaker.come(patient=True))

    def test_what_was_under_way_when_it_opened_does_not_lengthen_the_pause(self) -> None:
        for _ in range(20):
            self.breaker.silent("x", slow=True)
        self.clock.now += 2 * breaker.FIRST
        self.assertIs(PROBE, self.breaker.come())


class TestHealth(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.told: list[str | None] = []
        self.health = podm_status.Health(
            lambda exc: self.told.append(exc and exc.detail), self.clock
        )

    def test_only_news_is_told(self) -> None:
        for _ in range(5):
            self.health.see(None)
        for _ in range(5):
            self.health.see(errors.PodManagerUnreachable("gone"))
        self.health.see(None)
        self.assertEqual([None, "gone", None], self.told)

    def test_it_is_told_again_after_a_while(self) -> None:
        self.health.see(None)
        self.clock.now += podm_status.AGAIN
        self.health.see(None)
        self.assertEqual([None, None], self.told)

    def test_one_broken_thing_of_many_does_not_flutter(self) -> None:
        for _ in range(5):
            self.health.see(errors.PodManagerFailed("broken"))
            self.health.see(None)
            self.clock.now += 1
        self.assertEqual(["broken"], self.told)
        self.clock.now += podm_status.CONVALESCENCE
        self.health.see(None)
        self.assertEqual(["broken", None], self.told)

    def test_a_refusal_is_a_sign_of_health(self) -> None:
        for trouble in (errors.PodManagerRefused("no"), errors.PodManagerNodeGone("no")):
            self.assertEqual("online", podm_status.status_of(trouble))

    def test_who_has_too_much_to_do_is_not_offline(self) -> None:
        busy = errors.PodManagerUnreachable("busy", answered=503)
        self.assertEqual("degraded", podm_status.status_of(busy))
        nobody = errors.PodManagerUnreachable("nobody", answered=502)
        self.assertEqual("offline", podm_status.status_of(nobody))

    def test_what_was_not_asked_says_nothing(self) -> None:
        self.health.see(errors.PodManagerUnreachable("not now", asked=False))
        self.assertEqual([], self.told)
