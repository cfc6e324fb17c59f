# SPDX-License-Identifier: Apache-2.0

"""Bad values in fields of Redfish resources are reported once."""

from typing import Any

from tests.unit.service import test_podmanagers_fields
from tests.unit.service.test_podmanagers_fields import INTERFACE
from valence.podmanagers.redfish import fields
from valence.podmanagers.redfish import resources


class TestReports(test_podmanagers_fields.FieldsTestCase):
    def speeds(self, **resource: Any) -> Any:
        return self.read({**INTERFACE, **resource}, resources.ETHERNET_INTERFACE)["speed_mbps"]

    def test_a_bad_value_is_reported_with_its_place(self) -> None:
        self.assertIsNone(self.speeds(**{"@odata.id": "/nic/1", "SpeedMbps": "f" * 1000}))
        for words in ("SpeedMbps", "/nic/1", "https://pod.example", "'ff", "is not a number"):
            self.assertIn(words, self.log.output)
        self.assertLess(len(self.log.output), 300)

    def test_a_field_of_a_type_is_reported_once_for_each_pod_manager(self) -> None:
        for number in range(100):
            self.speeds(**{"@odata.id": f"/nic/{number}", "SpeedMbps": "fast"})
        self.assertEqual(1, self.log.output.count("SpeedMbps"))
        self.speeds(MACAddress="1?")
        self.assertEqual(1, self.log.output.count("MACAddress"))
        self.bad_values = fields.BadValues("https://other.example")
        self.speeds(SpeedMbps="fast")
        self.assertEqual(2, self.log.output.count("SpeedMbps"))

    def test_the_next_place_of_a_field_is_read_after_a_bad_value(self) -> None:
        values = self.read({**INTERFACE, "MACAddress": "?"}, resources.ETHERNET_INTERFACE)
        self.assertEqual("aa:bb:cc:00:00:02", values["mac"])

    def test_a_flood_of_types_is_reported_no_further(self) -> None:
        for number in range(fields.MAX_REPORTS + 100):
            self.speeds(**{"@odata.type": f"#A.{number}", "SpeedMbps": "fast"})
        self.assertEqual(fields.MAX_REPORTS, self.log.output.count("SpeedMbps"))

    def test_a_report_is_one_line_whatever_the_resource_has(self) -> None:
        self.speeds(**{"@odata.id": "/nic\n1" * 9999, "SpeedMbps": [[["\n" * 99] * 99] * 99] * 99})
        self.assertEqual(1, self.log.output.count("\n"))
        self.assertLess(len(self.log.output), 900)

    def test_names_of_properties_in_another_case_are_read(self) -> None:
        resource = {"status": {"health": "ok"}, "Uuid": "a1", "SERIALNUMBER": "b2"}
        values = self.read(resource, resources.SYSTEM)
        self.assertEqual(
            ("OK", "a1", "b2"),
            tuple(values[key] for key in ("health", "redfish_uuid", "serial_number")),
        )

    def test_a_property_counts_before_one_in_another_case(self) -> None:
        values = self.read({"model": "lower", "Model": "right"}, resources.SYSTEM)
        self.assertEqual("right", values["model"])

    def test_known_fields_are_those_with_a_value(self) -> None:
        known = fields.read_known({"SpeedMbps": 10}, resources.ETHERNET_INTERFACE, self.bad_values)
        self.assertEqual({"speed_mbps": 10}, known)
