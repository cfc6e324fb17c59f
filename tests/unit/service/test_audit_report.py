# SPDX-License-Identifier: Apache-2.0

"""``valence-manage audit``: what an audit finds is printed, and nothing is repaired."""

import contextlib
import io
import uuid as uuids

from tests.unit.service import base
from valence import ownership
from valence.audit import Audit
from valence.cmd import manage
from valence.objects import installation as installation_objects
from valence_conductor.strays import Stray


class ReportTestCase(base.ServiceTestCase):
    grace = 3600.0

    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.start(nodes__stray_grace=self.grace, conductor__sweep_interval=3600.0)
        self.podm = self.know(self.pod)
        self.uuid = self.composed()["uuid"]

    def report(self) -> list[Stray]:
        return Audit(self.service.context, is_report=True).run()

    def leave_stray(self) -> str:
        """Compose a node of this installation that has no row; return its path."""
        uuid = str(uuids.uuid4())
        self.record_released(uuid)
        mark = ownership.description(installation_objects.get(self.service.db), uuid)
        driver = self.service.drivers.get(self.podm["uuid"])
        return driver.allocate(ownership.node_name(uuid), mark, base.FOUR_CORES)


class TestReport(ReportTestCase):
    def test_without_a_finding_there_is_none(self) -> None:
        self.assertEqual([], self.report())

    def test_a_stray_is_reported_at_once_and_stays(self) -> None:
        path = self.leave_stray()
        for _ in range(2):
            (finding,) = self.report()
            self.assertIn(path, finding.what)
            self.assertIn("stray_grace", finding.what)
            self.assertFalse(finding.repaired)
        self.assertEqual(2, len(self.pod.pod.nodes))

    def test_a_node_that_is_gone_is_reported_and_its_row_stays_composed(self) -> None:
        (node,) = self.pod.pod.nodes.values()
        self.pod.pod.delete(node)
        (finding,) = self.report()
        self.assertIn(self.uuid, finding.what)
        self.assertEqual("composed", (self.node(self.uuid) or {})["state"])

    def test_a_node_whose_facts_contradict_is_reported_with_the_ways_out(self) -> None:
        (node,) = self.pod.pod.nodes.values()
        self.take_over(node)
        self.api("GET", f"/v1/nodes/{self.uuid}?refresh=true")
        (finding,) = self.report()
        for word in (self.uuid, "adopt-path", "forget"):
            self.assertIn(word, finding.what)

    def test_a_node_in_error_is_reported_and_not_released(self) -> None:
        (node,) = self.pod.pod.nodes.values()
        self.take_over(node)
        self.api("DELETE", f"/v1/nodes/{self.uuid}")
        generation = (self.settled(self.uuid) or {})["generation"]
        (finding,) = self.report()
        self.assertIn("DELETE", finding.what)
        self.assertEqual(generation, (self.node(self.uuid) or {})["generation"])

    def test_a_pod_manager_that_does_not_answer_is_named(self) -> None:
        action = {"type": "error", "status": 500}
        self.fault(self.pod, "GET", ".*", times=None, action=action)
        report = Audit(self.service.context, is_report=True)
        self.assertEqual([], report.run())
        (sentence,) = report.skipped
        self.assertIn("pod-1", sentence)


class TestCommand(ReportTestCase):
    def call(self) -> tuple[int, str]:
        """Run the command beside the service, on the same database."""
        conf = self.service.conf
        conf_file = self.folder / "valence.conf"
        conf_file.write_text(
            f"[DEFAULT]\nstate_path = {self.folder}\n"
            f"[database]\nconnection = {conf.database.connection}\n"
        )
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = manage.main(["--config-file", str(conf_file), "audit"])
        return status, out.getvalue()

    def test_the_exit_status_shows_whether_there_are_findings(self) -> None:
        self.assertEqual((0, ""), self.call())
        path = self.leave_stray()
        status, text = self.call()
        self.assertEqual(2, status)
        self.assertIn(f"composed-node: {path} on pod manager pod-1", text)
        self.assertEqual(2, len(self.pod.pod.nodes))
