# SPDX-License-Identifier: Apache-2.0

"""What no node owns: found, told whose it is, and given back when it is surely ours."""

import dataclasses
from typing import Any
import uuid as uuids

from tests.unit.service import base
from valence import ledger
from valence import ownership
from valence.audit import strays as podmanager_audit
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence.objects import podmanager as podmanager_objects
from valence.podmanagers import Member
from valence_conductor.ledger import Stray

SOMEBODY = "77777777-7777-4777-8777-777777777777"
OURS = "ours"
FOREIGN = "99999999-9999-4999-8999-999999999999"


class AuditTestCase(base.ServiceTestCase):
    """A service on one simulated pod manager, and somebody who audits."""

    grace = 0.0

    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.start(nodes__stray_grace=self.grace)
        self.podm = self.know(self.pod)
        self.before = self.books_of(self.pod)
        self.ours = installation_objects.get(self.service.db)
        self.ledger = self.ledger_of()

    def ledger_of(self) -> ledger.NodeLedger:
        service = self.service
        return ledger.NodeLedger(service.conf, service.db, service.drivers, service.ironic)

    def audit(self) -> list[Stray]:
        return list(self.ledger.audit())

    def kinds(self) -> list[tuple[str, bool]]:
        return [(stray.kind, stray.repaired) for stray in self.audit()]

    def allocate(self, whose: str | None, uuid: str = SOMEBODY, name: str | None = None) -> str:
        """Compose behind the service's back, as this installation or another one would."""
        driver = self.service.drivers.get(self.podm["uuid"])
        words = ownership.description(whose, "hers") if whose else "hers"
        return driver.allocate(name or ownership.node_name(uuid), words, base.FOUR_CORES)

    def register(self, uuid: str, *, installation: Any = OURS, **fields: Any) -> str:
        """Have a node in Ironic behind the service's back."""
        ironic_uuid = str(uuids.uuid4())
        owner = self.ours if installation == OURS else installation
        extra = {ownership.NODE_KEY: uuid, ownership.INSTALLATION_KEY: owner}
        self.ironic.add(ironic_uuid, extra=extra, **fields)
        return ironic_uuid

    def deletions(self) -> list[str]:
        seen = self.pod.journal.show()["requests"]
        return [r["path"] for r in seen if r["method"] == "DELETE" and "/Nodes/" in r["path"]]


class TestComposedNodes(AuditTestCase):
    def test_what_is_ours_and_has_no_row_is_given_back(self) -> None:
        path = self.allocate(self.ours)
        (stray,) = self.audit()
        self.assertEqual(("composed-node", True), (stray.kind, stray.repaired))
        self.assertIn(path, stray.what)
        self.assertIn(SOMEBODY, stray.what)
        self.assertEqual(self.before, self.books_of(self.pod))
        self.assertEqual([], self.audit())

    def test_what_only_has_our_kind_of_name_is_reported_and_left_alone(self) -> None:
        self.allocate(None)
        for _audit in range(2):
            (stray,) = self.audit()
            self.assertEqual(("composed-node", False), (stray.kind, stray.repaired))
            self.assertIn("does not say which installation", stray.what)
        self.assertEqual([], self.deletions())

    def test_what_others_made_is_none_of_our_business_and_read_once(self) -> None:
        paths = [self.allocate(FOREIGN), self.allocate(None, name="a database")]
        self.assertEqual([], self.audit())
        self.pod.journal.clear()
        self.assertEqual([], self.audit())
        read = {request["path"] for request in self.pod.journal.show()["requests"]}
        self.assertEqual(set(), read & set(paths))
        self.assertEqual([], self.deletions())

    def test_others_are_read_anew_now_and_then_since_a_path_may_be_given_again(self) -> None:
        path = self.allocate(FOREIGN)
        self.pod.journal.clear()
        for _audit in range(podmanager_audit.REMEMBERED + 1):
            self.assertEqual([], self.audit())
        read = [r["path"] for r in self.pod.journal.show()["requests"]]
        self.assertEqual(2, read.count(path))

    def test_an_audit_of_nodes_in_order_is_one_listing(self) -> None:
        for _node in range(3):
            self.composed()
        self.audit()
        self.pod.journal.clear()
        self.assertEqual([], self.audit())
        self.assertEqual(1, self.pod.journal.show()["total"])

    def test_a_node_that_is_being_composed_is_no_stray(self) -> None:
        self.pod.pod.pace = dataclasses.replace(self.pod.pod.pace, assemble=30)
        uuid = self.compose()["uuid"]
        self.until(lambda: self.node(uuid)["task"] == "assemble-node")
        self.assertEqual([], self.audit())
        self.assertEqual([], self.deletions())

    def test_a_second_node_of_a_row_is_given_back_and_the_first_one_stays(self) -> None:
        node = self.composed()
        books = self.books_of(self.pod)
        self.allocate(self.ours, uuid=node["uuid"])
        self.assertEqual([("composed-node", True)], self.kinds())
        self.assertEqual(books, self.books_of(self.pod))
        self.assertEqual([], self.audit())

    def test_nothing_is_given_back_while_that_is_switched_off(self) -> None:
        self.allocate(self.ours)
        self.service.conf.set_override("give_back_strays", False, group="nodes")
        (stray,) = self.audit()
        self.assertFalse(stray.repaired)
        self.assertIn("give_back_strays", stray.what)
        self.assertEqual([], self.deletions())

    def test_a_refusal_is_told_and_the_next_audit_tries_again(self) -> None:
        self.allocate(self.ours)
        error = {"type": "error", "status": 409, "message": "The pod is busy."}
        self.pod.faults.add({"match": {"method": "DELETE", "path": ".*"}, "action": error})
        (stray,) = self.audit()
        self.assertFalse(stray.repaired)
        self.assertIn("The pod is busy.", stray.what)
        self.assertEqual([("composed-node", True)], self.kinds())
        self.assertEqual(self.before, self.books_of(self.pod))

    def test_a_pod_manager_that_is_down_does_not_keep_the_others_from_it(self) -> None:
        other = self.simulate("pod-0")
        self.know(other)
        other.stop()
        self.allocate(self.ours)
        self.assertEqual([("composed-node", True)], self.kinds())

    def test_the_words_of_the_user_stand_behind_our_mark(self) -> None:
        node = self.composed(description="for the web")
        driver = self.service.drivers.get(self.podm["uuid"])
        seen = driver.member(node["path"])
        self.assertEqual(f"[valence {self.ours}] for the web", seen.description)
        self.assertEqual("for the web", node["description"])

    def test_two_installations_on_one_pod_manager_leave_each_other_alone(self) -> None:
        first, auditor = self.composed(), self.ledger
        self.start(state_path=str(self.folder / "second"), nodes__stray_grace=0.0)
        self.assertNotEqual(self.ours, installation_objects.get(self.service.db))
        self.know(self.pod)
        second = self.composed()
        books = self.books_of(self.pod)
        self.assertEqual([], list(auditor.audit()))
        self.assertEqual([], list(self.ledger_of().audit()))
        self.assertEqual(books, self.books_of(self.pod))
        self.assertNotEqual(first["path"], second["path"])


