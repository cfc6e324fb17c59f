# SPDX-License-Identifier: Apache-2.0

"""Audits: resources without a row are found, and released if this installation made them."""

import dataclasses
import functools
from typing import Any
from unittest import mock
import uuid as uuids

import fixtures

from tests.unit.service import base
from valence import errors
from valence import ledger
from valence import ownership
from valence.audit import strays
from valence.drivers import Drivers
from valence.objects import base as objects_base
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence_conductor.strays import Stray

NODE_UUID = "77777777-7777-4777-8777-777777777777"
OURS = "ours"
FOREIGN = "99999999-9999-4999-8999-999999999999"


class AuditTestCase(base.ServiceTestCase):
    """A service with one simulated pod manager, and a ledger that audits."""

    grace = 0.0

    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.start(nodes__stray_grace=self.grace)
        self.podm = self.know(self.pod)
        self.before = self.books_of(self.pod)
        self.installation = installation_objects.get(self.service.db)
        self.ledger = self.make_ledger()
        self.record_released(NODE_UUID)

    def make_ledger(self) -> ledger.NodeLedger:
        return ledger.NodeLedger(self.service.context)

    def audit(self) -> list[Stray]:
        """Audit; what is found for the first time counts at the next audit."""
        return list(self.ledger.audit()) or list(self.ledger.audit())

    def kinds(self) -> list[tuple[str, bool]]:
        return [(stray.kind, stray.repaired) for stray in self.audit()]

    def allocate(
        self, installation: str | None, uuid: str = NODE_UUID, name: str | None = None
    ) -> str:
        """Allocate a node without the service, as an installation or another client would."""
        driver = self.service.drivers.get(self.podm["uuid"])
        text = ownership.description(installation, uuid, "hers") if installation else "hers"
        return driver.allocate(name or ownership.node_name(uuid), text, base.FOUR_CORES)

    def register(self, uuid: str, *, installation: Any = OURS, **fields: Any) -> str:
        """Create a node in Ironic without the service."""
        ironic_uuid = str(uuids.uuid4())
        owner = self.installation if installation == OURS else installation
        extra = {ownership.NODE_KEY: uuid, ownership.INSTALLATION_KEY: owner}
        self.ironic.add(ironic_uuid, extra=extra, **fields)
        return ironic_uuid

    def deletions(self) -> list[str]:
        requests = self.pod.journal.show()["requests"]
        return [r["path"] for r in requests if r["method"] == "DELETE" and "/Nodes/" in r["path"]]


class _Hidden(dict[str, Any]):
    """Nodes that exist, and that the collection does not list."""

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


