# SPDX-License-Identifier: Apache-2.0

"""Systems, racks and usage across pod managers, in every state of these."""

import datetime
import time
from typing import Any

import sqlalchemy as sa

from podm_simulator.server import Simulator
from tests.unit.service import base
from valence.objects import device as device_objects
from valence.objects import inventory as inventory_objects
from valence.objects import system as system_objects
from valence_conductor import waiting

SYSTEM = "/redfish/v1/Systems/1"


class InventoryTestCase(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.small = self.simulate("small", systems=3, cores=8, memory_mib=32768)
        self.large = self.simulate("large", systems=2, cores=32, memory_mib=131072)
        self.start()
        self.podms = {pod.pod.name: self.know(pod) for pod in (self.small, self.large)}

    def get(self, path: str) -> Any:
        answer = self.api("GET", path)
        self.assertEqual(200, answer.status_code, answer.get_data(as_text=True))
        return answer.json

    def systems(self, query: str = "") -> list[dict[str, Any]]:
        systems: list[dict[str, Any]] = self.get(f"/v1/systems?{query}")["systems"]
        return systems

    def refresh(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.get("/v1/systems?refresh=true")
        return answer

    def requests(self, pod: Simulator) -> int:
        total: int = pod.journal.show()["total"]
        return total

    def break_off(self, pod: Simulator, path: str, **action: Any) -> None:
        pod.faults.add({"match": {"method": "GET", "path": path}, "action": action, "times": 500})


class TestSystems(InventoryTestCase):
    def test_before_the_first_refresh_the_errors_report_unknown_inventories(self) -> None:
        answer = self.get("/v1/systems")
        self.assertEqual([], answer["systems"])
        self.assertEqual({"valence.inventory.unknown"}, {one["code"] for one in answer["errors"]})
        self.assertEqual({"small", "large"}, {one["podm_name"] for one in answer["errors"]})

    def test_all_pod_managers_are_read_on_request_and_none_afterwards(self) -> None:
        answer = self.refresh()
        self.assertEqual([], answer["errors"])
        self.assertEqual(5, len(answer["systems"]))
        for pod in (self.small, self.large):
            pod.journal.clear()
        self.assertEqual(5, len(self.systems()))
        self.assertEqual(0, self.requests(self.small) + self.requests(self.large))

    def test_a_system_shows_its_properties_and_its_place(self) -> None:
        self.refresh()
        podm = self.podms["large"]["uuid"]
        system = self.systems(f"podm_id={podm}")[0]
        self.assertEqual((32, 131072, 2), tuple(system[f] for f in FIGURES))
        self.assertEqual(("free", None, podm), (system["state"], system["node_id"], podm))
        self.assertEqual([480], [drive["capacity_gib"] for drive in system["drives"]])
        self.assertEqual(2, len(system["nics"]))
        self.assertEqual(system, self.get(f"/v1/systems/{system['uuid']}") | _age(system))
        rack = self.get(f"/v1/racks/{system['rack_id']}")
        self.assertEqual("large Rack1", rack["name"])

    def test_filters_choose_by_pod_manager_state_rack_and_size(self) -> None:
        self.refresh()
        small, large = (self.podms[name]["uuid"] for name in ("small", "large"))
        self.assertEqual(3, len(self.systems(f"podm_id={small}")))
        self.assertEqual(3, len(self.systems(f"podm_id={small.upper()}&state=free")))
        self.assertEqual([], self.systems("state=used"))
        self.assertEqual(2, len(self.systems("min_cores=9")))
        self.assertEqual(2, len(self.systems("min_memory_mib=32769")))
        self.assertEqual(5, len(self.systems("min_cores=8&min_memory_mib=32768")))
        rack = self.get(f"/v1/racks?podm_id={large}")["racks"][0]
        self.assertEqual(2, len(self.systems(f"rack_id={rack['uuid']}")))
        answer = self.api("GET", "/v1/systems?min_cores=many")
        self.assertRefused(400, "valence.request.invalid", answer)

    def test_pages_sorting_and_fields_are_those_of_every_collection(self) -> None:
        self.refresh()
        first = self.get("/v1/systems?limit=3&sort=name:desc&fields=uuid,name&refresh=true")
        self.assertEqual({"uuid", "name"}, set(first["systems"][0]))
        self.assertNotIn("refresh", first["next"])
        second = self.get(first["next"].replace("http://localhost", ""))
        everything = [*first["systems"], *second["systems"]]
        self.assertEqual(5, len({one["uuid"] for one in everything}))
        names = [one["name"] for one in everything]
        self.assertEqual(sorted(names, reverse=True), names)

    def test_a_name_of_several_systems_identifies_none(self) -> None:
        self.refresh()
        answer = self.api("GET", "/v1/systems/System%201")
        self.assertRefused(404, "valence.system.not_found", answer)
        self.assertEqual("System 3", self.get("/v1/systems/System%203")["name"])
        answer = self.api("GET", "/v1/systems?marker=System%201")
        self.assertRefused(400, "valence.request.invalid", answer)

    def test_changes_by_the_service_need_no_refresh(self) -> None:
        self.refresh()
        node = self.composed(podm_id=self.podms["small"]["uuid"])
        used = self.systems("state=used")
        self.assertEqual([node["uuid"]], [system["node_id"] for system in used])
        self.assertEqual(node["system_path"], used[0]["path"])
        self.api("DELETE", f"/v1/nodes/{node['uuid']}")
        self.settled(node["uuid"])
        self.assertEqual([], self.systems("state=used"))

    def test_nodes_are_filtered_by_the_properties_of_their_systems(self) -> None:
        self.refresh()
        node = self.composed(podm_id=self.podms["large"]["uuid"])
        other = self.composed(podm_id=self.podms["small"]["uuid"])
        rack = self.systems(f"node_id={node['uuid']}")[0]["rack_id"]
        for query in ("min_cores=9", "min_memory_mib=40000", f"rack_id={rack}"):
            nodes = self.get(f"/v1/nodes?{query}")["nodes"]
            self.assertEqual([node["uuid"]], [one["uuid"] for one in nodes], query)
        nodes = self.get("/v1/nodes?min_cores=2")["nodes"]
        self.assertEqual({node["uuid"], other["uuid"]}, {one["uuid"] for one in nodes})

    def test_systems_of_foreign_nodes_are_used_without_a_node_id(self) -> None:
        driver = self.service.drivers.get(self.podms["small"]["uuid"])
        path = driver.allocate("foreign", "", base.FOUR_CORES)
        self.refresh()
        used = self.systems("state=used")
        self.assertEqual([(path, None)], [(one["node_path"], one["node_id"]) for one in used])


FIGURES = ("cores", "memory_mib", "processor_count")


def _age(system: dict[str, Any]) -> dict[str, Any]:
    """Return the field that differs between two responses to the same request."""
    return {"age": system["age"]}


class TestStale(InventoryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.refresh()

    def error(self, answer: dict[str, Any]) -> dict[str, Any]:
        self.assertEqual(1, len(answer["errors"]), answer["errors"])
        error: dict[str, Any] = answer["errors"][0]
        return error

    def stale(self, answer: dict[str, Any]) -> set[bool]:
        small = self.podms["small"]["uuid"]
        return {one["stale"] for one in answer["systems"] if one["podm_id"] == small}

    def test_one_that_is_down_keeps_its_systems_and_costs_one_entry(self) -> None:
        self.small.stop()
        answer = self.refresh()
        self.assertEqual(5, len(answer["systems"]))
        self.assertEqual({True}, self.stale(answer))
        error = self.error(answer)
        self.assertEqual(
            ("small", "valence.podmanager.unreachable"), (error["podm_name"], error["code"])
        )
        self.assertIsNotNone(error["refreshed_at"])
        self.assertEqual(1, len(self.get("/v1/racks")["errors"]))
        self.assertEqual("offline", self.get("/v1/podmanagers/small")["status"])
        large = self.podms["large"]["uuid"]
        self.assertEqual([], self.get(f"/v1/systems?podm_id={large}")["errors"])

    def test_a_request_waits_no_longer_than_configured(self) -> None:
        self.service.conf.set_override("request_timeout", 0.3, group="inventory")
        self.service.conf.set_override("read_timeout", 20.0, group="podmanagers")
        self.break_off(self.small, "Systems", type="delay", seconds=5)
        started = time.monotonic()
        answer = self.refresh()
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual("valence.inventory.pending", self.error(answer)["code"])
        self.assertEqual(5, len(answer["systems"]))

    def test_an_empty_listing_deletes_nothing(self) -> None:
        for system in self.small.pod.stock.systems.values():
            system.present = False
        answer = self.refresh()
        self.assertEqual(5, len(answer["systems"]))
        self.assertIn("none of its 3 systems", self.error(answer)["detail"])
        self.assertEqual({True}, self.stale(answer))

    def test_a_response_that_is_not_redfish_deletes_nothing(self) -> None:
        self.break_off(self.small, "Systems$", type="garbage")
        answer = self.refresh()
        self.assertEqual(5, len(answer["systems"]))
        self.assertEqual("valence.podmanager.failed", self.error(answer)["code"])

    def test_a_system_that_is_no_longer_listed_is_absent_and_then_deleted(self) -> None:
        self.small.pod.asset(SYSTEM).present = False
        answer = self.refresh()
        states = sorted(
            one["state"]
            for one in answer["systems"]
            if self.podms["small"]["uuid"] in one.values()
        )
        self.assertEqual(["absent", "free", "free"], states)
        self.assertEqual(2, self.get("/v1/podmanagers/small")["usage"]["systems"]["total"])
        self.service.conf.set_override("forget_after", 0.0, group="inventory")
        self.assertEqual(4, len(self.refresh()["systems"]))

    def test_a_system_that_returns_keeps_its_uuid(self) -> None:
        before = self.systems(f"podm_id={self.podms['small']['uuid']}")
        self.small.pod.asset(SYSTEM).present = False
        self.refresh()
        self.small.pod.asset(SYSTEM).present = True
        self.refresh()
        after = self.systems(f"podm_id={self.podms['small']['uuid']}")
        self.assertEqual(
            [(one["uuid"], one["state"]) for one in before],
            [(one["uuid"], one["state"]) for one in after],
        )

    def test_an_unreadable_system_stays_and_is_in_the_errors(self) -> None:
        self.break_off(self.small, "Systems/1$", type="error", status=500)
        answer = self.refresh()
        self.assertIn(SYSTEM, self.error(answer)["detail"])
        stale = [one for one in answer["systems"] if one["stale"]]
        self.assertEqual([(SYSTEM, "free")], [(one["path"], one["state"]) for one in stale])

    def test_an_unreadable_node_keeps_its_system(self) -> None:
        node = self.composed(podm_id=self.podms["small"]["uuid"])
        self.refresh()
        self.break_off(self.small, "Nodes/[0-9]+$", type="error", status=500)
        self.refresh()
        self.assertEqual([node["uuid"]], [one["node_id"] for one in self.systems("state=used")])

    def test_a_system_allocated_during_a_refresh_stays_used(self) -> None:
        self.break_off(self.small, "Chassis$", type="delay", seconds=1)
        uuid = self.podms["small"]["uuid"]
        future = self.service.inventory.begin(uuid)
        node = self.composed(podm_id=uuid)
        future.result(60)
        self.assertEqual([node["uuid"]], [one["node_id"] for one in self.systems("state=used")])

    def test_an_old_inventory_is_stale(self) -> None:
        self.service.conf.set_override("stale_after", 1.0, group="inventory")
        self.wait_for(lambda: self.stale(self.get("/v1/systems")) == {True})
        codes = {one["code"] for one in self.get("/v1/systems")["errors"]}
        self.assertEqual({"valence.inventory.stale"}, codes)

    def test_systems_are_deleted_with_their_pod_manager(self) -> None:
        self.assertEqual(204, self.api("DELETE", "/v1/podmanagers/small").status_code)
        answer = self.get("/v1/systems")
        self.assertEqual((2, []), (len(answer["systems"]), answer["errors"]))
        self.assertEqual(1, len(self.get("/v1/racks")["racks"]))


class TestRefreshes(base.ServiceTestCase):
    def test_an_inventory_is_refreshed_when_it_is_due(self) -> None:
        pod = self.simulate(systems=2)
        self.start(inventory__interval=1.0)
        self.know(pod)
        self.wait_for(lambda: len(self.api("GET", "/v1/systems").json["systems"]) == 2)
        inventories = inventory_objects.by_podm(self.service.db)
        before = next(iter(inventories.values())).refreshed_at

        def is_newer() -> bool:
            row = next(iter(inventory_objects.by_podm(self.service.db).values()))
            return row.refreshed_at != before

        self.wait_for(is_newer)

    def test_concurrent_requests_cost_one_refresh(self) -> None:
        pod = self.simulate(systems=2)
        self.start()
        uuid = self.know(pod)["uuid"]
        pod.faults.add(
            {
                "match": {"method": "GET", "path": "Systems$"},
                "action": {"type": "delay", "seconds": 0.5},
            }
        )
        futures = {self.service.inventory.begin(uuid) for _ in range(8)}
        self.assertEqual(1, len(futures))
        next(iter(futures)).result(60)

    def test_old_details_are_read_again_once(self) -> None:
        pod = self.simulate(systems=3)
        service = self.start()
        uuid = self.know(pod)["uuid"]

        def cost() -> int:
            pod.journal.clear()
            service.inventory.begin(uuid).result(60)
            total: int = pod.journal.show()["total"]
            return total

        first, second = cost(), cost()
        self.assertLess(second, first - 3 * 5)
        long_ago = waiting.now() - datetime.timedelta(days=3)
        for table in (system_objects.System, device_objects.Device):
            with service.db.writer() as session:
                session.execute(sa.update(table).values(details_at=long_ago))
        # The first refresh logged in, and read the service root.
        self.assertAlmostEqual(first, cost(), delta=2)
        self.assertEqual(second, cost())

    def test_a_refresh_by_another_process_is_awaited_and_not_repeated(self) -> None:
        pod = self.simulate(systems=2)
        service = self.start()
        uuid = self.know(pod)["uuid"]
        service.conf.set_override("refresh_timeout", 4.0, group="inventory")
        before = waiting.now() - datetime.timedelta(seconds=4)
        self.assertTrue(inventory_objects.claim(service.db, uuid, before))
        self.assertFalse(inventory_objects.claim(service.db, uuid, before))
        pod.journal.clear()
        service.inventory.begin(uuid).result(60)
        self.assertEqual(0, pod.journal.show()["total"])
        # The other process is considered dead.
        service.inventory.begin(uuid).result(60)
        self.assertLess(0, pod.journal.show()["total"])

    def test_times_from_before_the_clock_was_set_back_delay_no_refresh(self) -> None:
        service = self.start()
        uuid = self.know(self.simulate(systems=2))["uuid"]
        service.conf.set_override("interval", 3600.0, group="inventory")
        service.inventory.begin(uuid).result(60)
        self.assertEqual(0, service.inventory.refresh_due())
        tomorrow = waiting.now() + datetime.timedelta(days=1)
        with service.db.writer() as session:
            values = {"tried_at": tomorrow, "begun_at": tomorrow}
            session.execute(sa.update(inventory_objects.Inventory).values(**values))
        self.assertEqual(1, service.inventory.refresh_due())
        service.inventory.begin(uuid).result(60)
        tried_at = inventory_objects.by_podm(service.db)[uuid].tried_at
        self.assertTrue(tried_at and tried_at < tomorrow)

    def test_a_stopped_service_releases_its_claim_of_a_refresh(self) -> None:
        pod = self.simulate(systems=50)
        pod._latency = 0.05
        service = self.start()
        uuid = self.know(pod)["uuid"]
        future = service.inventory.begin(uuid)
        self.wait_for(lambda: uuid in inventory_objects.by_podm(service.db))
        service.inventory.stop()
        future.result(60)
        self.assertIsNone(inventory_objects.by_podm(service.db)[uuid].begun_at)

    def test_extreme_values_of_a_pod_manager_are_stored(self) -> None:
        pod = self.simulate(systems=1)
        self.start()
        self.know(pod)
        system = next(iter(pod.pod.stock.systems.values()))
        system.model = "M" * 5000 + "\x00"
        system.memory[0].capacity_mib = 10**15
        answer = self.api("GET", "/v1/systems?refresh=true").json
        self.assertEqual([], answer["errors"])
        self.assertEqual(255, len(answer["systems"][0]["model"]))


class TestUsage(InventoryTestCase):
    def test_usage_counts_what_exists_and_what_is_free(self) -> None:
        self.refresh()
        self.composed(podm_id=self.podms["large"]["uuid"])
        for pod in (self.small, self.large):
            pod.journal.clear()
        listed = {one["name"]: one["usage"] for one in self.get("/v1/podmanagers")["podmanagers"]}
        usage = listed["large"]
        self.assertEqual({"total": 2, "used": 1, "free": 1}, usage["systems"])
        self.assertEqual({"total": 64, "used": 32, "free": 32}, usage["cores"])
        self.assertEqual(131072, usage["memory_mib"]["free"])
        self.assertEqual({"total": 1, "by_state": {"composed": 1}}, usage["nodes"])
        self.assertEqual(
            {"total": 4, "used": 0, "free": 4}, usage["devices"]["by_type"]["storage"]
        )
        self.assertEqual(3, listed["small"]["systems"]["free"])
        self.assertEqual(0, self.requests(self.small) + self.requests(self.large))

    def test_usage_of_an_inventory_that_was_never_read_is_zero(self) -> None:
        usage = self.get("/v1/podmanagers/small")["usage"]
        self.assertEqual({"total": 0, "used": 0, "free": 0}, usage["systems"])
        self.assertIsNone(usage["refreshed_at"])


class TestRacks(InventoryTestCase):
    def test_racks_count_their_systems(self) -> None:
        answer = self.get("/v1/racks?refresh=true")
        self.assertEqual([], answer["errors"])
        counts = {one["name"]: one["systems"] for one in answer["racks"]}
        self.assertEqual({"total": 3, "used": 0, "free": 3, "absent": 0}, counts["small Rack1"])
        racks = self.get("/v1/racks?chassis_type=Rack&sort=name")["racks"]
        self.assertEqual(["large Rack1", "small Rack1"], [one["name"] for one in racks])
        self.assertEqual("Rack", self.get("/v1/racks/small%20Rack1?refresh=true")["chassis_type"])

    def test_an_unknown_rack_is_not_found(self) -> None:
        answer = self.api("GET", "/v1/racks/nowhere")
        self.assertRefused(404, "valence.rack.not_found", answer)