class TestIronicNodes(AuditTestCase):
    def test_an_unused_one_of_ours_goes_first_and_its_hardware_after_it(self) -> None:
        self.allocate(self.ours)
        self.register(SOMEBODY, provision_state="manageable")
        found = self.kinds()
        self.assertEqual([("ironic-node", True), ("composed-node", True)], found)
        self.assertEqual(({}, self.before), (self.ironic.nodes, self.books_of(self.pod)))

    def test_a_deployed_one_is_left_alone_and_so_is_its_hardware(self) -> None:
        self.allocate(self.ours)
        uuid = self.register(SOMEBODY, provision_state="active")
        strays = self.audit()
        self.assertEqual([False, False], [stray.repaired for stray in strays])
        self.assertIn("undeploy it in Ironic", strays[0].what)
        self.assertIn(f"it is node {uuid} of Ironic", strays[1].what)
        self.assertIn(uuid, self.ironic.nodes)
        self.assertEqual([], self.deletions())

    def test_one_that_was_given_to_somebody_is_left_alone(self) -> None:
        self.register(SOMEBODY, provision_state="available", instance_uuid=FOREIGN)
        self.register(SOMEBODY, reservation="lab")
        self.assertEqual([("ironic-node", False)] * 2, self.kinds())

    def test_one_that_does_not_say_whose_it_is_is_reported(self) -> None:
        self.register(SOMEBODY, installation=None)
        (stray,) = self.audit()
        self.assertEqual(("ironic-node", False), (stray.kind, stray.repaired))
        self.assertEqual(1, len(self.ironic.nodes))

    def test_one_of_another_installation_is_none_of_our_business(self) -> None:
        self.register(SOMEBODY, installation=FOREIGN)
        self.assertEqual([], self.audit())

    def test_what_a_row_has_registered_is_in_order_and_its_twin_is_not(self) -> None:
        node = self.composed()
        self.api("POST", f"/v1/nodes/{node['uuid']}/register", {})
        self.settled(node["uuid"])
        self.assertEqual([], self.audit())
        (registered,) = self.ironic.nodes.values()
        self.assertEqual(self.ours, registered["extra"][ownership.INSTALLATION_KEY])
        self.register(node["uuid"])
        self.assertEqual([("ironic-node", True)], self.kinds())
        self.assertEqual(1, len(self.ironic.nodes))

    def test_while_ironic_is_silent_no_hardware_is_given_back(self) -> None:
        self.allocate(self.ours)
        self.ironic.answer("GET", "/v1/nodes/?", 503, "Busy.")
        (stray,) = self.audit()
        self.assertFalse(stray.repaired)
        self.assertIn("Ironic does not say", stray.what)
        self.assertEqual([("composed-node", True)], self.kinds())

    def test_without_an_ironic_nothing_can_be_in_it(self) -> None:
        self.allocate(self.ours)
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
        self.assertEqual([], self.audit())

    def test_a_node_that_is_there_again_is_composed_again(self) -> None:
        self.composed()
        node = self.composed()
        kept = self.pod.pod.nodes[node["path"].rpartition("/")[2]]
        del self.pod.pod.nodes[kept.id]
        self.audit()
        self.pod.pod.nodes[kept.id] = kept
        self.audit()
        self.assertEqual("composed", self.node(node["uuid"])["state"])

    def test_a_path_that_became_anothers_is_not_the_node_coming_back(self) -> None:
        self.composed()
        node = self.composed()
        kept = self.pod.pod.nodes[node["path"].rpartition("/")[2]]
        del self.pod.pod.nodes[kept.id]
        self.audit()
        kept.name = "a database"
        self.pod.pod.nodes[kept.id] = kept
        self.audit()
        self.assertEqual("missing", self.node(node["uuid"])["state"])

    def test_it_is_noticed_even_where_strays_are_not_given_back(self) -> None:
        self.service.conf.set_override("give_back_strays", False, "nodes")
        self.composed()
        node = self.composed()
        self.lose(node)
        self.audit()
        self.assertEqual("missing", self.node(node["uuid"])["state"])

    def test_an_empty_collection_is_believed_only_if_the_node_is_gone_too(self) -> None:
        node = self.composed()
        everything, self.pod.pod.nodes = self.pod.pod.nodes, _Hidden(self.pod.pod.nodes)
        self.assertEqual([], self.audit())
        self.pod.pod.nodes = everything
        self.lose(node)
        self.assertEqual([("row", False)], self.kinds())

    def test_an_answer_that_is_none_says_nothing_of_any_row(self) -> None:
        self.composed()
        for action in ({"type": "garbage"}, {"type": "error", "status": 503}):
            match = {"method": "GET", "path": ".*/Nodes"}
            self.pod.faults.add({"match": match, "action": action})
            self.assertEqual([], self.audit())


