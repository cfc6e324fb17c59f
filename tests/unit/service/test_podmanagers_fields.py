# SPDX-License-Identifier: Apache-2.0

"""Fields of Redfish resources: literal samples, and bad values field by field."""

import logging
from typing import Any

import fixtures
import testscenarios

from tests import base
from valence.podmanagers.redfish import fields
from valence.podmanagers.redfish import resources
from valence.podmanagers.rsd import node as rsd_node

SYSTEM = {
    "@odata.id": "/redfish/v1/Systems/1",
    "@odata.type": "#ComputerSystem.v1_5_0.ComputerSystem",
    "Name": "System",
    "UUID": "fd3c2b41-7c7d-4b2e-8c0e-2f0a2c9d3a11",
    "SerialNumber": 12345678,
    "Manufacturer": "Contoso",
    "Model": "3500",
    "PowerState": "On",
    "Status": {"State": "Enabled", "Health": "OK"},
    "ProcessorSummary": {"Count": 2, "Model": "Xeon", "CoreCount": "36"},
    "MemorySummary": {"TotalSystemMemoryGiB": 0.5},
}
PROCESSOR = {
    "@odata.type": "#Processor.v1_3_0.Processor",
    "ProcessorType": "CPU",
    "Model": "Xeon Gold",
    "TotalCores": 18,
    "InstructionSet": "x86-64",
    "MaxSpeedMHz": 3700.0,
}
DRIVE = {
    "@odata.type": "#Drive.v1_4_0.Drive",
    "CapacityBytes": 899527000000,
    "MediaType": "HDD",
    "Protocol": "SAS",
    "RotationSpeedRPM": 15000,
    "Model": "C123",
    "Manufacturer": "Contoso",
    "SerialNumber": "1234570",
}
INTERFACE = {
    "@odata.type": "#EthernetInterface.v1_4_0.EthernetInterface",
    "MACAddress": "AA-BB-CC-00-00-01",
    "PermanentMACAddress": "aabb.cc00.0002",
    "SpeedMbps": 25000,
}
CHASSIS = {
    "@odata.type": "#Chassis.v1_7_0.Chassis",
    "Name": "Drawer",
    "ChassisType": "Drawer",
    "Manufacturer": "Contoso",
    "Model": "D1",
    "SerialNumber": "2M220100SL",
    "Status": {"Health": "Warning"},
    "Links": {
        "ContainedBy": {"@odata.id": "/redfish/v1/Chassis/Rack"},
        "ComputerSystems": [{"@odata.id": "/redfish/v1/Systems/1"}],
        "Drives": [{"@odata.id": "/redfish/v1/Chassis/1/Drives/1"}, "/drives/2"],
    },
}
ROOT = {"Name": "Root", "UUID": "92384634", "RedfishVersion": "1.6.0"}
NODE = {
    "Name": "valence-1",
    "PowerState": "Off",
    "Links": {"ComputerSystem": [{"@odata.id": "/redfish/v1/Systems/1"}]},
}

SAMPLES: list[tuple[str, dict[str, Any], fields.Table, dict[str, Any]]] = [
    (
        "system",
        SYSTEM,
        resources.SYSTEM,
        {
            "name": "System",
            "redfish_uuid": "fd3c2b41-7c7d-4b2e-8c0e-2f0a2c9d3a11",
            "serial_number": "12345678",
            "manufacturer": "Contoso",
            "model": "3500",
            "health": "OK",
            "power_state": "On",
        },
    ),
    ("state", SYSTEM, resources.SYSTEM_STATE, {"state": "Enabled"}),
    (
        "processors",
        SYSTEM,
        resources.PROCESSOR_SUMMARY,
        {"count": 2, "model": "Xeon", "cores": 36},
    ),
    ("memory", SYSTEM, resources.MEMORY_SUMMARY, {"capacity_mib": 512}),
    (
        "processor",
        PROCESSOR,
        resources.PROCESSOR,
        {
            "type": "CPU",
            "model": "Xeon Gold",
            "cores": 18,
            "instruction_set": "x86-64",
            "speed_mhz": 3700,
        },
    ),
    (
        "drive",
        DRIVE,
        resources.DRIVE,
        {
            "capacity_gib": 837,
            "media_type": "HDD",
            "protocol": "SAS",
            "rpm": 15000,
            "model": "C123",
            "manufacturer": "Contoso",
            "serial_number": "1234570",
        },
    ),
    (
        "interface",
        INTERFACE,
        resources.ETHERNET_INTERFACE,
        {"mac": "aa:bb:cc:00:00:01", "speed_mbps": 25000},
    ),
    (
        "chassis",
        CHASSIS,
        resources.CHASSIS,
        {
            "name": "Drawer",
            "chassis_type": "Drawer",
            "manufacturer": "Contoso",
            "model": "D1",
            "serial_number": "2M220100SL",
            "health": "Warning",
        },
    ),
    (
        "links of a chassis",
        CHASSIS,
        resources.CHASSIS_LINKS,
        {
            "container": "/redfish/v1/Chassis/Rack",
            "systems": ["/redfish/v1/Systems/1"],
            "drives": ["/redfish/v1/Chassis/1/Drives/1", "/drives/2"],
        },
    ),
    (
        "root",
        ROOT,
        resources.SERVICE_ROOT,
        {"name": "Root", "uuid": "92384634", "redfish_version": "1.6.0"},
    ),
    (
        "node",
        NODE,
        rsd_node.NODE,
        {"name": "valence-1", "power_state": "Off", "system_path": "/redfish/v1/Systems/1"},
    ),
]

