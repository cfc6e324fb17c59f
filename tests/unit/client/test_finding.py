# SPDX-License-Identifier: Apache-2.0

"""Findings of audits: the library and its command."""

from tests import base
from tests.unit.client import shell_base
from valenceclient import testing


class TestFindings(base.TestCase):
    def test_a_finding_is_typed_and_filtered_by_kind(self) -> None:
        valence = testing.FakeValence()
        valence.add_finding("missing-node", detail="It is gone.")
        valence.add_finding("composed-node")
        (finding,) = valence.client().findings.list(kind="missing-node")
        self.assertEqual("It is gone.", finding.detail)
        assert finding.first_seen_at is not None
        self.assertIsNotNone(finding.first_seen_at.tzinfo)

    def test_all_pages_are_read(self) -> None:
        valence = testing.FakeValence()
        for _ in range(3):
            valence.add_finding("composed-node")
        self.assertEqual(3, len(list(valence.client().findings.list(limit=1))))


class TestCommand(shell_base.ShellTest):
    def test_findings_are_listed_with_what_to_do(self) -> None:
        self.valence.add_finding("missing-node", path="/n/1", remedy="Delete the node.")
        self.valence.add_podmanager("pod-2")
        self.valence.add_finding("composed-node", podm="pod-2", node_id="no-node")
        self.assertIn("Delete the node.", self.run_program("finding", "list"))
        command = ("finding", "list", "-f", "value", "-c", "Kind")
        self.assertEqual("composed-node\n", self.run_program(*command, "--podm", "pod-2"))
        self.assertEqual("missing-node\n", self.run_program(*command, "--kind", "missing-node"))
        self.assertEqual("composed-node\n", self.run_program(*command, "--node", "no-node"))
