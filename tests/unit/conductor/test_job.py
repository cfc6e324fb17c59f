# SPDX-License-Identifier: Apache-2.0

"""Names and ids that every process derives alike."""

import dataclasses
import json
import os

from tests import base
from valence_conductor import errors
from valence_conductor import ids
from valence_conductor.job import Job

JOB = Job("nodes", "0b1c", 1, "compose")


class TestJob(base.TestCase):
    def test_the_ids_of_a_job_are_the_same_in_every_process(self) -> None:
        self.assertEqual("nodes/0b1c/1/compose", JOB.name)
        self.assertEqual("6c2fa014-08bc-503c-8516-42dee16421e2", JOB.book_uuid)
        self.assertEqual(JOB.flow_uuid, dataclasses.replace(JOB).flow_uuid)

    def test_every_part_of_a_job_makes_another_flow(self) -> None:
        others = [
            dataclasses.replace(JOB, ledger="instances"),
            dataclasses.replace(JOB, uuid="0b1d"),
            dataclasses.replace(JOB, generation=2),
            dataclasses.replace(JOB, operation="release"),
        ]
        jobs = [JOB, *others]
        uuids = {job.flow_uuid for job in jobs} | {job.book_uuid for job in jobs}
        self.assertEqual(10, len(uuids))

    def test_a_job_is_found_by_its_name(self) -> None:
        self.assertEqual(JOB, Job.from_name(JOB.name))

    def test_a_name_that_is_no_job_is_refused(self) -> None:
        self.assertRaises(ValueError, Job.from_name, "the logbook of another program")


class TestIds(base.TestCase):
    def test_an_object_of_a_generation_has_an_id_of_its_kind(self) -> None:
        node = ids.derive_uuid("node", "i1", 1)
        self.assertEqual(node, ids.derive_uuid("node", "i1", 1))
        self.assertNotEqual(node, ids.derive_uuid("ironic", "i1", 1))
        self.assertNotEqual(node, ids.derive_uuid("node", "i1", 2))

    def test_the_name_of_a_process_ends_with_its_process_id(self) -> None:
        self.assertTrue(ids.process_name().endswith(f":{os.getpid()}"))


class TestFault(base.TestCase):
    def test_a_fault_keeps_its_reason_and_details_as_json(self) -> None:
        fault = errors.Fault("No room.", {"code": "full", "tried": ["p1"]})
        self.assertEqual(
            ["No room.", {"code": "full", "tried": ["p1"]}], json.loads(json.dumps(fault.args))
        )
        self.assertEqual(("No room.", "No room."), (str(fault), fault.reason))
