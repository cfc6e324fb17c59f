# SPDX-License-Identifier: Apache-2.0

"""What an operator states of a node: what it is now, or that it is gone."""

from typing import Any

import sqlalchemy as sa

from tests.unit.service import base
from valence import ownership
from valence.audit import audit
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.objects import system as system_objects

CONFLICT = "valence.node.identity_conflict"
FOREIGN = "99999999-9999-4999-8999-999999999999"


class IdentityTestCase(base.ServiceTestCase):
    """A composed node on a simulated pod manager."""

    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.start(nodes__stray_grace=0.0)
        self.podm = self.know(self.pod)
        self.uuid = self.composed(name="one")["uuid"]
        self.url = f"/v1/nodes/{self.uuid}"

    def adopt(self, path: str) -> Any:
        return self.api("POST", f"{self.url}/adopt_path", {"path": path})

    def forget(self) -> Any:
        return self.api("POST", f"{self.url}/forget", {"i_know_it_is_gone": True})

    def row(self) -> node_objects.Node:
        return node_objects.get(self.service.db, self.uuid)

    def machine(self, uuid: str | None = None) -> Any:
        """Return the node of the pod manager with the Name of a node."""
        name = ownership.node_name(uuid or self.uuid)
        return next(it for it in self.pod.pod.nodes.values() if it.name == name)

    def contradict(self) -> None:
        """Make the facts of the node contradict each other, and have the service see it."""
        self.take_over(self.machine())
        self.api("GET", f"{self.url}?refresh=true")
        self.assertEqual(CONFLICT, (self.row().fault or {}).get("code"))

    def fail(self) -> None:
        """Put the node into error, as a release that failed with a conflict does."""
        fault = {"status": 409, "code": CONFLICT, "title": "Conflict", "detail": "?"}
        end = {"operation": "release", "request_id": None, "at": "2026-01-01T00:00:00+00:00"}
        self.write(state="error", fault={**fault, **end})

    def write(self, **values: Any) -> None:
        """Change the row without the service."""
        with self.service.db.writer() as session:
            where = node_objects.Node.uuid == self.uuid
            session.execute(sa.update(node_objects.Node).where(where).values(**values))

    def make(self, name: str = "a database", description: str = "hers") -> str:
        """Compose a node without the service."""
        driver = self.service.drivers.get(self.podm["uuid"])
        path = driver.allocate(name, description, base.FOUR_CORES)
        self.wait_for(lambda: driver.state(path).state == "allocated")
        driver.assemble(path)
        self.wait_for(lambda: driver.state(path).state == "assembled")
        return path

    def assertUntouched(self, journal: Any) -> None:
        """Assert that the pod manager was read at most."""
        self.assertLessEqual({r["method"] for r in journal.show()["requests"]}, {"GET"})