UUID = "fd3c2b41-7c7d-4b2e-8c0e-2f0a2c9d3a11"

#: What makers and firmware write where there is none.
COMMON_UUIDS = (
    "",
    "00000000-0000-0000-0000-000000000000",
    "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
    "{00000000-0000-0000-0000-000000000000}",
    "03000200-0400-0500-0006-000700080009",
    "Not Specified",
    "0",
)
COMMON_SERIALS = (
    *("", " ", "0", "00000000", "FFFFFFFF", "xxxxxxxx", "........", "-", "0123456789"),
    *("N/A", "NA", "None", "null", "Unknown", "UNKNOWN", "Not Specified", "NotSpecified"),
    *("To be filled by O.E.M.", "To Be Filled By O.E.M.", "Default string", "O.E.M."),
    *("System Serial Number", "Not Available", "Not Applicable", "123456789"),
)

#: What no field can be.
BAD: list[Any] = [True, {"a": 1}, [[]]]


def with_value(resource: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    name, _, rest = path.partition("/")
    return {**resource, name: with_value(resource[name], rest, value) if rest else value}


class FieldsTestCase(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.WARNING))
        self.bad_values = fields.BadValues("https://pod.example")

    def read(self, resource: Any, table: fields.Table) -> dict[str, Any]:
        return fields.read(resource, table, self.bad_values)


class TestSamples(testscenarios.WithScenarios, FieldsTestCase):
    scenarios = [
        (name, {"resource": resource, "table": table, "values": values})
        for name, resource, table, values in SAMPLES
    ]
    resource: dict[str, Any]
    table: fields.Table
    values: dict[str, Any]

    def test_a_sample_is_read(self) -> None:
        self.assertEqual(self.values, self.read(self.resource, self.table))
        self.assertEqual("", self.log.output)

    def test_what_is_absent_is_unknown(self) -> None:
        self.assertEqual(dict.fromkeys(self.table), self.read({}, self.table))
        for key, field in self.table.items():
            resource = self.resource
            for path in field.paths:
                resource = with_value(resource, path, None)
            self.assertEqual({**self.values, key: None}, self.read(resource, self.table))
        self.assertEqual("", self.log.output)

    def test_a_bad_value_hides_only_itself(self) -> None:
        for key, field in self.table.items():
            for bad in BAD:
                resource = self.resource
                for path in field.paths:
                    resource = with_value(resource, path, bad)
                values = self.read(resource, self.table)
                tells_apart = field.convert is fields.identity
                self.assertIn(values.pop(key), (str(bad),) if tells_apart else (None, []), key)
                rest = {name: value for name, value in self.values.items() if name != key}
                self.assertEqual(rest, values, (key, bad))

    def test_a_bad_object_hides_only_its_fields(self) -> None:
        for name in ("Status", "Links", "ProcessorSummary", "MemorySummary"):
            values = self.read({**self.resource, name: "?"}, self.table)
            inside = {
                key for key, field in self.table.items() if field.paths[0].startswith(f"{name}/")
            }
            self.assertEqual({**self.values, **dict.fromkeys(inside)}, values)