class TestComposedNodes(AuditTestCase):
    def test_a_node_of_this_installation_without_a_row_is_released(self) -> None:
        path = self.allocate(self.installation)
        (stray,) = self.audit()
        self.assertEqual(("composed-node", True), (stray.kind, stray.repaired))
        self.assertIn(path, stray.what)
        self.assertIn(NODE_UUID, stray.what)
        self.assertEqual(self.before, self.books_of(self.pod))
        self.assertEqual([], self.audit())

    def test_a_node_that_names_no_installation_is_reported_and_kept(self) -> None:
        self.allocate(None)
        for _audit in range(2):
            (stray,) = self.audit()
            self.assertEqual(("composed-node", False), (stray.kind, stray.repaired))
            self.assertIn("does not say which installation", stray.what)
        self.assertEqual([], self.deletions())

    def test_nodes_of_others_are_ignored_and_read_once(self) -> None:
        paths = [self.allocate(FOREIGN), self.allocate(None, name="a database")]
        self.assertEqual([], self.audit())
        self.pod.journal.clear()
        self.assertEqual([], self.audit())
        read = {request["path"] for request in self.pod.journal.show()["requests"]}
        self.assertEqual(set(), read & set(paths))
        self.assertEqual([], self.deletions())

    def test_nodes_of_others_are_read_again_later_since_a_path_may_be_reused(self) -> None:
        path = self.allocate(FOREIGN)
        self.pod.journal.clear()
        for _audit in range(strays.REREAD_INTERVAL + 1):
            self.assertEqual([], list(self.ledger.audit()))
        read = [r["path"] for r in self.pod.journal.show()["requests"]]
        self.assertEqual(2, read.count(path))

    def test_an_audit_of_nodes_in_order_reads_the_root_one_listing_and_some_nodes(self) -> None:
        nodes = [self.composed()["path"] for _ in range(3)]
        self.useFixture(fixtures.MonkeyPatch("valence.audit.rows.READS", 2))
        self.audit()
        read: set[str] = set()
        for _audit in range(2):
            self.pod.journal.clear()
            self.assertEqual([], list(self.ledger.audit()))
            paths = [request["path"] for request in self.pod.journal.show()["requests"]]
            paths = [path for path in paths if "/Sessions" not in path]
            self.assertEqual(["/redfish/v1/", "/redfish/v1/Nodes"], paths[:2])
            self.assertEqual(2, len(paths[2:]))
            read.update(paths[2:])
        self.assertEqual(set(nodes), read)

    def test_another_machine_at_the_path_of_a_row_is_noticed_without_using_the_node(self) -> None:
        node = self.composed()
        self.take_over(self.pod.pod.nodes[node["path"].rpartition("/")[2]])
        (stray,) = self.audit()
        self.assertIn("adopt-path", stray.what)
        fault = (self.node(node["uuid"]) or {})["fault"]
        self.assertEqual("valence.node.identity_conflict", fault["code"])
        (finding,) = self.api("GET", "/v1/findings").json["findings"]
        self.assertEqual("identity-conflict", finding["kind"])

    def test_what_was_seen_before_the_address_was_another_ones_does_not_count(self) -> None:
        self.allocate(self.installation)
        self.assertEqual([], list(self.ledger.audit()))
        error = errors.PodManagerMismatched("Another one answers.")
        verify = mock.patch.object(Drivers, "verify", autospec=True, side_effect=error)
        with verify:
            self.assertEqual([], list(self.ledger.audit()))
        self.assertEqual([], list(self.ledger.audit()))
        self.assertEqual([("composed-node", True)], self.kinds())

    def test_a_node_that_is_being_composed_is_no_stray(self) -> None:
        self.pod.pod.pace = dataclasses.replace(self.pod.pod.pace, assemble=30)
        uuid = self.compose()["uuid"]
        self.wait_for(lambda: self.node(uuid)["task"] == "assemble-node")
        self.assertEqual([], self.audit())
        self.assertEqual([], self.deletions())

    def test_a_second_node_of_a_row_is_released_and_the_first_one_stays(self) -> None:
        node = self.composed()
        books = self.books_of(self.pod)
        self.allocate(self.installation, uuid=node["uuid"])
        self.assertEqual([("composed-node", True)], self.kinds())
        self.assertEqual(books, self.books_of(self.pod))
        self.assertEqual([], self.audit())

    def test_nothing_is_released_while_that_is_disabled(self) -> None:
        self.allocate(self.installation)
        self.service.conf.set_override("give_back_strays", False, group="nodes")
        (stray,) = self.audit()
        self.assertFalse(stray.repaired)
        self.assertIn("give_back_strays", stray.what)
        self.assertEqual([], self.deletions())

    def test_a_refusal_is_reported_and_the_next_audit_tries_again(self) -> None:
        self.allocate(self.installation)
        error = {"type": "error", "status": 409, "message": "The pod is busy."}
        self.pod.faults.add({"match": {"method": "DELETE", "path": ".*"}, "action": error})
        (stray,) = self.audit()
        self.assertFalse(stray.repaired)
        self.assertIn("The pod is busy.", stray.what)
        self.assertEqual([("composed-node", True)], self.kinds())
        self.assertEqual(self.before, self.books_of(self.pod))

    def test_an_unreachable_pod_manager_does_not_stop_the_audit_of_the_others(self) -> None:
        other = self.simulate("pod-0")
        self.know(other)
        other.stop()
        self.allocate(self.installation)
        self.assertEqual([("composed-node", True)], self.kinds())

    def test_more_pod_managers_than_a_page_has_are_all_audited(self) -> None:
        self.know(self.simulate("pod-2"))
        second = self.service.drivers.get(self.api("GET", "/v1/podmanagers/pod-2").json["uuid"])
        text = ownership.description(self.installation, NODE_UUID)
        second.allocate(ownership.node_name(NODE_UUID), text, base.FOUR_CORES)
        short = functools.partial(objects_base.Query, limit=1)
        self.useFixture(fixtures.MonkeyPatch("valence.objects.base.Query", short))
        self.assertEqual([("composed-node", True)], self.kinds())

    def test_the_description_has_the_installation_and_then_the_text_of_the_user(self) -> None:
        node = self.composed(description="for the web")
        driver = self.service.drivers.get(self.podm["uuid"])
        member = driver.member(node["path"])
        self.assertEqual(
            f"[valence {self.installation}] [node {node['uuid']}] for the web", member.description
        )
        self.assertEqual("for the web", node["description"])

    def test_two_installations_on_one_pod_manager_do_not_touch_each_others_nodes(self) -> None:
        first, first_ledger = self.composed(), self.ledger
        self.start(state_path=str(self.folder / "second"), nodes__stray_grace=0.0)
        self.assertNotEqual(self.installation, installation_objects.get(self.service.db))
        self.know(self.pod)
        second = self.composed()
        books = self.books_of(self.pod)
        self.assertEqual([], list(first_ledger.audit()))
        self.assertEqual([], list(self.make_ledger().audit()))
        self.assertEqual(books, self.books_of(self.pod))
        self.assertNotEqual(first["path"], second["path"])


