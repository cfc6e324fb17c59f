# SPDX-License-Identifier: Apache-2.0

"""The service, and over HTTP a pod manager that departs from the text."""

import json
from typing import Any
from unittest import mock

from oslo_db import exception as db_errors
import sqlalchemy as sa

from tests.servers import odd
from tests.unit.service import base
from tests.unit.service import fake_redfish
from valence import errors
from valence.objects import inventory as inventory_objects
from valence.objects import inventory_writer

SYSTEMS, NODES, CHASSIS = "/redfish/v1/Systems", "/redfish/v1/Nodes", "/redfish/v1/Chassis"
ROOT = {
    "@odata.id": "/redfish/v1/",
    "RedfishVersion": "1.6.0",
    "Systems": {"@odata.id": SYSTEMS},
    "Nodes": {"@odata.id": NODES},
}


class OddTestCase(base.ServiceTestCase):
    """A service that has registered a pod manager with two systems."""

    def setUp(self) -> None:
        super().setUp()
        self.podm = odd.Odd().start()
        self.addCleanup(self.podm.stop)
        self.on("/redfish/v1/", ROOT)
        self.on(NODES, fake_redfish.page(NODES))
        self.on(SYSTEMS, fake_redfish.page(SYSTEMS, f"{SYSTEMS}/1", f"{SYSTEMS}/2"))
        for number in (1, 2):
            self.system(number)
        self.start(inventory__forget_after=0.0)
        body = {"name": "pod-1", "url": self.podm.url}
        self.uuid = self.api("POST", "/v1/podmanagers", body).json["uuid"]

    def on(self, path: str, body: Any, status: int = 200) -> None:
        self.podm.answers["GET", path] = (status, {"Content-Type": "application/json"}, body)

    def system(self, number: int, **values: Any) -> None:
        path = f"{SYSTEMS}/{number}"
        self.on(path, {"@odata.id": path, "Name": f"system {number}", **values})

    def refresh(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.api("GET", "/v1/systems?refresh=true&sort=name").json
        return answer

    def states(self) -> dict[str, str]:
        return {one["name"]: one["state"] for one in self.refresh()["systems"]}

    def fault(self) -> str:
        fault = inventory_objects.by_podm(self.service.db)[self.uuid].fault
        return str((fault or {}).get("detail", ""))


class TestBodies(OddTestCase):
    def test_bytes_that_are_no_utf8_cost_their_field(self) -> None:
        raw = b'{"@odata.id": "/redfish/v1/Systems/1", "Name": "system 1", "Model": "3500", '
        self.on(f"{SYSTEMS}/1", raw + b'"SerialNumber": "\xff\xff\xff\xff", "UUID": "u-1"}')
        answer = self.refresh()
        self.assertEqual([], answer["errors"])
        one, two = answer["systems"]
        self.assertEqual(
            ("system 1", "3500", "u-1"), (one["name"], one["model"], one["redfish_uuid"])
        )
        self.assertEqual((None, "system 2"), (one["serial_number"], two["name"]))

    def test_a_mark_utf16_and_controls_are_read(self) -> None:
        for content in (
            b'\xef\xbb\xbf{"Name": "system 1"}',
            '{"Name": "system 1"}'.encode("utf-16"),
            b'{"Name": "system 1\x00", "Model": "a\nb", "Odd": 1e999, "More": "\\x"}\x00',
        ):
            self.on(f"{SYSTEMS}/1", content)
            self.assertEqual({"system 1": "free", "system 2": "free"}, self.states())


class TestValues(OddTestCase):
    def test_values_out_of_range_are_unknown_and_long_ones_are_cut_or_unknown(self) -> None:
        self.system(
            1,
            ProcessorSummary={"Count": -3000000000, "CoreCount": 10**400},
            MemorySummary={"TotalSystemMemoryGiB": 1e300},
            SerialNumber="S" * 256,
            UUID="u" * 65,
            Model="M" * 70000,
            Status={"Health": "H" * 33},
        )
        answer = self.refresh()
        self.assertEqual([], answer["errors"])
        one = answer["systems"][0]
        unknown = (
            "processor_count",
            "cores",
            "memory_mib",
            "serial_number",
            "redfish_uuid",
            "health",
        )
        self.assertEqual([None] * 6, [one[field] for field in unknown])
        self.assertEqual("M" * 255, one["model"])

    def test_cores_that_are_too_many_together_are_unknown(self) -> None:
        path = f"{SYSTEMS}/1/Processors"
        self.system(1, Processors={"@odata.id": path})
        self.on(path, fake_redfish.page(path, "/cpu/1", "/cpu/2"))
        for number in (1, 2):
            self.on(f"/cpu/{number}", {"TotalCores": 2**31 - 1})
        self.assertIsNone(self.refresh()["systems"][0]["cores"])

    def test_a_path_that_no_row_can_keep_is_reported_and_hides_no_other(self) -> None:
        long = f"{SYSTEMS}/" + "x" * 1100
        self.on(SYSTEMS, fake_redfish.page(SYSTEMS, f"{SYSTEMS}/1", long))
        self.on(long, {"Name": "far away"})
        answer = self.refresh()
        self.assertEqual(["system 1"], [one["name"] for one in answer["systems"]])
        self.assertIn(f"{SYSTEMS}/xxx", self.fault())
        self.assertLess(len(self.fault()), 600)

    def test_a_holder_whose_path_no_row_can_keep_still_holds(self) -> None:
        long = f"{NODES}/" + "x" * 1100
        self.on(NODES, fake_redfish.page(NODES, long))
        self.on(long, {"Links": {"ComputerSystem": {"@odata.id": f"{SYSTEMS}/1"}}})
        self.assertEqual({"system 1": "used", "system 2": "free"}, self.states())
        self.assertIsNone(self.refresh()["systems"][0]["node_path"])

    def test_a_system_in_another_spelling_is_the_same_row(self) -> None:
        def rows() -> list[tuple[str, str]]:
            return [(one["uuid"], one["created_at"]) for one in self.refresh()["systems"]]

        before = rows()
        self.on(SYSTEMS, fake_redfish.page(SYSTEMS, f"{SYSTEMS}/%31", f"{SYSTEMS}/./2"))
        for spelling, number in (("%31", 1), ("./2", 2)):
            self.podm.answers["GET", f"{SYSTEMS}/{spelling}"] = self.podm.answers[
                "GET", f"{SYSTEMS}/{number}"
            ]
        for _ in range(2):
            self.assertEqual((before, ""), (rows(), self.fault()))
        self.assertEqual(
            inventory_writer.uuid_of(self.uuid, f"{SYSTEMS}/1"),
            inventory_writer.uuid_of(self.uuid, f"{SYSTEMS}/%31/"),
        )


class TestAbsence(OddTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.assertEqual({"system 1": "free", "system 2": "free"}, self.states())

    def test_a_link_that_dangles_is_a_system_that_is_absent_and_no_fault(self) -> None:
        self.on(f"{SYSTEMS}/2", {}, 404)
        self.refresh()
        answer = self.refresh()
        self.assertEqual(([], ""), (answer["errors"], self.fault()))
        self.assertEqual(["system 1"], [one["name"] for one in answer["systems"]])

    def test_a_listing_with_entries_that_are_no_links_makes_nothing_absent(self) -> None:
        for entry in (None, {}, 7, "http://[::1"):
            self.on(SYSTEMS, fake_redfish.page(SYSTEMS, f"{SYSTEMS}/1", entry))
            self.refresh()
            self.assertEqual({"system 1": "free", "system 2": "free"}, self.states())
            self.assertIn("could not be read", self.fault())

    def test_a_listing_that_is_short_makes_nothing_absent(self) -> None:
        short = {**fake_redfish.page(SYSTEMS, f"{SYSTEMS}/1"), "Members@odata.count": 2}
        self.on(SYSTEMS, short)
        self.assertEqual({"system 1": "free", "system 2": "free"}, self.states())
        self.assertIn("counts 2 members, and lists 1", self.fault())

    def test_nodes_that_are_not_all_listed_free_no_system(self) -> None:
        self.on(NODES, fake_redfish.page(NODES, f"{NODES}/1"))
        self.on(f"{NODES}/1", {"Links": {"ComputerSystem": {"@odata.id": f"{SYSTEMS}/1"}}})
        self.assertEqual({"system 1": "used", "system 2": "free"}, self.states())
        for nodes in (fake_redfish.page(NODES, None), fake_redfish.page(NODES, 7)):
            self.on(NODES, nodes)
            self.assertEqual({"system 1": "used", "system 2": "free"}, self.states())
        self.on(NODES, fake_redfish.page(NODES))
        self.assertEqual({"system 1": "free", "system 2": "free"}, self.states())

    def test_a_chassis_that_cannot_be_read_keeps_its_rack(self) -> None:
        self.on("/redfish/v1/", {**ROOT, "Chassis": {"@odata.id": CHASSIS}})
        self.on(CHASSIS, fake_redfish.page(CHASSIS, f"{CHASSIS}/1"))
        self.on(f"{CHASSIS}/1", {"@odata.id": f"{CHASSIS}/1", "ChassisType": "Rack"})
        self.service.drivers.connections.forget(self.uuid)
        self.refresh()
        self.on(f"{CHASSIS}/1", {}, 500)
        for _ in range(2):
            self.refresh()
            self.assertEqual(1, len(self.api("GET", "/v1/racks").json["racks"]))


class TestFailures(OddTestCase):
    """Errors that no rule for values has prevented are faults of one refresh."""

    def fail_with(self, error: Exception) -> None:
        with mock.patch.object(
            inventory_writer.InventoryWriter, "save_systems", autospec=True, side_effect=error
        ):
            self.refresh()

    def test_an_error_of_the_database_is_a_fault_and_the_next_refresh_runs(self) -> None:
        for error in (
            db_errors.DBDataError(ValueError("integer out of range")),
            sa.exc.DataError("UPDATE", {}, ValueError("value too long")),
            TypeError("a defect"),
        ):
            self.fail_with(error)
            row = inventory_objects.by_podm(self.service.db)[self.uuid]
            self.assertIsNone(row.begun_at)
            self.assertIn("could not be read or stored", self.fault())
            answer = self.api("GET", f"/v1/podmanagers/{self.uuid}").json
            self.assertEqual("degraded", answer["status"])
            self.assertIn("could not be read or stored", answer["status_reason"])
            self.assertEqual({"system 1": "free", "system 2": "free"}, self.states())
            self.assertEqual("", self.fault())
            answer = self.api("GET", f"/v1/podmanagers/{self.uuid}").json
            self.assertEqual("online", answer["status"])

    def test_a_database_refuses_no_fault_however_long_it_is(self) -> None:
        error = errors.PodManagerFailed("x" * 70000)
        self.fail_with(error)
        answer = self.api("GET", f"/v1/podmanagers/{self.uuid}").json
        self.assertEqual("x" * 2000, answer["status_reason"])
        json.dumps(self.fault())