class TestConverters(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (f"{convert.__name__} {value!r}"[:60], {"convert": convert, "raw": value, "value": to})
        for convert, value, to in [
            (fields.text, "", None),
            (fields.text, 7, "7"),
            (fields.text, True, ValueError),
            (fields.text, [], ValueError),
            (fields.text, float("nan"), ValueError),
            (fields.text, "\ufffd\ufffd", ValueError),
            (fields.text, " \t", None),
            (fields.text, "Model\x00\x00", "Model"),
            (fields.text, "A\x1b[1mB\u202eC", "A [1mB C"),
            (fields.text, "M" * 5000, "M" * 255),
            (fields.identifier, "S" * 255, "S" * 255),
            (fields.identifier, "S" * 256, ValueError),
            (fields.identifier, "\ufffd", ValueError),
            (fields.identifier, " 2M22\x00", "2M22"),
            (resources.STATE, "ABSENT", "Absent"),
            (resources.STATE, "StandbySpare", "StandbySpare"),
            (resources.HEALTH, "ok", "OK"),
            (resources.HEALTH, {"a": 1}, ValueError),
            (fields.word, "Off", "Off"),
            (fields.word, "?" * 33, ValueError),
            (fields.number, "", None),
            (fields.number, " 12 ", 12),
            (fields.number, 1.6, 2),
            (fields.number, "1e3", 1000),
            (fields.number, "fast", ValueError),
            (fields.number, False, ValueError),
            (fields.number, -1, ValueError),
            (fields.number, -3000000000, ValueError),
            (fields.number, 2**31 - 1, 2**31 - 1),
            (fields.number, 2**31, ValueError),
            (fields.number, "1_000", ValueError),
            (fields.number, "inf", ValueError),
            (fields.number, "36 cores", ValueError),
            (fields.mib_from_gib, 2**21, ValueError),
            (fields.gib_from_bytes, 10**400, ValueError),
            (fields.gib_from_bytes, 2**30 - 1, 0),
            (fields.number, float("nan"), ValueError),
            (fields.number, float("inf"), ValueError),
            (fields.number, 10**400, ValueError),
            (fields.mib_from_gib, 0.25, 256),
            (fields.gib_from_bytes, 2**31 - 1, 1),
            (fields.gib_from_bytes, "", None),
            (fields.positive, 0, None),
            (fields.positive, 7200, 7200),
            (fields.mac, "AABBCC000001", "aa:bb:cc:00:00:01"),
            (fields.mac, "00:00:00:00:00:00", None),
            (fields.mac, "", None),
            (fields.mac, "{aa:bb:cc:00:00:01}\n", "aa:bb:cc:00:00:01"),
            (fields.mac, "aa_bb_cc_00_00_01", "aa:bb:cc:00:00:01"),
            (fields.mac, "ff-ff-ff-ff-ff-ff", None),
            (fields.mac, "MAC aa:bb:cc:00:00", ValueError),
            (fields.mac, "aa:bb:cc", ValueError),
            (fields.mac, "aa:bb:cc:00:00:01:02:03", ValueError),
            (fields.mac, "ga:bb:cc:00:00:01", ValueError),
            (fields.distinct_uuid, UUID.upper(), UUID),
            (fields.distinct_uuid, f"{{{UUID}}}", UUID),
            (fields.distinct_uuid, UUID.replace("-", ""), UUID),
            (fields.distinct_uuid, f"urn:uuid:{UUID}", UUID),
            (fields.distinct_uuid, "QTFCJ0529", "qtfcj0529"),
            *((fields.distinct_uuid, common, None) for common in COMMON_UUIDS),
            (fields.distinct_uuid, [], ValueError),
            (fields.distinct_serial, "2M220100SL", "2M220100SL"),
            (fields.distinct_serial, 12345, "12345"),
            *((fields.distinct_serial, common, None) for common in COMMON_SERIALS),
            (fields.distinct_serial, {}, ValueError),
            (fields.link_path, "/systems/1", "/systems/1"),
            (fields.link_path, [], None),
            (fields.link_path, {}, None),
            (fields.link_path, [{}], ValueError),
            (fields.link_path, 7, ValueError),
            (fields.link_path, "/" + "a" * 1024, ValueError),
            (fields.link_path, ["/" + "a" * 1024, "/systems/1"], "/systems/1"),
            (
                fields.link_paths,
                ["/drives/1", "/drives/%31", "/drives/2"],
                ["/drives/1", "/drives/2"],
            ),
            (fields.identity, ["another"], "['another']"),
            (fields.identity, 7, "7"),
            (fields.identity, "", None),
        ]
    ]
    convert: Any
    raw: Any
    value: Any

    def test_a_value_is_converted_or_refused(self) -> None:
        if self.value is ValueError:
            self.assertRaises(ValueError, self.convert, self.raw)
        else:
            self.assertEqual(self.value, self.convert(self.raw))


class TestIdentity(base.TestCase):
    def test_a_name_of_a_wrong_type_is_the_name_of_another_node(self) -> None:
        bad_values = fields.BadValues("http://192.0.2.1")
        resource = {"Name": ["another"], "Description": {"a": 1}}
        member = rsd_node.facts("/redfish/v1/Nodes/1", resource, bad_values)
        self.assertEqual(("['another']", "{'a': 1}"), (member.name, member.description))
        self.assertIsNotNone(rsd_node.composed(member.path, resource, {}, bad_values).name)
