# SPDX-License-Identifier: Apache-2.0

"""Audits of more than a thousand pod managers, of which most cannot be audited."""

from typing import Any
from unittest import mock
import uuid as uuids

from tests.unit.service import test_audit
from valence import errors
from valence.audit import audit
from valence.drivers import Drivers
from valence.objects import finding as finding_objects
from valence.objects import podmanager as podmanager_objects
from valence_conductor import waiting

MANY = 1001

#: What happens to the pod managers in turn.
TROUBLES = (
    errors.PodManagerUnreachable("It does not answer."),
    errors.PodManagerMismatched("Another one answers."),
    errors.PodManagerNotFound("It was deleted meanwhile."),
)


class TestMany(test_audit.AuditTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.others = [str(uuids.uuid4()) for _ in range(MANY)]
        with self.service.db.writer() as session:
            for number, uuid in enumerate(self.others):
                session.add(
                    podmanager_objects.PodManager(
                        uuid=uuid,
                        name=f"other-{number}",
                        url=f"http://127.0.0.1:9/{number}",
                        driver="rsd",
                        verify_ca=True,
                        enabled=bool(number % 2),
                        status="offline",
                        status_since=waiting.now(),
                        created_at=waiting.now(),
                    )
                )

    def audit_all(self, service_audit: audit.Audit) -> list[Any]:
        """Audit, with one pod manager that answers and many in trouble."""
        verify = Drivers.verify
        order = {uuid: number for number, uuid in enumerate(self.others)}

        def verify_or_fail(drivers: Drivers, uuid: str) -> Any:
            if uuid in order:
                raise TROUBLES[order[uuid] % len(TROUBLES)]
            return verify(drivers, uuid)

        with mock.patch.object(Drivers, "verify", autospec=True, side_effect=verify_or_fail):
            return service_audit.run()

    def test_the_one_that_answers_is_audited_and_the_others_keep_their_findings(self) -> None:
        path = self.allocate(self.installation)
        finding = {
            "uuid": self.others[0],
            "podm_uuid": self.others[0],
            "kind": "composed-node",
            "path": "/n/1",
            "node_uuid": None,
            "detail": "Found before.",
            "remedy": "Look at it.",
        }
        finding_objects.replace(self.service.db, [finding], ["composed-node"], self.others[0])
        service_audit = audit.Audit(self.service.context)
        self.assertEqual([], self.audit_all(service_audit))
        (stray,) = self.audit_all(service_audit)
        self.assertIn(path, stray.what)
        self.assertTrue(stray.repaired)
        self.assertEqual(MANY, len(service_audit.skipped))
        self.assertEqual(
            {(self.others[0], "composed-node"): 1}, finding_objects.count(self.service.db)
        )
