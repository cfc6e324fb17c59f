# SPDX-License-Identifier: Apache-2.0

"""Findings: what audits leave alone is listed until a complete audit lacks it."""

import datetime
from typing import Any
from unittest import mock
import uuid as uuids

import sqlalchemy as sa

from tests import base
from tests.unit.service import test_audit
from valence.audit import rows
from valence.objects import finding as finding_objects
from valence_conductor import waiting

GONE = "66666666-6666-4666-8666-666666666666"


class FindingTestCase(test_audit.AuditTestCase):
    def findings(self, query: str = "") -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.api("GET", f"/v1/findings{query}").json["findings"]
        return listed


class TestListing(FindingTestCase):
    def test_what_an_audit_leaves_alone_is_listed_with_what_to_do(self) -> None:
        path = self.allocate(None)
        self.audit()
        (finding,) = self.findings()
        self.assertEqual(
            ("composed-node", path, self.podm["uuid"], test_audit.NODE_UUID),
            tuple(finding[field] for field in ("kind", "path", "podm_id", "node_id")),
        )
        self.assertIn("does not say which installation", finding["detail"])
        self.assertIn("delete it on the pod manager", finding["remedy"])

    def test_what_an_audit_releases_is_not_listed(self) -> None:
        self.allocate(self.installation)
        self.audit()
        self.assertEqual([], self.findings())

    def test_a_finding_disappears_with_a_complete_audit_that_lacks_it(self) -> None:
        path = self.allocate(None)
        self.audit()
        error = {"type": "error", "status": 500}
        self.fault(self.pod, "GET", ".*/Nodes", times=1, action=error)
        list(self.ledger.audit())
        self.assertEqual(1, len(self.findings()))
        self.pod.pod.delete(self.pod.pod.nodes[path.rpartition("/")[2]])
        list(self.ledger.audit())
        self.assertEqual([], self.findings())

    def test_a_missing_node_is_listed_as_long_as_it_is_missing(self) -> None:
        self.composed()
        node = self.composed()
        on_pod = self.pod.pod.nodes.pop(node["path"].rpartition("/")[2])
        for _ in range(3):
            self.audit()
            (finding,) = self.findings(f"?node_id={node['uuid']}")
            self.assertEqual("missing-node", finding["kind"])
        self.pod.pod.nodes[on_pod.id] = on_pod
        self.audit()
        self.assertEqual([], self.findings())

    def test_an_ironic_node_is_listed_without_a_pod_manager(self) -> None:
        uuid = self.register(test_audit.NODE_UUID, installation=None)
        self.audit()
        (finding,) = self.findings("?kind=ironic-node")
        self.assertEqual((uuid, None), (finding["path"], finding["podm_id"]))
        metrics = self.api("GET", "/metrics").text
        self.assertIn('valence_findings{kind="ironic-node",podm=""} 1.0', metrics)

    def test_the_collection_has_filters_pages_and_fields(self) -> None:
        for _ in range(3):
            self.allocate(None, uuid=str(uuids.uuid4()))
        self.audit()
        page = self.api("GET", "/v1/findings?limit=2&fields=uuid,kind&sort=kind:desc").json
        self.assertEqual([{"uuid", "kind"}] * 2, [set(one) for one in page["findings"]])
        following = page["next"].partition("/v1/")[2]
        rest = self.api("GET", f"/v1/{following}").json
        self.assertEqual(1, len(rest["findings"]))
        self.assertEqual(3, len(self.findings(f"?podm_id={self.podm['uuid']}")))
        self.assertEqual([], self.findings(f"?podm_id={GONE}"))
        self.assertEqual(400, self.api("GET", "/v1/findings?kind=row").status_code)

    def test_the_findings_of_a_deleted_pod_manager_are_deleted(self) -> None:
        self.allocate(None)
        self.audit()
        answer = self.api("DELETE", f"/v1/podmanagers/{self.podm['uuid']}")
        self.assertEqual(204, answer.status_code)
        self.assertEqual([], self.findings())


class TestWrites(FindingTestCase):
    def replace(self, *details: str) -> int:
        """Replace the findings by some; return the number of writes."""
        writes = []

        def count(*arguments: Any) -> None:
            if not arguments[2].lstrip().upper().startswith(("SELECT", "PRAGMA", "BEGIN")):
                writes.append(arguments[2])

        values = [
            {
                "uuid": str(uuids.uuid5(uuids.NAMESPACE_URL, detail.partition(":")[0])),
                "podm_uuid": self.podm["uuid"],
                "kind": "composed-node",
                "path": "/n/1",
                "node_uuid": None,
                "detail": detail,
                "remedy": "Look at it.",
            }
            for detail in details
        ]
        sa.event.listen(sa.Engine, "before_cursor_execute", count)
        try:
            finding_objects.replace(self.service.db, values, ["composed-node"], self.podm["uuid"])
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", count)
        return len(writes)

    def test_what_has_not_changed_is_not_written(self) -> None:
        self.assertLess(0, self.replace("a", "b"))
        self.assertEqual(0, self.replace("a", "b"))
        self.assertLess(0, self.replace("a", "b: it was refused"))
        self.assertLess(0, self.replace("a"))
        self.assertEqual(["a"], [one["detail"] for one in self.findings()])

    def test_a_finding_keeps_when_it_was_first_seen_and_is_seen_again(self) -> None:
        self.replace("a")
        (first,) = self.findings()
        later = waiting.now() + finding_objects.SEEN_PRECISION + datetime.timedelta(seconds=1)
        with mock.patch.object(waiting, "now", autospec=True, return_value=later):
            self.replace("a")
        (second,) = self.findings()
        self.assertEqual(first["first_seen_at"], second["first_seen_at"])
        self.assertLess(first["last_seen_at"], second["last_seen_at"])

    def test_a_pod_manager_that_was_deleted_during_its_audit_has_no_findings(self) -> None:
        answer = self.api("DELETE", f"/v1/podmanagers/{self.podm['uuid']}")
        self.assertEqual(204, answer.status_code)
        self.replace("a")
        self.assertEqual([], self.findings())


class TestRotation(base.TestCase):
    def test_every_row_is_read_within_a_few_audits(self) -> None:
        rotation, uuids_of_rows = rows.Rotation(), [f"{n:04}" for n in range(rows.READS * 3)]
        reads = [rotation.next("podm", uuids_of_rows) for _ in range(3)]
        self.assertEqual([rows.READS] * 3, [len(one) for one in reads])
        self.assertEqual(set(uuids_of_rows), frozenset().union(*reads))

    def test_pod_managers_have_turns_of_their_own(self) -> None:
        rotation, uuids_of_rows = rows.Rotation(), [f"{n:04}" for n in range(rows.READS * 2)]
        first = rotation.next("podm-1", uuids_of_rows)
        self.assertEqual(first, rotation.next("podm-2", uuids_of_rows))
        self.assertEqual(set(), first & rotation.next("podm-1", uuids_of_rows))
