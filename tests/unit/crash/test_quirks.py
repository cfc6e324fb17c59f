# SPDX-License-Identifier: Apache-2.0

"""The program that plays quirks: what a seed determines, what is expected, what is noticed."""

import types

import requests

from podm_simulator.pod.factory import Shape
from podm_simulator.pod.factory import Size
from podm_simulator.pod.pod import Pace
from podm_simulator.quirks import registry
from podm_simulator.server import Simulator
from tests import base
from tests.quirks import draw
from tests.quirks import expectations
from tests.quirks import job
from tests.quirks import podmanager

UNKNOWN = (expectations.FAILED, expectations.CONFLICT)
ALLOCATE = f"{podmanager.NODES}/Actions/Allocate"


class TestDraw(base.TestCase):
    def test_a_seed_determines_the_same_every_time(self) -> None:
        self.assertEqual(draw.draw(7), draw.draw(7))
        self.assertNotEqual(draw.draw(7), draw.draw(8))

    def test_quirks_of_a_seed_can_be_switched_on_together(self) -> None:
        for seed in range(300):
            names = draw.draw(seed).quirks
            self.assertEqual(list(names), registry.check(names))
            self.assertGreater(len(names), 1)

    def test_seeds_draw_every_quirk_deaths_and_faults(self) -> None:
        drawn = [draw.draw(seed) for seed in range(600)]
        self.assertEqual(set(registry.ALL), {name for one in drawn for name in one.quirks})
        self.assertEqual(set(expectations.STEPS), {one.armed_at for one in drawn if one.lives})
        self.assertTrue(any(one.faults for one in drawn))
        for one in drawn:
            self.assertIn(f"seed {one.seed}: {one.quirks[0]}", str(one))


class TestExpectations(base.TestCase):
    def test_the_table_names_quirks_and_steps_that_exist(self) -> None:
        for name, expectation in expectations.EXPECTATIONS.items():
            self.assertIn(name, registry.ALL)
            steps = (*expectation.refused, *expectation.may_refuse, expectation.from_step)
            for step in steps:
                self.assertIn(step, expectations.STEPS)

    def test_every_step_is_a_method_of_the_job(self) -> None:
        for step in expectations.STEPS:
            self.assertTrue(callable(getattr(job.Job, f"_{step}")), step)

    def test_a_step_succeeds_unless_the_table_says_more(self) -> None:
        plain = expectations.of(["bom", "gzip"])
        self.assertTrue(expectations.allows(plain, "release", None))
        self.assertFalse(expectations.allows(plain, "release", expectations.FAILED))
        refused = expectations.of(["bom", "count-too-large"])
        self.assertTrue(expectations.allows(refused, "release", expectations.FAILED))
        self.assertFalse(expectations.allows(refused, "release", "valence.internal"))
        self.assertFalse(expectations.allows(refused, "compose", expectations.FAILED))

    def test_a_step_that_is_refused_under_a_quirk_must_not_succeed(self) -> None:
        alone = expectations.of(["count-too-large"])
        self.assertTrue(expectations.allows(alone, "release", expectations.FAILED))
        self.assertFalse(expectations.allows(alone, "release", None))
        both = expectations.of(["count-too-large", "count-of-page"])
        self.assertTrue(expectations.allows(both, "release", None))
        sometimes = expectations.of(["listing-incomplete"])
        for code in (None, expectations.FAILED):
            self.assertTrue(expectations.allows(sometimes, "refresh", code))

    def test_a_node_may_stay_lost_only_if_it_has_no_mark(self) -> None:
        for names, codes in (
            (["name-absent"], (None,)),
            (["name-absent", "bom"], (None,)),
            (["name-absent", "description-cut-40"], (None, *UNKNOWN)),
        ):
            expectation = expectations.of(names)
            for code in (None, *UNKNOWN):
                self.assertEqual(
                    code in codes, expectations.allows(expectation, "lost", code), names
                )

    def test_a_quirk_without_which_nothing_is_composed_comes_later_for_all(self) -> None:
        self.assertEqual("add", expectations.of(["bom"]).from_step)
        self.assertEqual("reset", expectations.of(["system-500", "bom"]).from_step)

    def test_a_node_may_stay_only_if_nothing_tells_whose_it_is(self) -> None:
        for names, may_leave in (
            (["name-absent"], False),
            (["description-absent"], False),
            (["name-cut-15", "description-absent"], True),
            (["count-too-large"], True),
            (["member-empty", "bom"], False),
            (["member-empty", "count-of-page"], True),
            (["bom"], False),
        ):
            self.assertEqual(may_leave, expectations.of(names).may_leave, names)


class TestPodManager(base.TestCase):
    """What the checks notice, on a real simulator."""

    def setUp(self) -> None:
        super().setUp()
        simulator = Simulator(Size((Shape(systems=5),)), pace=Pace(assemble=0))
        self.url = simulator.start()
        self.addCleanup(simulator.stop)
        self.world = types.SimpleNamespace(
            urls={"podm": self.url}, pool=lambda: requests.get(f"{self.url}/control/pool").json()
        )
        self.podm = podmanager.PodManager(self.world)  # type: ignore[arg-type]
        self.podm.compose_strangers()
        location = self.send("POST", ALLOCATE, {"Name": "bystander"}).headers["Location"]
        self.bystander, self.since = location, self.podm.count_requests()

    def send(self, method: str, path: str, body: object = None) -> requests.Response:
        return requests.request(
            method, self.url + path, json=body, auth=("admin", "admin"), timeout=10
        )

    def check(self) -> list[str]:
        system = self.podm.machines().get("bystander", "4")
        return list(self.podm.check(system, self.since, self.podm.count_requests()))

    def test_reading_touches_nothing(self) -> None:
        self.send("GET", self.bystander)
        self.send("GET", f"{podmanager.NODES}/1")
        self.send("POST", ALLOCATE, {"Name": "another"})
        self.assertEqual([], self.check())

    def test_a_change_of_a_strangers_machine_is_noticed_by_node_and_by_system(self) -> None:
        for path in (f"{podmanager.NODES}/1", "/redfish/v1/Systems/1"):
            self.send("PATCH", path, {"AssetTag": "x"})
            self.assertIn(f"the machine of a stranger was touched: PATCH {path}", self.check())

    def test_a_stranger_that_is_gone_is_noticed(self) -> None:
        self.send("DELETE", f"{podmanager.NODES}/2")
        self.assertIn("the node of a stranger has become None", self.check()[0])

    def test_a_change_of_the_bystander_is_noticed_under_another_number(self) -> None:
        requests.post(f"{self.url}/control/renumber")
        self.send("DELETE", f"{podmanager.NODES}/8")
        expected = f"the machine of the bystander was touched: DELETE {podmanager.NODES}/8"
        self.assertEqual([expected], self.check())

    def test_what_came_before_or_after_does_not_concern_the_bystander(self) -> None:
        self.send("DELETE", self.bystander)
        count = self.podm.count_requests()
        self.assertEqual([], list(self.podm.check("4", count, count)))
        self.assertEqual([], list(self.podm.check("4", 0, self.since)))

    def test_a_storm_of_requests_is_noticed(self) -> None:
        action = {"type": "error", "status": 503}
        requests.post(f"{self.url}/control/faults", json={"action": action, "times": None})
        with requests.Session() as session:
            for _ in range(podmanager.MOST_BUSY + 1):
                session.get(f"{self.url}{podmanager.NODES}")
        self.assertIn("requests were sent while the service was busy", self.check()[0])
