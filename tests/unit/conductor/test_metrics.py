# SPDX-License-Identifier: Apache-2.0

"""What Prometheus is told, and what the sweeper finds that no row owns."""

import pathlib
import re
import urllib.request

import prometheus_client

from tests import base
from tests.unit.conductor import test_conductor
from tests.unit.conductor import toy
from valence_conductor import metrics

ROOT = pathlib.Path(__file__).resolve().parents[3]


def sample(name: str, **labels: str) -> float:
    return prometheus_client.REGISTRY.get_sample_value(name, labels) or 0.0


class TestMetrics(test_conductor.ConductorTest):
    def test_a_job_that_ended_is_counted_by_its_result(self) -> None:
        labels = {"ledger": "toys", "operation": "build"}
        before = {r: sample("valence_jobs_total", result=r, **labels) for r in RESULTS}
        toys = toy.Toys(self.folder, {"glue": "fail"})
        one = self.start(toys)
        one.submit(job := toys.add("t1"))
        self.assertTrue(one.wait(job, 60))
        one.stop(5)
        after = {r: sample("valence_jobs_total", result=r, **labels) for r in RESULTS}
        grown = {r: after[r] - before[r] for r in RESULTS}
        self.assertEqual({"success": 0, "reverted": 1, "failed": 0}, grown)
        self.assertEqual(0, sample("valence_jobs_running", **labels))

    def test_how_long_a_task_took_is_told_for_both_directions(self) -> None:
        def counts() -> list[float]:
            name = "valence_task_seconds_count"
            return [sample(name, task="saw", direction=d) for d in ("execute", "revert")]

        before = counts()
        self.do({"glue": "fail"})
        self.assertEqual([1, 1], [a - b for a, b in zip(counts(), before, strict=True)])

    def test_a_job_that_another_process_left_is_counted_as_resumed(self) -> None:
        def resumed() -> float:
            return sample("valence_resumes_total", ledger="toys", operation="build")

        before = resumed()
        toys = toy.Toys(self.folder, {"glue": "wait"})
        one = self.start(toys)
        one.submit(job := toys.add("t1"))
        self.until(lambda: "glue begins" in toys.diary())
        one.stop(5)
        (self.folder / "go").touch()
        self.assertTrue(self.start(toys).wait(job, 60))
        self.assertEqual(1, resumed() - before)

    def test_the_rows_are_counted_by_state_at_each_scrape(self) -> None:
        toys = toy.Toys(self.folder)
        exporter = metrics.Exporter([toys], "127.0.0.1", 0)
        exporter.start()
        self.addCleanup(exporter.stop)
        toys.add("t1")
        url = f"http://127.0.0.1:{exporter.port}/metrics"
        with urllib.request.urlopen(url) as answer:
            told = answer.read().decode()
        self.assertIn('valence_rows{ledger="toys",state="building"} 1.0', told)


class TestDocumentation(base.TestCase):
    def test_every_metric_has_its_line_and_there_is_none_without(self) -> None:
        page = (ROOT / "doc/source/operator/metrics.rst").read_text()
        described = set(re.findall(r"\* - ``(valence_\w+)``", page))
        ours = [value for value in vars(metrics).values() if hasattr(value, "describe")]
        families = [
            family
            for one in (*ours, metrics.Census([]))
            if not isinstance(one, type)
            for family in (one.collect() if isinstance(one, metrics.Census) else one.describe())
        ]
        total = {"counter": "_total"}
        self.assertEqual({one.name + total.get(one.type, "") for one in families}, described)
        table = metrics.__doc__ or ""
        self.assertEqual(described, set(re.findall(r"^(valence_\w+)", table, re.MULTILINE)))


class TestStrays(test_conductor.ConductorTest):
    def test_what_no_row_owns_is_counted_whether_it_was_repaired_or_not(self) -> None:
        def strays() -> list[float]:
            labels = {"ledger": "toys", "kind": "toy"}
            return [
                sample("valence_strays_total", repaired=r, **labels) for r in ("true", "false")
            ]

        before = strays()
        (self.folder / "strays").write_text("ours: a duck\nsomebody's car\n")
        one = self.start(toy.Toys(self.folder))
        found = one._sweeper.audit()
        self.assertEqual([True, False], [stray.repaired for stray in found])
        self.assertEqual([1, 1], [a - b for a, b in zip(strays(), before, strict=True)])

    def test_an_audit_that_fails_does_not_keep_the_other_ledgers_from_theirs(self) -> None:
        broken, sound = toy.Toys(self.folder), toy.Toys(self.folder)
        broken.audit = lambda: 1 / 0  # type: ignore[assignment, return-value]
        (self.folder / "strays").write_text("ours: a duck\n")
        one = self.start(sound)
        one._sweeper._ledgers = [broken, sound]
        self.assertEqual(["ours: a duck"], [stray.what for stray in one._sweeper.audit()])


RESULTS = ("success", "reverted", "failed")
