# SPDX-License-Identifier: Apache-2.0

"""Properties of a flavor as the body of an RSD Allocate."""

from typing import Any

import testscenarios

from tests import base
from valence import errors
from valence.podmanagers.rsd import requirements as rsd_requirements

#: The parameters of Allocate and the properties of their entries, RSD 2.1 to
#: 2.5 (AllocationComposedNodeRequest): no other may be sent.
SCHEMA: dict[str, set[str]] = {
    "Name": set(),
    "Description": set(),
    "TotalSystemCoreCount": set(),
    "TotalSystemMemoryMiB": set(),
    "Processors": {"Model", "TotalCores", "AchievableSpeedMHz", "InstructionSet", "ProcessorType"},
    "Memory": {"CapacityMiB", "MemoryDeviceType", "SpeedMHz"},
    "LocalDrives": {"CapacityGiB", "Type", "MinRPM", "Interface"},
    "EthernetInterfaces": {"SpeedMbps", "PrimaryVLAN", "VLANs"},
}

EVERYTHING: dict[str, Any] = {
    "processor": {
        "total_cores": 8,
        "count": 2,
        "model": "Xeon",
        "instruction_set": "x86-64",
        "speed_mhz": 2400,
    },
    "memory": {"capacity_mib": 16384, "type": "DDR4", "speed_mhz": 2666},
    "storage": [
        {"capacity_gib": 100, "type": "HDD", "min_rpm": 7200, "interface": "SATA"},
        {"capacity_gib": 400, "type": "NVMe"},
    ],
    "network": [{"speed_mbps": 10000, "vlan": 100}],
    "pci_device": [{"type": "FPGA", "model": "Arria", "count": 2}],
}


def translate(properties: dict[str, Any], version: str | None = None) -> dict[str, Any]:
    body = rsd_requirements.allocation("n", "d", properties, version)
    return {key: value for key, value in body.items() if key not in ("Name", "Description")}


class TestTranslation(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (name, {"properties": properties, "body": body})
        for name, properties, body in [
            ("nothing", {}, {}),
            ("empty sections", {"processor": {}, "storage": [], "memory": None}, {}),
            ("cores", {"processor": {"total_cores": 8}}, {"TotalSystemCoreCount": 8}),
            ("processors", {"processor": {"count": 2}}, {"Processors": [{}, {}]}),
            (
                "properties of each processor",
                {"processor": {"count": 2, "model": "Xeon", "speed_mhz": 2400}},
                {"Processors": [{"Model": "Xeon", "AchievableSpeedMHz": 2400}] * 2},
            ),
            (
                "properties of processors of any number",
                {"processor": {"instruction_set": "x86-64"}},
                {"Processors": [{"InstructionSet": "x86-64"}]},
            ),
            ("memory", {"memory": {"capacity_mib": 1024}}, {"TotalSystemMemoryMiB": 1024}),
            (
                "properties of memory",
                {"memory": {"capacity_mib": 1024, "type": "DDR4", "speed_mhz": 2666}},
                {
                    "TotalSystemMemoryMiB": 1024,
                    "Memory": [{"MemoryDeviceType": "DDR4", "SpeedMHz": 2666}],
                },
            ),
            (
                "drives",
                {
                    "storage": [
                        {"capacity_gib": 9, "type": "HDD", "min_rpm": 7200},
                        {"type": "SSD"},
                    ]
                },
                {
                    "LocalDrives": [
                        {"CapacityGiB": 9, "Type": "HDD", "MinRPM": 7200},
                        {"Type": "SSD"},
                    ]
                },
            ),
            (
                "an NVMe drive",
                {"storage": [{"type": "NVMe"}]},
                {"LocalDrives": [{"Type": "SSD", "Interface": "NVMe"}]},
            ),
            (
                "networks",
                {"network": [{"speed_mbps": 1000}, {"vlan": 7}]},
                {
                    "EthernetInterfaces": [
                        {"SpeedMbps": 1000},
                        {"PrimaryVLAN": 7, "VLANs": [{"VLANId": 7, "Tagged": False}]},
                    ]
                },
            ),
            (
                "accelerators beside processors",
                {"processor": {"count": 1}, "pci_device": [{"type": "GPU", "count": 2}]},
                {"Processors": [{}, {"ProcessorType": "GPU"}, {"ProcessorType": "GPU"}]},
            ),
        ]
    ]
    body: dict[str, Any]
    properties: dict[str, Any]

    def test_translation(self) -> None:
        self.assertEqual(self.body, translate(self.properties))


class TestStrictness(base.TestCase):
    def test_nothing_is_sent_that_the_schema_does_not_have(self) -> None:
        body = rsd_requirements.allocation("n", "d", EVERYTHING)
        self.assertEqual(set(), set(body) - set(SCHEMA))
        for field, entries in body.items():
            for entry in entries if isinstance(entries, list) else []:
                self.assertEqual(set(), set(entry) - SCHEMA[field])

    def test_name_and_description_are_sent(self) -> None:
        self.assertEqual(
            {"Name": "n", "Description": "d"}, rsd_requirements.allocation("n", "d", {})
        )

    def test_what_cannot_be_translated_is_refused_and_not_left_out(self) -> None:
        for properties in ({"tape": {"count": 1}}, {"memory": {"colour": "blue"}}):
            exc = self.assertRaises(errors.PodManagerRefused, translate, properties)
            self.assertIn("cannot allocate by", exc.detail)

    def test_an_old_pod_manager_is_not_sent_accelerators(self) -> None:
        properties = {"pci_device": [{"type": "GPU"}]}
        exc = self.assertRaises(errors.PodManagerRefused, translate, properties, "2.1.0")
        self.assertIn("2.1.0", exc.own_words)
        for version in ("2.2.0", "2.10", "3.0", None, "unknown"):
            self.assertIn("Processors", translate(properties, version))