class TestAdoptPath(IdentityTestCase):
    def test_a_node_whose_facts_contradict_is_what_the_operator_states(self) -> None:
        self.contradict()
        path = self.row().path or ""
        self.pod.journal.clear()
        answer = self.adopt(path)
        self.assertEqual(200, answer.status_code, answer.get_data(as_text=True))
        self.assertEqual(("composed", None), (answer.json["state"], answer.json["fault"]))
        self.assertEqual("a database", answer.json["identity"]["name"])
        self.assertTrue(answer.json["adopted"])
        self.assertUntouched(self.pod.journal)
        answer = self.api("POST", f"{self.url}/action", {"Reset": {"Type": "On"}})
        self.assertEqual("On", answer.json["power_state"])
        self.assertEqual(202, self.api("DELETE", self.url).status_code)
        self.assertIsNone(self.settled(self.uuid))
        self.assertEqual({}, self.pod.pod.nodes)

    def test_a_node_with_its_own_name_and_mark_is_not_adopted_but_composed(self) -> None:
        identity = dict(self.row().identity or {})
        self.write(path="/redfish/v1/Nodes/elsewhere", identity={**identity, "system_uuid": "x"})
        path = self.machine_path()
        answer = self.adopt(path)
        self.assertEqual((path, False), (answer.json["path"], answer.json["adopted"]))
        self.assertEqual(identity["system_uuid"], answer.json["identity"]["system_uuid"])
        self.assertEqual("/redfish/v1/Nodes/elsewhere", answer.json["identity"]["previous_path"])

    def machine_path(self) -> str:
        """Return the path of the node as the pod manager lists it."""
        (member,) = self.service.drivers.get(self.podm["uuid"]).members()
        return member.path

    def test_a_missing_node_is_composed_again_on_another_machine(self) -> None:
        self.pod.pod.delete(self.machine())
        self.assertEqual("missing", self.api("GET", f"{self.url}?refresh=true").json["state"])
        path = self.make()
        answer = self.adopt(path + "/")
        self.assertEqual(("composed", path), (answer.json["state"], answer.json["path"]))
        refreshed = self.api("GET", f"{self.url}?refresh=true").json
        self.assertEqual(("composed", None), (refreshed["state"], refreshed["fault"]))

    def test_a_node_in_error_stays_so_and_can_be_deleted_again(self) -> None:
        self.fail()
        self.write(allocating=True)
        answer = self.adopt(self.row().path or "")
        self.assertEqual(("error", None), (answer.json["state"], answer.json["fault"]))
        self.assertFalse(self.row().allocating)
        self.assertEqual(202, self.api("DELETE", self.url).status_code)
        self.assertIsNone(self.settled(self.uuid))
        self.assertEqual({}, self.pod.pod.nodes)

    def test_a_path_that_the_pod_manager_does_not_list_is_refused(self) -> None:
        before = self.node(self.uuid)
        for path in ("/redfish/v1/Nodes/none", "/redfish/v1", "http://127.0.0.1:9/redfish/v1/x"):
            error = self.assertRefused(409, "valence.podmanager.node_gone", self.adopt(path))
            self.assertIn(self.row().path, error["detail"])
        self.assertEqual(before, self.node(self.uuid))

    def test_nothing_is_concluded_from_an_incomplete_listing(self) -> None:
        action = {"type": "error", "status": 500}
        self.fault(self.pod, "GET", "/redfish/v1/Nodes", times=None, action=action)
        before = self.row().identity
        answer = self.adopt(self.row().path or "")
        self.assertEqual(503, answer.status_code)
        self.assertEqual(before, self.row().identity)

    def test_the_machine_of_another_node_is_refused(self) -> None:
        other = self.composed(name="two")
        before = self.row().path
        for change in ({}, {"path": "/redfish/v1/Nodes/moved"}):
            if change:
                row = node_objects.get(self.service.db, other["uuid"])
                node_changes.record(self.service.db, row, **change)
            error = self.assertRefused(409, "valence.node.duplicate", self.adopt(other["path"]))
            self.assertIn(other["uuid"], error["detail"])
        self.assertEqual(before, self.row().path)

    def test_a_path_that_another_node_has_is_refused_whatever_is_there(self) -> None:
        other = self.composed(name="two")
        self.take_over(self.machine(other["uuid"]))
        error = self.assertRefused(409, "valence.node.duplicate", self.adopt(other["path"]))
        self.assertIn(other["uuid"], error["detail"])

    def test_a_machine_of_another_node_that_lost_its_name_is_refused(
        self,
    ) -> None:
        other = self.composed(name="two")
        machine = self.machine(other["uuid"])
        machine.name = machine.description = ""
        row = node_objects.get(self.service.db, other["uuid"])
        node_changes.record(self.service.db, row, path="/redfish/v1/Nodes/moved")
        error = self.assertRefused(409, "valence.node.duplicate", self.adopt(other["path"]))
        self.assertIn(other["uuid"], error["detail"])

    def test_a_machine_with_the_mark_of_another_node_is_refused(self) -> None:
        other = self.composed(name="two")["uuid"]
        mark = ownership.description(installation_objects.get(self.service.db), other)
        path = self.make("renamed", mark)
        self.assertRefused(409, "valence.node.duplicate", self.adopt(path))

    def test_a_machine_of_another_installation_is_refused(self) -> None:
        path = self.make("hers", ownership.description(FOREIGN, self.uuid))
        error = self.assertRefused(409, "valence.node.duplicate", self.adopt(path))
        self.assertIn(FOREIGN, error["detail"])

    def test_a_node_that_is_being_changed_is_refused(self) -> None:
        self.write(state="registering")
        self.assertRefused(409, "valence.node.busy", self.adopt(self.row().path or ""))

    def test_the_interfaces_of_a_registered_node_are_those_of_its_machine(self) -> None:
        self.write(interfaces=[{"mac": "52:54:00:00:00:99", "path": "/x", "speed_mbps": None}])
        node = self.adopt(self.row().path or "").json
        self.assertNotIn("52:54:00:00:00:99", [nic["mac"] for nic in node["interfaces"]])
        self.assertEqual([nic["mac"] for nic in node["interfaces"]], node["identity"]["macs"])