class TestIronicNodes(AuditTestCase):
    def test_an_unused_one_is_deleted_first_and_then_its_hardware(self) -> None:
        self.allocate(self.installation)
        self.register(NODE_UUID, provision_state="manageable")
        expected = [("ironic-node", True), ("composed-node", True)]
        self.assertEqual(expected, self.kinds())
        self.assertEqual(({}, self.before), (self.ironic.nodes, self.books_of(self.pod)))

    def test_a_deployed_one_is_kept_and_so_is_its_hardware(self) -> None:
        self.allocate(self.installation)
        uuid = self.register(NODE_UUID, provision_state="active")
        strays = self.audit()
        self.assertEqual([False, False], [stray.repaired for stray in strays])
        self.assertIn("undeploy it in Ironic", strays[0].what)
        self.assertIn(f"it is node {uuid} of Ironic", strays[1].what)
        self.assertIn(uuid, self.ironic.nodes)
        self.assertEqual([], self.deletions())

    def test_one_that_is_allocated_to_an_instance_is_kept(self) -> None:
        self.register(NODE_UUID, provision_state="available", instance_uuid=FOREIGN)
        self.register(NODE_UUID, reservation="lab")
        self.assertEqual([("ironic-node", False)] * 2, self.kinds())

    def test_one_that_names_no_installation_is_reported(self) -> None:
        self.register(NODE_UUID, installation=None)
        (stray,) = self.audit()
        self.assertEqual(("ironic-node", False), (stray.kind, stray.repaired))
        self.assertEqual(1, len(self.ironic.nodes))

    def test_one_of_another_installation_is_ignored(self) -> None:
        self.register(NODE_UUID, installation=FOREIGN)
        self.assertEqual([], self.audit())

    def test_the_one_that_a_row_has_registered_stays_and_a_second_one_is_deleted(self) -> None:
        node = self.composed()
        self.api("POST", f"/v1/nodes/{node['uuid']}/register", {})
        self.settled(node["uuid"])
        self.assertEqual([], self.audit())
        (registered,) = self.ironic.nodes.values()
        self.assertEqual(self.installation, registered["extra"][ownership.INSTALLATION_KEY])
        self.register(node["uuid"])
        self.assertEqual([("ironic-node", True)], self.kinds())
        self.assertEqual(1, len(self.ironic.nodes))

    def test_while_ironic_does_not_answer_no_hardware_is_released(self) -> None:
        self.allocate(self.installation)
        self.assertEqual([], list(self.ledger.audit()))
        self.ironic.answer("GET", "/v1/nodes/?", 503, "Busy.")
        (stray,) = self.audit()
        self.assertFalse(stray.repaired)
        self.assertIn("Ironic does not say", stray.what)
        self.assertEqual([("composed-node", True)], self.kinds())

    def test_an_ironic_without_any_registered_node_releases_no_hardware(self) -> None:
        """Another Ironic answers, or its database was restored: the one asked may not know."""
        node = self.composed()
        self.api("POST", f"/v1/nodes/{node['uuid']}/register", {})
        self.settled(node["uuid"])
        self.allocate(self.installation)
        nodes = dict(self.ironic.nodes)
        self.ironic.nodes.clear()
        (stray,) = self.audit()
        self.assertEqual(("composed-node", False), (stray.kind, stray.repaired))
        self.ironic.nodes.update(nodes)
        self.assertEqual([("composed-node", True)], self.kinds())

    def test_without_an_ironic_hardware_is_released(self) -> None:
        self.allocate(self.installation)
        for option in ("endpoint_override", "auth_type"):
            self.service.conf.set_override(option, None, "ironic")
        self.assertEqual([("composed-node", True)], self.kinds())


