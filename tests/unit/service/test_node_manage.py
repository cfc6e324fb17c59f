# SPDX-License-Identifier: Apache-2.0

"""Nodes that exist on a pod manager already are adopted unchanged."""

from typing import Any
import uuid as uuids

from podm_simulator.pod.pod import Pace
from tests.unit.service import base
from valence import ledger
from valence import ownership
from valence.objects import installation as installation_objects

FOREIGN = "99999999-9999-4999-8999-999999999999"


class TestManage(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.start(nodes__stray_grace=0.0)
        self.podm = self.know(self.pod)
        self.before = self.books_of(self.pod)

    def make(self, name: str = "a database", description: str = "hers") -> str:
        """Compose a node without the service."""
        driver = self.service.drivers.get(self.podm["uuid"])
        path = driver.allocate(name, description, base.FOUR_CORES)
        self.wait_for(lambda: driver.state(path).state == "allocated")
        driver.assemble(path)
        self.wait_for(lambda: driver.state(path).state == "assembled")
        return path

    def manage(self, path: str, **fields: Any) -> Any:
        body = {"podm_id": self.podm["uuid"], "path": path, **fields}
        return self.api("POST", "/v1/nodes/manage", body)

    def test_a_node_is_adopted_unchanged(self) -> None:
        path = self.make()
        self.pod.journal.clear()
        answer = self.manage(path, name="db", description="was there before")
        self.assertEqual(201, answer.status_code)
        node = answer.json
        self.assertEqual(("composed", True, path), (node["state"], node["adopted"], node["path"]))
        self.assertEqual(("db", "was there before"), (node["name"], node["description"]))
        self.assertTrue(node["system_path"])
        self.assertEqual({"memory", "processor"}, set(node["properties"]))
        self.assertEqual({"GET"}, {r["method"] for r in self.pod.journal.show()["requests"]})
        self.assertEqual(node["uuid"], (self.node("db") or {})["uuid"])

    def test_an_adopted_node_is_a_node_as_any_other(self) -> None:
        node = self.manage(self.make()).json
        url = f"/v1/nodes/{node['uuid']}"
        answer = self.api("POST", f"{url}/action", {"Reset": {"Type": "On"}})
        self.assertEqual("On", answer.json["power_state"])
        self.assertEqual("composed", self.api("GET", f"{url}?refresh=true").json["state"])
        self.api("POST", f"{url}/register")
        self.assertEqual("ironic", (self.settled(node["uuid"]) or {})["managed_by"])
        self.api("POST", f"{url}/unregister")
        self.settled(node["uuid"])
        self.assertEqual(202, self.api("DELETE", url).status_code)
        self.assertIsNone(self.settled(node["uuid"]))
        self.assertEqual(self.before, self.books_of(self.pod))

    def test_a_node_that_valence_manages_already_is_refused(self) -> None:
        path = self.make()
        uuid = self.manage(path).json["uuid"]
        for again in (path, path + "/"):
            error = self.assertRefused(409, "valence.node.duplicate", self.manage(again))
            self.assertIn(uuid, error["detail"])
        node = self.composed()
        self.assertRefused(409, "valence.node.duplicate", self.manage(node["path"]))

    def test_a_name_that_another_node_has_is_refused(self) -> None:
        self.composed(name="db")
        self.assertRefused(409, "valence.node.duplicate", self.manage(self.make(), name="db"))

    def test_a_node_of_another_installation_is_refused(self) -> None:
        uuid = str(uuids.uuid4())
        text = ownership.description(FOREIGN, uuid, "theirs")
        path = self.make(ownership.node_name(uuid), text)
        error = self.assertRefused(409, "valence.node.duplicate", self.manage(path))
        self.assertIn(FOREIGN, error["detail"])

    def test_a_node_of_this_installation_without_a_row_keeps_its_uuid(self) -> None:
        uuid = str(uuids.uuid4())
        text = ownership.description(installation_objects.get(self.service.db), uuid)
        node = self.manage(self.make(ownership.node_name(uuid), text)).json
        self.assertEqual(uuid, node["uuid"])

    def test_a_path_without_a_node_is_refused_with_the_existing_ones(self) -> None:
        path = self.make()
        for wrong in ("/redfish/v1/Nodes/999", "/redfish/v1/Systems", "x"):
            error = self.assertRefused(409, "valence.podmanager.node_gone", self.manage(wrong))
            self.assertIn(path, error["detail"])
        answer = self.api("POST", "/v1/nodes/manage", {"podm_id": "none", "path": path})
        self.assertRefused(404, "valence.podmanager.not_found", answer)
        self.assertRefused(
            400,
            "valence.request.invalid",
            self.api("POST", "/v1/nodes/manage", {"path": path}),
        )

    def test_a_node_that_is_being_assembled_is_refused(self) -> None:
        driver = self.service.drivers.get(self.podm["uuid"])
        self.pod.pod.pace = Pace(allocate=60)
        path = driver.allocate("slow", "hers", base.FOUR_CORES)
        self.assertRefused(409, "valence.node.busy", self.manage(path))

    def allocated(self) -> str:
        driver = self.service.drivers.get(self.podm["uuid"])
        path = driver.allocate("slow", "hers", base.FOUR_CORES)
        self.wait_for(lambda: driver.state(path).state == "allocated")
        self.pod.journal.clear()
        return path

    def posts(self) -> list[str]:
        requests = self.pod.journal.show()["requests"]
        return [r["path"].rpartition(".")[2] for r in requests if r["method"] != "GET"]

    def test_an_allocated_node_is_adopted_as_it_is(self) -> None:
        path = self.allocated()
        answer = self.manage(path)
        self.assertEqual(201, answer.status_code)
        self.assertEqual([], self.posts())
        self.api("DELETE", f"/v1/nodes/{answer.json['uuid']}")
        self.assertIsNone(self.settled(answer.json["uuid"]))
        self.assertEqual(self.before, self.books_of(self.pod))

    def test_an_allocated_node_is_assembled_first_on_request(self) -> None:
        path = self.allocated()
        answer = self.manage(path, assemble=True)
        self.assertEqual(201, answer.status_code)
        self.assertEqual(["Assemble"], self.posts())
        url = f"/v1/nodes/{answer.json['uuid']}/action"
        self.assertEqual(200, self.api("POST", url, {"Reset": {"Type": "On"}}).status_code)

    def test_an_assembled_node_is_not_assembled_again(self) -> None:
        path = self.make()
        self.pod.journal.clear()
        self.assertEqual(201, self.manage(path, assemble=True).status_code)
        self.assertEqual([], self.posts())

    def test_an_assembly_that_takes_long_or_fails_adopts_nothing(self) -> None:
        self.service.conf.set_override("task_timeout", 0.2, group="podmanagers")
        for kind in ("stuck", "fail"):
            path = self.allocated()
            self.pod.faults.add({"node": {"assemble": kind}, "times": 1})
            self.assertRefused(409, "valence.node.busy", self.manage(path, assemble=True))
        self.assertEqual([], self.api("GET", "/v1/nodes").json["nodes"])

    def test_a_node_of_a_row_is_never_assembled_by_adopting_it(self) -> None:
        self.pod.pod.pace = Pace(allocate=0.5, assemble=1)
        row = self.compose()
        self.wait_for(lambda: (self.node(row["uuid"]) or {})["path"])
        path = (self.node(row["uuid"]) or {})["path"]
        for again in (path, path + "/", path.replace("N", "%4E")):
            answer = self.manage(again, assemble=True)
            self.assertIn(answer.status_code, (409,))
        self.assertEqual("composed", (self.settled(row["uuid"]) or {})["state"])
        self.assertEqual(1, self.posts().count("Assemble"))

    def test_a_node_of_a_row_at_another_path_is_refused(self) -> None:
        path = self.make()
        uuid = self.manage(path).json["uuid"]
        (node,) = self.pod.pod.nodes.values()
        node.id = "77"
        self.pod.pod.nodes = {"77": node}
        error = self.assertRefused(
            409, "valence.node.duplicate", self.manage("/redfish/v1/Nodes/77")
        )
        self.assertIn(uuid, error["detail"])

    def test_an_unreachable_pod_manager_changes_nothing(self) -> None:
        path = self.make()
        self.pod.stop()
        self.assertRefused(503, "valence.podmanager.unreachable", self.manage(path))
        self.assertEqual([], self.api("GET", "/v1/nodes").json["nodes"])

    def test_an_audit_keeps_it_and_records_when_it_is_gone(self) -> None:
        node = self.manage(self.make()).json
        service = self.service
        node_ledger = ledger.NodeLedger(service.context)
        self.assertEqual([], list(node_ledger.audit()))
        for composed in list(self.pod.pod.nodes.values()):
            self.pod.pod.delete(composed)
        self.assertEqual([], list(node_ledger.audit()))
        self.assertEqual(["row"], [stray.kind for stray in node_ledger.audit()])
        self.assertEqual("missing", (self.node(node["uuid"]) or {})["state"])
