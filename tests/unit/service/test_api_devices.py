# SPDX-License-Identifier: Apache-2.0

"""Pooled devices across pod managers: their properties, their nodes, and their freshness."""

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
        devices: list[dict[str, Any]] = self.get(f"/v1/pooled?{query}")["pooled"]
        return devices

    def refresh(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.get("/v1/pooled?refresh=true")
        return answer

    def break_off(self, path: str) -> None:
        action = {"type": "error", "status": 500}
        self.fault(self.rich, "GET", path, action=action, times=500)


class TestPooled(DeviceTestCase):
    def test_before_the_first_refresh_the_errors_report_unknown_inventories(self) -> None:
        answer = self.get("/v1/pooled")
        self.assertEqual([], answer["pooled"])
        self.assertEqual({"valence.inventory.unknown"}, {one["code"] for one in answer["errors"]})

    def test_a_device_shows_its_properties_and_its_place(self) -> None:
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
            400, "valence.request.invalid", self.api("GET", "/v1/pooled?marker=unknown")
        )

    def test_an_unknown_device_is_not_found(self) -> None:
        answer = self.api("GET", "/v1/pooled/nothing")
        self.assertRefused(404, "valence.device.not_found", answer)

    def test_a_device_belongs_to_its_node_until_that_is_released(self) -> None:
        self.refresh()
        node = self.composed(properties=FPGA, podm_id=self.podms["rich"])
        allocated = self.devices(f"node_id={node['uuid']}")
        self.assertEqual([("FPGA", "allocated")], [(d["type"], d["state"]) for d in allocated])
        self.assertEqual(node["path"], allocated[0]["node_path"])
        usage = self.get("/v1/podmanagers/rich")["usage"]["devices"]
        self.assertEqual({"total": 1, "used": 1, "free": 0}, usage["by_type"]["FPGA"])
        self.assertEqual((3, 2), (usage["total"], usage["free"]))
        self.api("DELETE", f"/v1/nodes/{node['uuid']}")
        self.settled(node["uuid"])
        freed = self.get(f"/v1/pooled/{allocated[0]['uuid']}")
        self.assertEqual(("free", None), (freed["state"], freed["node_id"]))
        self.assertIsNotNone(freed["updated_at"])
        self.refresh()
        self.assertEqual([], self.devices("state=allocated"))

    def test_devices_of_foreign_nodes_are_allocated_without_a_node_id(self) -> None:
        path = self.service.drivers.get(self.podms["rich"]).allocate("foreign", "", FPGA)
        self.refresh()
        devices = self.devices("state=allocated")
        self.assertEqual([(path, None)], [(one["node_path"], one["node_id"]) for one in devices])


class TestUnseen(DeviceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.refresh()

    def states(self) -> dict[str, set[str]]:
        states: dict[str, set[str]] = {}
        for device in self.refresh()["pooled"]:
            if device["podm_id"] == self.podms["rich"]:
                states.setdefault(device["type"], set()).add(device["state"])
        return states

    def test_a_pod_manager_that_is_down_keeps_its_devices(self) -> None:
        self.rich.stop()
        answer = self.refresh()
        self.assertEqual(["rich"], [one["podm_name"] for one in answer["errors"]])
        stale = {one["podm_id"]: one["stale"] for one in answer["pooled"]}
        self.assertEqual({self.podms["rich"]: True, self.podms["poor"]: False}, stale)

    def test_a_removed_drive_is_absent_and_keeps_its_uuid_when_it_returns(self) -> None:
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

    def test_a_device_that_is_absent_for_long_is_deleted(self) -> None:
        self.rich.pod.stock.drives["1"].present = False
        self.service.conf.set_override("forget_after", 0.0, group="inventory")
        self.refresh()
        self.assertEqual(3, len(self.refresh()["pooled"]))

    def test_an_unreadable_drawer_removes_no_drive(self) -> None:
        self.break_off("Chassis/Drawer1$")
        self.assertEqual({"storage": {"free"}, "FPGA": {"free"}}, self.states())
        stale = [one for one in self.devices("type=storage") if one["stale"]]
        self.assertEqual(2, len(stale))

    def test_accelerators_stay_while_their_collection_is_unreadable(self) -> None:
        system = self.devices("type=FPGA")[0]["resource_uri"].partition("/Processors")[0]
        self.break_off(f"{system}$")
        self.assertEqual({"storage": {"free"}, "FPGA": {"free"}}, self.states())

    def test_an_unreadable_node_keeps_its_devices(self) -> None:
        self.composed(properties=FPGA, podm_id=self.podms["rich"])
        self.assertEqual({"allocated"}, self.states()["FPGA"])
        self.break_off("Nodes/[0-9]+$")
        self.assertEqual({"allocated"}, self.states()["FPGA"])

    def test_devices_are_deleted_with_their_pod_manager(self) -> None:
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

    def test_one_that_does_not_respond_is_in_the_errors(self) -> None:
        self.rich.stop()
        answer = self.sync({})
        self.assertEqual([self.podms["poor"]], answer["synced"])
        self.assertEqual([self.podms["rich"]], [one["podm_id"] for one in answer["errors"]])

    def test_an_unknown_one_is_not_found(self) -> None:
        answer = self.api("POST", "/v1/pooled/sync", {"podm_id": "unknown"})
        self.assertRefused(404, "valence.podmanager.not_found", answer)


class TestDeprecatedPaths(DeviceTestCase):
    LISTED = ("uuid", "podm_id", "type", "state", "node_id", "resource_uri", "pooled_group_id")

    def sync(self, body: Any = None) -> dict[str, str]:
        answer = self.api("POST", "/v1/devices/sync", body)
        self.assertEqual(200, answer.status_code, answer.get_data(as_text=True))
        return {one["podm_id"]: one["status"] for one in answer.json}

    def test_sync_reports_success_or_failure(self) -> None:
        self.assertEqual(dict.fromkeys(self.podms.values(), "SUCCESS"), self.sync())
        self.rich.stop()
        failed = {self.podms["rich"]: "FAILED"}
        self.assertEqual(failed, self.sync({"podm_id": self.podms["rich"]}))

    def test_the_bare_list_is_filtered_by_any_field(self) -> None:
        self.sync()
        everything = self.get("/v1/devices")
        self.assertEqual(4, len(everything))
        self.assertEqual(set(self.LISTED), set(everything[0]))
        for field in self.LISTED:
            value = everything[0][field]
            if value is not None:
                devices = self.get(f"/v1/devices?{field}={value}")
                self.assertEqual({value}, {one[field] for one in devices}, field)
                self.assertIn(everything[0], devices)
        self.assertEqual([], self.get(f"/v1/devices?node_id={self.podms['rich']}"))

    def test_a_single_device_has_more_fields_than_a_listed_one(self) -> None:
        self.sync()
        listed = self.get("/v1/devices?type=FPGA")[0]
        shown = self.get(f"/v1/devices/{listed['uuid']}")
        current = self.get(f"/v1/pooled/{listed['uuid']}")
        self.assertEqual({field: current[field] for field in shown}, shown)
        self.assertEqual(listed, {field: shown[field] for field in listed})
        more = {"properties", "extra", "created_at", "updated_at"}
        self.assertEqual(more, set(shown) - set(listed))
        answer = self.api("GET", "/v1/devices/nothing")
        self.assertRefused(404, "valence.device.not_found", answer)