class TestKeptFacts(IdentityTestCase):
    def test_a_pod_manager_shows_which_facts_it_keeps(self) -> None:
        kept = self.api("GET", f"/v1/podmanagers/{self.podm['uuid']}").json["kept_facts"]
        self.assertEqual({"name": "whole", "description": "whole"}, kept)
        self.assertIsNone(self.podm["kept_facts"])


class TestForget(IdentityTestCase):
    def test_a_node_whose_facts_contradict_is_forgotten_and_its_machine_left_alone(self) -> None:
        self.api("POST", "/v1/pooled/sync", {})
        self.contradict()
        self.pod.journal.clear()
        self.assertEqual(204, self.forget().status_code)
        self.assertIsNone(self.node(self.uuid))
        self.assertUntouched(self.pod.journal)
        self.assertEqual(1, len(self.pod.pod.nodes))
        with self.service.db.reader() as session:
            owner = system_objects.System.node_uuid
            self.assertNotIn(self.uuid, session.scalars(sa.select(owner)).all())

    def test_missing_nodes_and_those_in_error_are_forgotten(self) -> None:
        for state in ("missing", "error"):
            self.write(state=state)
            self.assertEqual(204, self.forget().status_code)
            self.uuid = self.composed()["uuid"]
            self.url = f"/v1/nodes/{self.uuid}"

    def test_a_composed_node_without_a_conflict_is_not_forgotten(self) -> None:
        self.assertRefused(409, "valence.node.busy", self.forget())
        self.write(fault={"code": "valence.ironic.refused"})
        self.assertRefused(409, "valence.node.busy", self.forget())
        self.assertIsNotNone(node_objects.find(self.service.db, self.uuid))

    def test_a_node_that_ironic_has_is_not_forgotten(self) -> None:
        self.write(state="missing", managed_by="ironic", ironic_uuid=FOREIGN)
        error = self.assertRefused(409, "valence.node.registered", self.forget())
        self.assertIn(FOREIGN, error["detail"])

    def test_a_node_that_is_being_changed_is_not_forgotten(self) -> None:
        self.write(state="registering")
        self.assertRefused(409, "valence.node.busy", self.forget())

    def test_the_operator_has_to_state_that_it_is_gone(self) -> None:
        self.write(state="missing")
        for body in ({}, {"i_know_it_is_gone": False}, {"i_know_it_is_gone": "true"}):
            answer = self.api("POST", f"{self.url}/forget", body)
            self.assertRefused(400, "valence.request.invalid", answer)
        self.assertIsNotNone(self.node(self.uuid))