class TestGrace(AuditTestCase):
    grace = 0.5

    def test_nothing_counts_at_first_sight(self) -> None:
        self.allocate(self.ours)
        self.assertEqual([], self.audit())
        self.assertNotEqual(self.before, self.books_of(self.pod))
        found: list[Stray] = []
        self.until(lambda: found.extend(self.audit()) or found)
        self.assertEqual([True], [stray.repaired for stray in found])
        self.assertEqual(self.before, self.books_of(self.pod))


class _Hidden(dict[str, Any]):
    """Nodes that are there and that no collection lists."""

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


class _Driver:
    """A pod manager at which something happens between two questions."""

    def __init__(self, *members: Member) -> None:
        self.listed = list(members)
        self.happens: Any = lambda: None
        self.deleted: list[str] = []

    def members(self) -> list[Member]:
        listed = list(self.listed)
        self.happens()
        return listed

    def member(self, path: str) -> Member:
        return next(one for one in self.listed if one.path == path)

    def delete(self, path: str) -> None:
        self.deleted.append(path)


class TestRaces(AuditTestCase):
    def look(self, driver: _Driver) -> list[Any]:
        podm = podmanager_objects.get(self.service.db, self.podm["uuid"])
        made: Any = driver
        return podmanager_audit.look(self.service.db, made, podm, podmanager_audit.Foreign(), {})

    def stray(self, path: str = "/Nodes/7") -> Member:
        return Member(path, ownership.node_name(SOMEBODY), ownership.description(self.ours, None))

    def test_the_rows_are_read_again_after_the_listing(self) -> None:
        driver = _Driver(self.stray())
        driver.happens = lambda: node_objects.create(
            self.service.db,
            {"uuid": SOMEBODY, "fingerprint": "", "properties": {}, "interfaces": []},
        )
        self.assertEqual([], self.look(driver))

    def test_a_path_that_was_given_to_another_node_meanwhile_is_left_alone(self) -> None:
        driver = _Driver(self.stray())
        (found,) = self.look(driver)
        driver.listed = [Member("/Nodes/7", "somebody's", None)]
        found.give_back()
        self.assertEqual([], driver.deleted)
        driver.listed = [self.stray()]
        found.give_back()
        self.assertEqual(["/Nodes/7"], driver.deleted)

    def test_a_row_that_moves_on_during_the_listing_has_not_lost_its_node(self) -> None:
        node = self.composed()
        row = node_objects.get(self.service.db, node["uuid"])
        driver = _Driver(self.stray())
        self.assertEqual(["composed-node", "row"], [one.kind for one in self.look(driver)])
        driver.happens = lambda: node_objects.begin(
            self.service.db, row, "release", request_id=None
        )
        self.assertEqual(["composed-node"], [one.kind for one in self.look(driver)])


class TestCensus(AuditTestCase):
    def test_rows_are_counted_by_state(self) -> None:
        self.composed()
        census = self.ledger.count_by_state()
        self.assertEqual(1, census["composed"])
        self.assertEqual(set(node_objects.STATES.table), set(census))
        self.assertEqual(1, sum(census.values()))
