# SPDX-License-Identifier: Apache-2.0

"""Jobs have names that any process works out again."""

import dataclasses
import json

from tests import base
from valence_conductor import errors
from valence_conductor import ids as identity
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
        ids = {job.flow_uuid for job in [JOB, *others]} | {job.book_uuid for job in [JOB, *others]}
        self.assertEqual(10, len(ids))

    def test_what_belongs_to_a_generation_has_an_id_of_its_kind(self) -> None:
        self.assertEqual(
            identity.derive_uuid("node", "i1", 1), identity.derive_uuid("node", "i1", 1)
        )
        self.assertNotEqual(
            identity.derive_uuid("node", "i1", 1), identity.derive_uuid("ironic", "i1", 1)
        )
        self.assertNotEqual(
            identity.derive_uuid("node", "i1", 1), identity.derive_uuid("node", "i1", 2)
        )


class TestFault(base.TestCase):
    def test_a_fault_keeps_its_reason_and_details_as_json(self) -> None:
        fault = errors.Fault("No room.", {"code": "full", "tried": ["p1"]})
        self.assertEqual(
            ["No room.", {"code": "full", "tried": ["p1"]}], json.loads(json.dumps(fault.args))
        )
        self.assertEqual(("No room.", "No room."), (str(fault), fault.reason))
