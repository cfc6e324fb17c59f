# SPDX-License-Identifier: Apache-2.0

"""The ledger: which jobs rows ask for, and how they end."""

from typing import Any
from unittest import mock

from tests.unit.integration import base
from valence_conductor import errors as conductor_errors
from valence_conductor.job import Job
from valence_conductor.job import Outcome
from valence_conductor.job import Result
from valence_integration import errors
from valence_integration import ledger
from valence_integration.objects.instance import Instance


class TestLedger(base.WorldTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.ledger = ledger.InstanceLedger(self.tools)

    def settle(self, instance: Instance, result: Result, **told: Any) -> Job | None:
        return self.ledger.settle(ledger.job_of(instance), Outcome(result, **told))

    def test_rows_on_their_way_ask_for_jobs_oldest_first(self) -> None:
        first, second, third = self.ask(), self.ask(), self.ask()
        self.settle(second, Result.SUCCESS)
        self.destroying(third)
        jobs = [(job.uuid, job.operation, job.generation) for job in self.ledger.pending()]
        self.assertEqual([(first.uuid, "provision", 1), (third.uuid, "destroy", 2)], jobs)

    def test_a_row_asks_for_exactly_one_job(self) -> None:
        instance = self.ask()
        asked = ledger.job_of(instance)
        self.assertTrue(self.ledger.is_pending(asked))
        for other in (
            Job("instances", instance.uuid, 2, "provision"),
            Job("instances", instance.uuid, 1, "destroy"),
            Job("instances", "nobody", 1, "provision"),
        ):
            self.assertFalse(self.ledger.is_pending(other))

    def test_a_fault_keeps_code_and_reason(self) -> None:
        instance = self.ask()
        self.settle(
            instance,
            Result.REVERTED,
            error="Fault",
            reason="It failed. No.",
            details={"code": "valence.podmanager.refused", "reason": "No."},
        )
        fault = self.instances.get(instance.uuid).fault or {}
        kept = {key: fault[key] for key in ("code", "reason", "detail", "operation")}
        self.assertEqual(
            {
                "code": "valence.podmanager.refused",
                "reason": "No.",
                "detail": "It failed. No.",
                "operation": "provision",
            },
            kept,
        )

    def test_a_timeout_and_a_surprise_have_codes_too(self) -> None:
        for error, code in (("TimedOut", errors.TIMED_OUT), ("KeyError", errors.UNEXPECTED)):
            instance = self.ask()
            self.settle(instance, Result.FAILED, error=error, reason="...")
            fault = self.instances.get(instance.uuid).fault or {}
            self.assertEqual((code, False), (fault["code"], fault["given_back"]))

    def test_a_wish_to_destroy_follows_at_once_however_provisioning_ended(self) -> None:
        for result in Result:
            instance = self.ask()
            self.instances.request_destroy(instance.uuid)
            following = self.settle(instance, result)
            self.assertEqual(Job("instances", instance.uuid, 1, "destroy"), following)
            self.assertEqual("destroying", self.instances.get(instance.uuid).state)

    def test_what_could_not_be_undone_is_destroyed_and_says_why_it_is_not_there(self) -> None:
        instance = self.half_undone()
        following = ledger.job_of(self.instances.get(instance.uuid))
        self.assertEqual(("destroy", 1), (following.operation, following.generation))
        self.ledger.settle(following, Outcome(Result.SUCCESS))
        ended = self.instances.get(instance.uuid)
        fault = ended.fault or {}
        self.assertEqual(
            ("error", True, "No drive is left.", "provision"),
            (ended.state, fault["given_back"], fault["detail"], fault["operation"]),
        )

    def test_what_is_destroyed_because_of_that_is_deleted_when_somebody_asks(self) -> None:
        instance = self.half_undone()
        asked, starting = self.instances.request_destroy(instance.uuid)
        self.assertEqual(("destroying", False), (asked.state, starting))
        self.ledger.settle(ledger.job_of(asked), Outcome(Result.SUCCESS))
        ended = self.instances.get(instance.uuid)
        self.assertEqual(("deleted", None), (ended.state, ended.fault))

    def test_when_that_fails_too_both_reasons_are_told_and_an_audit_tries_again(self) -> None:
        instance = self.half_undone()
        following = ledger.job_of(self.instances.get(instance.uuid))
        self.ledger.settle(following, Outcome(Result.REVERTED, reason="Ironic is away."))
        ended = self.instances.get(instance.uuid)
        detail = "No drive is left. Giving it back: Ironic is away."
        self.assertEqual(("error", detail), (ended.state, (ended.fault or {})["detail"]))
        strays = list(self.ledger.audit())
        self.assertEqual([("row", True)], [(stray.kind, stray.repaired) for stray in strays])
        again = ledger.job_of(self.instances.get(instance.uuid))
        self.assertEqual(("destroy", 2), (again.operation, again.generation))
        self.ledger.settle(again, Outcome(Result.REVERTED, reason="Ironic is busy."))
        told = (self.instances.get(instance.uuid).fault or {})["detail"]
        self.assertEqual("No drive is left. Giving it back: Ironic is busy.", told)
        list(self.ledger.audit())
        again = ledger.job_of(self.instances.get(instance.uuid))
        self.ledger.settle(again, Outcome(Result.SUCCESS))
        self.assertEqual("error", self.instances.get(instance.uuid).state)
        self.assertEqual([], list(self.ledger.audit()), "there is nothing to give back any more")

    def test_a_destruction_that_failed_is_tried_again_by_an_audit_and_ends_deleted(self) -> None:
        instance = self.destroying(self.ask())
        self.settle(instance, Result.REVERTED, reason="Ironic is away.")
        self.assertEqual("error", self.instances.get(instance.uuid).state)
        list(self.ledger.audit())
        again = ledger.job_of(self.instances.get(instance.uuid))
        self.ledger.settle(again, Outcome(Result.SUCCESS))
        self.assertEqual("deleted", self.instances.get(instance.uuid).state)

    def half_undone(self) -> Instance:
        """Have provisioning fail, and what was done not undone."""
        instance = self.ask()
        self.settle(instance, Result.FAILED, error="Fault", reason="No drive is left.")
        return instance

    def test_a_job_is_settled_once(self) -> None:
        instance = self.ask()
        self.settle(instance, Result.SUCCESS)
        again = self.assertRaises(
            conductor_errors.Superseded, self.settle, instance, Result.REVERTED
        )
        self.assertIn("active", str(again))
        self.assertEqual("active", self.instances.get(instance.uuid).state)

    def test_entering_notes_the_task_and_keeps_its_time_when_it_runs_again(self) -> None:
        instance = self.ask()
        job = ledger.job_of(instance)
        self.ledger.task_started(job, "compose-node", reverting=False)
        first = self.instances.get(instance.uuid)
        self.ledger.task_started(job, "compose-node", reverting=False)
        again = self.instances.get(instance.uuid)
        self.assertEqual(("compose-node", first.task_since), (again.task, again.task_since))
        self.ledger.task_started(job, "compose-node", reverting=True)
        self.assertEqual("undo compose-node", self.instances.get(instance.uuid).task)

    def test_entering_notes_who_works_on_it_also_when_a_resumed_task_runs_again(self) -> None:
        instance = self.ask()
        job = ledger.job_of(instance)
        names = iter(("lab:1", "lab:1", "lab:2", "lab:2"))
        with mock.patch.object(ledger.ids, "process_name", lambda: next(names)):
            self.ledger.task_started(job, "compose-node", reverting=False)
            first = self.instances.get(instance.uuid)
            self.ledger.task_started(job, "compose-node", reverting=False)
        again = self.instances.get(instance.uuid)
        self.assertEqual(("lab:1", "lab:2"), (first.conductor, again.conductor))
        self.assertEqual(first.task_since, again.task_since)

    def test_what_is_asked_for_anew_is_worked_on_by_nobody_yet(self) -> None:
        instance = self.ask()
        self.ledger.task_started(ledger.job_of(instance), "compose-node", reverting=False)
        self.settle(instance, Result.SUCCESS)
        self.assertIsNotNone(self.instances.get(instance.uuid).conductor)
        self.assertIsNone(self.instances.request_destroy(instance.uuid)[0].conductor)

    def test_a_step_that_the_table_does_not_have_is_refused(self) -> None:
        instance = self.ask()
        self.assertRaises(
            conductor_errors.IllegalTransition,
            self.instances.write,
            instance.uuid,
            1,
            "provisioning",
            state="deleted",
        )