class TestRefresh(IdentityTestCase):
    """Rows of earlier releases have no facts: a refresh learns them."""

    def setUp(self) -> None:
        super().setUp()
        self.identity = self.row().identity
        self.write(identity=None)

    def refresh(self) -> Any:
        return self.api("POST", "/v1/pooled/sync", {}).json

    def test_a_refresh_learns_the_facts_of_a_node_that_has_none(self) -> None:
        self.refresh()
        self.assertEqual(self.identity, self.row().identity)

    def test_a_machine_with_another_name_is_a_conflict(self) -> None:
        machine = self.machine()
        machine.name, machine.description = "a database", "of another client"
        self.assertEqual([], self.refresh()["errors"])
        self.assertEqual(CONFLICT, (self.row().fault or {}).get("code"))
        self.assertIsNone(self.row().identity)
        metrics = self.api("GET", "/metrics").get_data(as_text=True)
        self.assertIn("valence_node_identity_conflicts 1.0", metrics)

    def test_a_node_that_is_gone_is_left_to_the_audit(self) -> None:
        self.pod.pod.delete(self.machine())
        self.assertEqual([], self.refresh()["errors"])
        self.assertEqual(("composed", None), (self.row().state, self.row().fault))

    def test_a_node_that_cannot_be_read_does_not_fail_the_refresh(self) -> None:
        self.refresh()
        self.write(identity=None)
        action = {"type": "error", "status": 500}
        self.fault(self.pod, "GET", self.row().path or "", times=None, action=action)
        self.refresh()
        self.assertIsNone(self.row().fault)
        self.assertIn("valence_node_identity_conflicts 0.0", self.metrics())

    def metrics(self) -> str:
        return str(self.api("GET", "/metrics").get_data(as_text=True))


class TestReleaseAgain(IdentityTestCase):
    """An audit does not repeat a release that a conflict of facts has stopped."""

    def setUp(self) -> None:
        super().setUp()
        self.take_over(self.machine())
        self.api("DELETE", self.url)
        node = self.settled(self.uuid) or {}
        self.assertEqual(("error", CONFLICT), (node["state"], node["fault"]["code"]))

    def test_an_audit_reports_the_conflict_and_changes_nothing(self) -> None:
        before = self.row().generation
        (finding,) = audit.Audit(self.service.context).run()
        self.assertFalse(finding.repaired)
        self.assertIn("adopt-path", finding.what)
        self.assertEqual(("error", before), (self.row().state, self.row().generation))

    def test_the_user_may_delete_it_again(self) -> None:
        machine = next(iter(self.pod.pod.nodes.values()))
        machine.name = ownership.node_name(self.uuid)
        machine.description = ownership.description(
            installation_objects.get(self.service.db), self.uuid
        )
        self.assertEqual(202, self.api("DELETE", self.url).status_code)
        self.assertIsNone(self.settled(self.uuid))

    def test_an_audit_releases_it_once_the_facts_agree_again(self) -> None:
        machine = next(iter(self.pod.pod.nodes.values()))
        machine.name = ownership.node_name(self.uuid)
        machine.description = ownership.description(
            installation_objects.get(self.service.db), self.uuid
        )
        audit.Audit(self.service.context).run()
        self.assertIsNone(self.settled(self.uuid))
        self.assertEqual({}, self.pod.pod.nodes)

    def test_a_clean_up_that_a_conflict_has_stopped_is_not_repeated_either(self) -> None:
        row = self.row()
        cleanup = {"result": "failed", "detail": "Which machine is it?", "code": CONFLICT}
        fault = {**(row.fault or {}), "code": "valence.podmanager.failed", "operation": "compose"}
        node_changes.record(self.service.db, row, fault={**fault, "cleanup": cleanup})
        (finding,) = audit.Audit(self.service.context).run()
        self.assertEqual((False, row.generation), (finding.repaired, self.row().generation))
        (listed,) = self.api("GET", "/v1/findings?kind=unreleased-node").json["findings"]
        self.assertIn("Which machine is it?", listed["detail"])

    def test_an_audit_releases_it_once_the_operator_has_stated_what_it_is(self) -> None:
        self.assertEqual(200, self.adopt(self.row().path or "").status_code)
        audit.Audit(self.service.context).run()
        self.assertIsNone(self.settled(self.uuid))
        self.assertEqual({}, self.pod.pod.nodes)
