# SPDX-License-Identifier: Apache-2.0

"""The ledger: the jobs of rows, and how they end."""

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
        self.ledger = ledger.InstanceLedger(self.task_context)

    def settle(self, instance: Instance, result: Result, **outcome: Any) -> Job | None:
        return self.ledger.settle(ledger.job_of(instance), Outcome(result, **outcome))

    def fault_of(self, instance: Instance) -> dict[str, Any]:
        return self.instances.get(instance.uuid).fault or {}

    def test_rows_in_a_transitional_state_have_jobs_oldest_first(self) -> None:
        first, second, third = self.add_instance(), self.add_instance(), self.add_instance()
        self.settle(second, Result.SUCCESS)
        self.destroying(third)
        jobs = [(job.uuid, job.operation, job.generation) for job in self.ledger.pending()]
        self.assertEqual([(first.uuid, "provision", 1), (third.uuid, "destroy", 2)], jobs)

    def test_a_row_has_exactly_one_job(self) -> None:
        instance = self.add_instance()
        job = ledger.job_of(instance)
        self.assertTrue(self.ledger.is_pending(job))
        for other in (
            Job("instances", instance.uuid, 2, "provision"),
            Job("instances", instance.uuid, 1, "destroy"),
            Job("instances", "unknown", 1, "provision"),
        ):
            self.assertFalse(self.ledger.is_pending(other))

    def test_a_fault_keeps_code_and_reason(self) -> None:
        instance = self.add_instance()
        self.settle(
            instance,
            Result.REVERTED,
            error="Fault",
            reason="It failed. No.",
            details={"code": "valence.podmanager.refused", "reason": "No."},
        )
        fault = self.fault_of(instance)
        del fault["at"]
        self.assertEqual(
            {
                "code": "valence.podmanager.refused",
                "reason": "No.",
                "detail": "It failed. No.",
                "error": "Fault",
                "operation": "provision",
                "cleanup": {"result": "done", "detail": None},
                "given_back": True,
            },
            fault,
        )

    def test_a_timeout_and_an_unexpected_error_have_codes_too(self) -> None:
        for error, code in (("TimedOut", errors.TIMED_OUT), ("KeyError", errors.UNEXPECTED)):
            instance = self.add_instance()
            self.settle(instance, Result.FAILED, error=error, reason="...")
            fault = self.fault_of(instance)
            self.assertEqual((code, "pending"), (fault["code"], fault["cleanup"]["result"]))

    def test_a_requested_destruction_follows_at_once_however_provisioning_ended(self) -> None:
        for result in Result:
            instance = self.add_instance()
            self.instances.request_destroy(instance.uuid)
            following = self.settle(instance, result)
            self.assertEqual(Job("instances", instance.uuid, 1, "destroy"), following)
            self.assertEqual("destroying", self.instances.get(instance.uuid).state)

    def half_reverted(self) -> Instance:
        """Return an instance whose provisioning failed, and so did the revert of it."""
        instance = self.add_instance()
        self.settle(instance, Result.FAILED, error="Fault", reason="No drive is left.")
        return self.instances.get(instance.uuid)

    def audited(self, instance: Instance) -> Instance:
        """Run an audit that destroys the instance again."""
        strays = list(self.ledger.audit())
        self.assertEqual([("row", True)], [(stray.kind, stray.repaired) for stray in strays])
        return self.instances.get(instance.uuid)

    def cleanup_of(self, instance: Instance) -> tuple[str, str | None]:
        """Return its result and detail; the fault must keep the first cause."""
        fault = self.fault_of(instance)
        self.assertEqual(("No drive is left.", "provision"), (fault["detail"], fault["operation"]))
        self.assertEqual(fault["cleanup"]["result"] == "done", fault["given_back"])
        return fault["cleanup"]["result"], fault["cleanup"]["detail"]

    def test_an_instance_that_could_not_be_reverted_is_destroyed_and_keeps_its_fault(self) -> None:
        instance = self.half_reverted()
        self.assertEqual(("pending", None), self.cleanup_of(instance))
        job = ledger.job_of(instance)
        self.assertEqual(("destroy", 1), (job.operation, job.generation))
        self.ledger.settle(job, Outcome(Result.SUCCESS))
        self.assertEqual("error", self.instances.get(instance.uuid).state)
        self.assertEqual(("done", None), self.cleanup_of(instance))
        self.assertEqual([], list(self.ledger.audit()), "there is nothing to release any more")

    def test_it_is_deleted_when_its_destruction_was_requested(self) -> None:
        instance = self.half_reverted()
        requested, starting = self.instances.request_destroy(instance.uuid)
        self.assertEqual(("destroying", False), (requested.state, starting))
        self.settle(requested, Result.SUCCESS)
        ended = self.instances.get(instance.uuid)
        self.assertEqual(("deleted", None), (ended.state, ended.fault))

    def test_a_failed_cleanup_is_recorded_and_retried_by_an_audit(self) -> None:
        instance = self.half_reverted()
        self.settle(instance, Result.REVERTED, reason="Ironic is down.")
        self.assertEqual("error", self.instances.get(instance.uuid).state)
        self.assertEqual(("failed", "Ironic is down."), self.cleanup_of(instance))
        retried = self.audited(instance)
        job = ledger.job_of(retried)
        self.assertEqual(("destroy", 2), (job.operation, job.generation))
        self.assertEqual(("pending", None), self.cleanup_of(instance))
        self.settle(retried, Result.REVERTED, reason="Ironic is busy.")
        self.assertEqual(("failed", "Ironic is busy."), self.cleanup_of(instance))
        self.settle(self.audited(instance), Result.SUCCESS)
        self.assertEqual("error", self.instances.get(instance.uuid).state)
        self.assertEqual(("done", None), self.cleanup_of(instance))
        self.assertEqual([], list(self.ledger.audit()), "there is nothing to release any more")

    def test_a_row_that_is_older_than_cleanup_keeps_its_text_and_is_retried(self) -> None:
        instance = self.half_reverted()
        self.settle(instance, Result.REVERTED, reason="Ironic is down.")
        old = {key: value for key, value in self.fault_of(instance).items() if key != "cleanup"}
        old["detail"] = "No drive is left. Giving it back: Ironic is down."
        self.instances.write(instance.uuid, 1, "error", fault=old)
        self.settle(self.audited(instance), Result.SUCCESS)
        fault = self.fault_of(instance)
        cleanup = {"result": "done", "detail": None}
        self.assertEqual((old["detail"], cleanup), (fault["detail"], fault["cleanup"]))

    def test_a_failed_destruction_has_no_cleanup_and_is_retried_by_an_audit(self) -> None:
        instance = self.destroying(self.add_instance())
        self.settle(instance, Result.REVERTED, reason="Ironic is down.")
        fault = self.fault_of(instance)
        self.assertEqual((None, False), (fault["cleanup"], fault["given_back"]))
        self.settle(self.audited(instance), Result.SUCCESS)
        self.assertEqual("deleted", self.instances.get(instance.uuid).state)

    def test_a_job_is_settled_once(self) -> None:
        instance = self.add_instance()
        self.settle(instance, Result.SUCCESS)
        again = self.assertRaises(
            conductor_errors.Superseded, self.settle, instance, Result.REVERTED
        )
        self.assertIn("active", str(again))
        self.assertEqual("active", self.instances.get(instance.uuid).state)

    def test_a_task_is_recorded_and_keeps_its_time_when_it_runs_again(self) -> None:
        instance = self.add_instance()
        job = ledger.job_of(instance)
        self.ledger.task_started(job, "compose-node", reverting=False)
        first = self.instances.get(instance.uuid)
        self.ledger.task_started(job, "compose-node", reverting=False)
        again = self.instances.get(instance.uuid)
        self.assertEqual(("compose-node", first.task_since), (again.task, again.task_since))
        self.ledger.task_started(job, "compose-node", reverting=True)
        self.assertEqual("undo compose-node", self.instances.get(instance.uuid).task)

    def test_the_conductor_is_recorded_also_when_a_resumed_task_runs_again(self) -> None:
        instance = self.add_instance()
        job = ledger.job_of(instance)
        names = iter(("lab:1", "lab:1", "lab:2", "lab:2"))
        with mock.patch.object(ledger.ids, "process_name", lambda: next(names)):
            self.ledger.task_started(job, "compose-node", reverting=False)
            first = self.instances.get(instance.uuid)
            self.ledger.task_started(job, "compose-node", reverting=False)
        again = self.instances.get(instance.uuid)
        self.assertEqual(("lab:1", "lab:2"), (first.conductor, again.conductor))
        self.assertEqual(first.task_since, again.task_since)

    def test_a_new_request_has_no_conductor_yet(self) -> None:
        instance = self.add_instance()
        self.ledger.task_started(ledger.job_of(instance), "compose-node", reverting=False)
        self.settle(instance, Result.SUCCESS)
        self.assertIsNotNone(self.instances.get(instance.uuid).conductor)
        self.assertIsNone(self.instances.request_destroy(instance.uuid)[0].conductor)

    def test_a_transition_that_the_table_does_not_have_is_refused(self) -> None:
        instance = self.add_instance()
        self.assertRaises(
            conductor_errors.IllegalTransition,
            self.instances.write,
            instance.uuid,
            1,
            "provisioning",
            state="deleted",
        )
