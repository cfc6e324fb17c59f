# SPDX-License-Identifier: Apache-2.0

"""The metrics of a conductor, and the strays that its audits find."""

import pathlib
import re

import prometheus_client

from tests import base
from tests.unit.conductor import base as conductor_base
from tests.unit.conductor import toy
from valence_conductor import metrics

ROOT = pathlib.Path(__file__).resolve().parents[3]

RESULTS = ("success", "reverted", "failed")

LABELS = {"ledger": "toys", "operation": "build"}


def sample(name: str, **labels: str) -> float | None:
    """Return the value of a metric; None when it has no such sample."""
    return prometheus_client.REGISTRY.get_sample_value(name, labels)


def count(name: str, **labels: str) -> float:
    """Return the value of a counter, which has no sample before it is first incremented."""
    return sample(name, **labels) or 0.0


class TestMetrics(conductor_base.ConductorTestCase):
    def test_a_job_that_ended_is_counted_by_its_result(self) -> None:
        def results() -> list[float]:
            return [count("valence_jobs_total", result=r, **LABELS) for r in RESULTS]

        before = results()
        self.run_job({"glue": "fail"})
        self.wait_for(lambda: results() != before)
        increases = [a - b for a, b in zip(results(), before, strict=True)]
        self.assertEqual([0, 1, 0], increases)

    def test_the_running_jobs_are_counted_by_their_ledger_and_operation(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "wait"})
        conductor = self.start(toys)
        conductor.submit(toys.add("t1"))
        self.wait_for(lambda: "glue begins" in toys.diary())
        self.assertEqual(1, sample("valence_jobs_running", **LABELS))
        conductor.stop(conductor_base.PATIENCE)
        self.assertEqual(0, sample("valence_jobs_running", **LABELS))

    def test_the_duration_of_a_task_is_observed_in_both_directions(self) -> None:
        def counts() -> list[float]:
            name = "valence_task_seconds_count"
            return [count(name, task="saw", direction=d) for d in ("execute", "revert")]

        before = counts()
        self.run_job({"glue": "fail"})
        self.assertEqual([1, 1], [a - b for a, b in zip(counts(), before, strict=True)])

    def test_only_a_job_that_another_process_left_is_counted_as_resumed(self) -> None:
        def resumes() -> float:
            return count("valence_resumes_total", **LABELS)

        before = resumes()
        toys = toy.Toys(self.folder, {"glue": "wait"})
        conductor = self.start(toys)
        conductor.submit(job := toys.add("t1"))
        self.wait_for(lambda: "glue begins" in toys.diary())
        conductor.stop(conductor_base.PATIENCE)
        self.assertEqual(0, resumes() - before)
        (self.folder / "go").touch()
        self.assertTrue(self.start(toys).wait(job, conductor_base.PATIENCE))
        self.assertEqual(1, resumes() - before)

    def test_the_rows_are_counted_by_state_at_each_scrape(self) -> None:
        toys = toy.Toys(self.folder)
        collector = metrics.RowCollector([toys])
        toys.add("t1")
        (family,) = collector.collect()
        self.assertEqual(
            [({"ledger": "toys", "state": "building"}, 1)],
            [(row.labels, row.value) for row in family.samples],
        )

    def test_a_ledger_whose_rows_cannot_be_counted_is_left_out(self) -> None:
        broken, sound = toy.Toys(self.folder), toy.Toys(self.folder)
        broken.count_by_state = lambda: 1 / 0  # type: ignore[assignment, return-value]
        sound.add("t1")
        (family,) = metrics.RowCollector([broken, sound]).collect()
        self.assertEqual(1, len(family.samples))


class TestDocumentation(base.TestCase):
    def test_every_metric_has_its_line_and_every_line_its_metric(self) -> None:
        page = (ROOT / "doc/source/operator/metrics.rst").read_text()
        documented = set(re.findall(r"\* - ``(valence_\w+)``", page))
        families = list(metrics.RowCollector([]).collect())
        for value in vars(metrics).values():
            if isinstance(value, prometheus_client.metrics.MetricWrapperBase):
                families.extend(value.describe())
        suffixes = {"counter": "_total"}
        names = {family.name + suffixes.get(family.type, "") for family in families}
        self.assertEqual(names, documented)
        table = metrics.__doc__ or ""
        self.assertEqual(documented, set(re.findall(r"^(valence_\w+)", table, re.MULTILINE)))


class TestStrays(conductor_base.ConductorTestCase):
    def test_strays_are_counted_by_whether_they_were_repaired(self) -> None:
        def strays() -> list[float]:
            labels = {"ledger": "toys", "kind": "toy"}
            return [count("valence_strays_total", repaired=r, **labels) for r in ("true", "false")]

        before = strays()
        (self.folder / "strays").write_text("own duck\nanother car\n")
        audited = self.start(toy.Toys(self.folder))._sweeper.audit()
        self.assertEqual([True, False], [stray.repaired for stray in audited])
        self.assertEqual([1, 1], [a - b for a, b in zip(strays(), before, strict=True)])

    def test_an_audit_that_fails_does_not_keep_the_other_ledgers_from_theirs(self) -> None:
        broken, sound = toy.Toys(self.folder), toy.Toys(self.folder)
        broken.audit = lambda: 1 / 0  # type: ignore[assignment, return-value]
        (self.folder / "strays").write_text("own duck\n")
        conductor = self.start(sound)
        conductor._sweeper._ledgers = [broken, sound]
        self.assertEqual(["own duck"], [stray.what for stray in conductor._sweeper.audit()])
