# SPDX-License-Identifier: Apache-2.0

"""Pooled devices across pod managers: what they are, who has them, and how fresh that is."""

from typing import Any

from podm_simulator.pod.factory import Shape
from podm_simulator.pod.factory import Size
from podm_simulator.server import Simulator
from tests.unit.service import base

FPGA = {"pci_device": [{"type": "FPGA", "count": 1}]}


class DeviceTestCase(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.rich = self.pod("rich", pooled_drives=2, fpgas=1)
        self.poor = self.pod("poor", pooled_drives=1)
        self.start()
        self.podms = {pod.pod.name: self.know(pod)["uuid"] for pod in (self.rich, self.poor)}

    def pod(self, name: str, **pooled: int) -> Simulator:
        simulator = Simulator(Size((Shape(systems=2),), **pooled), name=name)
        simulator.start()
        self.addCleanup(simulator.stop)
        return simulator

    def get(self, path: str) -> Any:
        answer = self.api("GET", path)
        self.assertEqual(200, answer.status_code, answer.get_data(as_text=True))
        return answer.json

    def devices(self, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/v1/pooled?{query}")["pooled"]
        return found

    def refresh(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.get("/v1/pooled?refresh=true")
        return answer

    def break_off(self, path: str) -> None:
        action = {"type": "error", "status": 500}
        self.fault(self.rich, "GET", path, action=action, times=500)


class TestPooled(DeviceTestCase):
    def test_before_the_first_refresh_it_is_said_that_nothing_is_known(self) -> None:
        answer = self.get("/v1/pooled")
        self.assertEqual([], answer["pooled"])
        self.assertEqual({"valence.inventory.unknown"}, {one["code"] for one in answer["errors"]})

    def test_a_device_says_what_it_is_and_where(self) -> None:
        answer = self.refresh()
        self.assertEqual([], answer["errors"])
        self.assertEqual(4, len(answer["pooled"]))
        drive = self.devices(f"type=storage&podm_id={self.podms['poor'].upper()}")[0]
        self.assertEqual(("free", None), (drive["state"], drive["node_id"]))
        self.assertEqual("Drawer1", drive["pooled_group_id"])
        self.assertEqual("/redfish/v1/Chassis/Drawer1/Drives/1", drive["resource_uri"])
        self.assertEqual(1600, drive["properties"]["capacity_gib"])
        self.assertEqual(({}, False), (drive["extra"], drive["stale"]))
        again = self.get(f"/v1/pooled/{drive['uuid']}?refresh=true")
        self.assertEqual(drive["uuid"], again["uuid"])
        self.assertIsNone(again["updated_at"])

    def test_filters_choose_by_each_column(self) -> None:
        self.refresh()
        self.assertEqual(3, len(self.devices("type=storage")))
        self.assertEqual(1, len(self.devices("type=FPGA&state=free")))
        self.assertEqual([], self.devices("state=allocated"))
        self.assertEqual(4, len(self.devices("pooled_group_id=Drawer1")))
        self.assertEqual([], self.devices("pooled_group_id=Drawer2"))
        self.assertEqual([], self.devices(f"node_id={self.podms['poor']}"))
        answer = self.api("GET", "/v1/pooled?state=used")
        self.assertRefused(400, "valence.request.invalid", answer)

    def test_pages_sorting_and_fields_are_those_of_every_collection(self) -> None:
        self.refresh()
        first = self.get("/v1/pooled?limit=3&sort=type:desc&fields=uuid,type")
        second = self.get(first["next"].replace("http://localhost", ""))
        everything = [*first["pooled"], *second["pooled"]]
        self.assertEqual(4, len({one["uuid"] for one in everything}))
        self.assertEqual("FPGA", everything[-1]["type"])
        self.assertRefused(
            400, "valence.request.invalid", self.api("GET", "/v1/pooled?marker=nobody")
        )

    def test_an_unknown_device_is_not_found(self) -> None:
        answer = self.api("GET", "/v1/pooled/nothing")
        self.assertRefused(404, "valence.device.not_found", answer)

    def test_a_device_belongs_to_its_node_until_that_is_released(self) -> None:
        self.refresh()
        node = self.composed(properties=FPGA, podm_id=self.podms["rich"])
        taken = self.devices(f"node_id={node['uuid']}")
        self.assertEqual([("FPGA", "allocated")], [(d["type"], d["state"]) for d in taken])
        self.assertEqual(node["path"], taken[0]["node_path"])
        usage = self.get("/v1/podmanagers/rich")["usage"]["devices"]
        self.assertEqual({"total": 1, "used": 1, "free": 0}, usage["by_type"]["FPGA"])
        self.assertEqual((3, 2), (usage["total"], usage["free"]))
        self.api("DELETE", f"/v1/nodes/{node['uuid']}")
        self.settled(node["uuid"])
        freed = self.get(f"/v1/pooled/{taken[0]['uuid']}")
        self.assertEqual(("free", None), (freed["state"], freed["node_id"]))
        self.assertIsNotNone(freed["updated_at"])
        self.refresh()
        self.assertEqual([], self.devices("state=allocated"))

    def test_what_others_compose_is_allocated_to_no_node_of_ours(self) -> None:
        path = self.service.drivers.get(self.podms["rich"]).allocate("theirs", "", FPGA)
        self.refresh()
        taken = self.devices("state=allocated")
        self.assertEqual([(path, None)], [(one["node_path"], one["node_id"]) for one in taken])


class TestUnseen(DeviceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.refresh()

    def states(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for device in self.refresh()["pooled"]:
            if device["podm_id"] == self.podms["rich"]:
                found.setdefault(device["type"], set()).add(device["state"])
        return found

    def test_a_pod_manager_that_is_down_keeps_its_devices(self) -> None:
        self.rich.stop()
        answer = self.refresh()
        self.assertEqual(["rich"], [one["podm_name"] for one in answer["errors"]])
        stale = {one["podm_id"]: one["stale"] for one in answer["pooled"]}
        self.assertEqual({self.podms["rich"]: True, self.podms["poor"]: False}, stale)

    def test_a_drive_that_is_pulled_out_is_absent_and_comes_back_the_same(self) -> None:
        before = self.devices("type=storage")
        drive = self.rich.pod.stock.drives["1"]
        drive.present = False
        self.assertEqual({"storage": {"free", "absent"}, "FPGA": {"free"}}, self.states())
        usage = self.get("/v1/podmanagers/rich")["usage"]["devices"]["by_type"]
        self.assertEqual(1, usage["storage"]["total"])
        drive.present = True
        self.assertEqual({"storage": {"free"}, "FPGA": {"free"}}, self.states())
        after = self.devices("type=storage")
        self.assertEqual([one["uuid"] for one in before], [one["uuid"] for one in after])

    def test_what_is_absent_for_long_is_forgotten(self) -> None:
        self.rich.pod.stock.drives["1"].present = False
        self.service.conf.set_override("forget_after", 0.0, group="inventory")
        self.refresh()
        self.assertEqual(3, len(self.refresh()["pooled"]))

    def test_a_drawer_that_cannot_be_read_takes_no_drive_away(self) -> None:
        self.break_off("Chassis/Drawer1$")
        self.assertEqual({"storage": {"free"}, "FPGA": {"free"}}, self.states())
        stale = [one for one in self.devices("type=storage") if one["stale"]]
        self.assertEqual(2, len(stale))

    def test_accelerators_stay_while_what_lists_them_cannot_be_read(self) -> None:
        listed_by = self.devices("type=FPGA")[0]["resource_uri"].partition("/Processors")[0]
        self.break_off(f"{listed_by}$")
        self.assertEqual({"storage": {"free"}, "FPGA": {"free"}}, self.states())

    def test_a_node_that_cannot_be_read_does_not_free_its_devices(self) -> None:
        self.composed(properties=FPGA, podm_id=self.podms["rich"])
        self.assertEqual({"allocated"}, self.states()["FPGA"])
        self.break_off("Nodes/[0-9]+$")
        self.assertEqual({"allocated"}, self.states()["FPGA"])

    def test_a_forgotten_pod_manager_takes_its_devices_with_it(self) -> None:
        self.assertEqual(204, self.api("DELETE", "/v1/podmanagers/rich").status_code)
        self.assertEqual({self.podms["poor"]}, {one["podm_id"] for one in self.devices()})


class TestSync(DeviceTestCase):
    def sync(self, body: Any = None) -> Any:
        answer = self.api("POST", "/v1/pooled/sync", body)
        self.assertEqual(200, answer.status_code, answer.get_data(as_text=True))
        return answer.json

    def test_all_pod_managers_are_read(self) -> None:
        answer = self.sync()
        self.assertEqual((set(self.podms.values()), []), (set(answer["synced"]), answer["errors"]))
        self.assertEqual(4, len(self.devices()))

    def test_one_is_read_by_its_name_or_uuid(self) -> None:
        for ident in ("poor", self.podms["poor"]):
            self.assertEqual([self.podms["poor"]], self.sync({"podm_id": ident})["synced"])
        self.assertEqual({self.podms["poor"]}, {one["podm_id"] for one in self.devices()})

    def test_one_that_does_not_answer_is_named(self) -> None:
        self.rich.stop()
        answer = self.sync({})
        self.assertEqual([self.podms["poor"]], answer["synced"])
        self.assertEqual([self.podms["rich"]], [one["podm_id"] for one in answer["errors"]])

    def test_an_unknown_one_is_not_found(self) -> None:
        answer = self.api("POST", "/v1/pooled/sync", {"podm_id": "nobody"})
        self.assertRefused(404, "valence.podmanager.not_found", answer)


class TestEarlierClients(DeviceTestCase):
    LISTED = ("uuid", "podm_id", "type", "state", "node_id", "resource_uri", "pooled_group_id")

    def sync(self, body: Any = None) -> dict[str, str]:
        answer = self.api("POST", "/v1/devices/sync", body)
        self.assertEqual(200, answer.status_code, answer.get_data(as_text=True))
        return {one["podm_id"]: one["status"] for one in answer.json}

    def test_they_sync_and_are_told_how_that_went(self) -> None:
        self.assertEqual(dict.fromkeys(self.podms.values(), "SUCCESS"), self.sync())
        self.rich.stop()
        failed = {self.podms["rich"]: "FAILED"}
        self.assertEqual(failed, self.sync({"podm_id": self.podms["rich"]}))

    def test_they_read_a_bare_list_that_is_filtered_by_any_field(self) -> None:
        self.sync()
        everything = self.get("/v1/devices")
        self.assertEqual(4, len(everything))
        self.assertEqual(set(self.LISTED), set(everything[0]))
        for field in self.LISTED:
            value = everything[0][field]
            if value is not None:
                found = self.get(f"/v1/devices?{field}={value}")
                self.assertEqual({value}, {one[field] for one in found}, field)
                self.assertIn(everything[0], found)
        self.assertEqual([], self.get(f"/v1/devices?node_id={self.podms['rich']}"))

    def test_they_see_one_device_with_all_there_is(self) -> None:
        self.sync()
        listed = self.get("/v1/devices?type=FPGA")[0]
        shown = self.get(f"/v1/devices/{listed['uuid']}")
        today = self.get(f"/v1/pooled/{listed['uuid']}")
        self.assertEqual({field: today[field] for field in shown}, shown)
        self.assertEqual(listed, {field: shown[field] for field in listed})
        more = {"properties", "extra", "created_at", "updated_at"}
        self.assertEqual(more, set(shown) - set(listed))
        answer = self.api("GET", "/v1/devices/nothing")
        self.assertRefused(404, "valence.device.not_found", answer)