class TestRows(AuditTestCase):
    def lose(self, node: dict[str, Any]) -> None:
        pod = self.pod.pod
        pod.delete(pod.nodes[node["path"].rpartition("/")[2]])

    def test_a_row_whose_node_vanished_is_reported_and_is_missing(self) -> None:
        self.composed()
        node = self.composed()
        self.lose(node)
        (stray,) = self.audit()
        self.assertEqual(("row", False), (stray.kind, stray.repaired))
        self.assertIn(node["uuid"], stray.what)
        self.assertEqual("missing", self.node(node["uuid"])["state"])
        self.assertEqual([stray], self.audit())

    def test_a_node_that_is_listed_again_is_composed_again(self) -> None:
        self.composed()
        node = self.composed()
        node_on_pod = self.pod.pod.nodes[node["path"].rpartition("/")[2]]
        del self.pod.pod.nodes[node_on_pod.id]
        self.audit()
        self.pod.pod.nodes[node_on_pod.id] = node_on_pod
        self.audit()
        self.assertEqual("composed", self.node(node["uuid"])["state"])

    def test_another_node_at_the_path_of_a_missing_node_is_not_that_node(self) -> None:
        self.composed()
        node = self.composed()
        node_on_pod = self.pod.pod.nodes[node["path"].rpartition("/")[2]]
        del self.pod.pod.nodes[node_on_pod.id]
        self.audit()
        self.take_over(node_on_pod)
        self.pod.pod.nodes[node_on_pod.id] = node_on_pod
        self.audit()
        self.assertEqual("missing", self.node(node["uuid"])["state"])

    def test_a_missing_node_is_recorded_even_where_strays_are_not_released(self) -> None:
        self.service.conf.set_override("give_back_strays", False, "nodes")
        self.composed()
        node = self.composed()
        self.lose(node)
        self.audit()
        self.assertEqual("missing", self.node(node["uuid"])["state"])

    def test_an_empty_collection_counts_only_if_the_node_is_gone_too(self) -> None:
        node = self.composed()
        everything, self.pod.pod.nodes = self.pod.pod.nodes, _Hidden(self.pod.pod.nodes)
        self.assertEqual([], self.audit())
        self.pod.pod.nodes = everything
        self.lose(node)
        self.assertEqual([("row", False)], self.kinds())

    def test_an_unusable_response_changes_no_row(self) -> None:
        self.composed()
        for action in ({"type": "garbage"}, {"type": "error", "status": 503}):
            match = {"method": "GET", "path": ".*/Nodes"}
            self.pod.faults.add({"match": match, "action": action})
            self.assertEqual([], self.audit())


class TestGrace(AuditTestCase):
    grace = 0.5

    def test_a_stray_is_released_only_after_the_grace_period(self) -> None:
        self.allocate(self.installation)
        self.assertEqual([], self.audit())
        self.assertNotEqual(self.before, self.books_of(self.pod))
        strays_found: list[Stray] = []
        self.wait_for(lambda: strays_found.extend(self.audit()) or strays_found)
        self.assertEqual([True], [stray.repaired for stray in strays_found])
        self.assertEqual(self.before, self.books_of(self.pod))


class TestCounts(AuditTestCase):
    def test_rows_are_counted_by_state(self) -> None:
        self.composed()
        counts = self.ledger.count_by_state()
        self.assertEqual(1, counts["composed"])
        self.assertEqual(set(node_objects.STATES.table), set(counts))
        self.assertEqual(1, sum(counts.values()))
