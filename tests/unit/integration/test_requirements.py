# SPDX-License-Identifier: Apache-2.0

"""Flavors are translated to properties by one table."""

import pathlib

import testscenarios

from tests import base
from valence_integration import errors
from valence_integration import requirements

DOC = pathlib.Path(__file__).parents[3] / "doc/source/integration/flavors.rst"

SPECS = {
    "valence:processor:total_cores": "8",
    "valence:processor:instruction_set": "x86-64",
    "valence:memory:capacity_mib": "16384",
    "valence:storage:capacity_gib": "100",
    "valence:storage2:capacity_gib": "2000",
    "valence:storage2:type": "hdd",
    "valence:network:vlan": "4094",
    "valence:pci_device:type": "GPU",
    "resources:VCPU": "0",
}
PROPERTIES = {
    "processor": {"total_cores": 8, "instruction_set": "x86-64"},
    "memory": {"capacity_mib": 16384},
    "storage": [{"capacity_gib": 100}, {"capacity_gib": 2000, "type": "HDD"}],
    "network": [{"vlan": 4094}],
    "pci_device": [{"type": "GPU"}],
}


class TestTranslation(base.TestCase):
    def test_extra_specs_of_nova_become_properties(self) -> None:
        translated = requirements.from_extra_specs(SPECS)
        self.assertEqual(requirements.Requirements(properties=PROPERTIES), translated)

    def test_resources_and_traits_of_mogan_become_the_same_properties(self) -> None:
        translated = requirements.from_mogan(
            {
                "CUSTOM_VALENCE_PROCESSOR_TOTAL_CORES": 8,
                "CUSTOM_VALENCE_MEMORY_CAPACITY_MIB": 16384,
                "CUSTOM_VALENCE_STORAGE_CAPACITY_GIB": 100,
                "CUSTOM_VALENCE_STORAGE2_CAPACITY_GIB": 2000,
                "CUSTOM_VALENCE_NETWORK_VLAN": 4094,
                "CUSTOM_GOLD": 1,
            },
            {
                "CUSTOM_VALENCE_PROCESSOR_INSTRUCTION_SET": "x86-64",
                "CUSTOM_VALENCE_STORAGE2_TYPE": "HDD",
                "CUSTOM_VALENCE_PCI_DEVICE_TYPE": "GPU",
            },
        )
        self.assertEqual(requirements.Requirements(properties=PROPERTIES), translated)

    def test_every_row_of_the_table_has_a_key_in_nova_and_in_mogan(self) -> None:
        for row in requirements.TABLE:
            value = getattr(row.value, "words", ("7",))[0]
            nova = requirements.from_extra_specs({row.key: value})
            mogan = requirements.from_mogan({row.mogan_key: value}, {})
            self.assertIsNotNone(nova)
            self.assertEqual(nova, mogan)

    def test_a_valence_flavor_replaces_properties(self) -> None:
        gold = requirements.Requirements(flavor="gold")
        self.assertEqual(gold, requirements.from_extra_specs({"valence:flavor": "gold"}))
        self.assertEqual(gold, requirements.from_mogan({}, {"CUSTOM_VALENCE_FLAVOR": "gold"}))

    def test_a_flavor_without_a_key_of_valence_is_ignored(self) -> None:
        self.assertIsNone(requirements.from_extra_specs({"hw:cpu_policy": "dedicated"}))
        self.assertIsNone(requirements.from_mogan({"CUSTOM_GOLD": 1}, {"CUSTOM_GOLD": "FPGA"}))
        self.assertIsNone(requirements.from_extra_specs({}))

    def test_properties_in_valences_own_format_are_kept(self) -> None:
        self.assertEqual(PROPERTIES, requirements.from_properties(PROPERTIES).properties)

    def test_contradicting_values_of_mogan_are_refused(self) -> None:
        key = "CUSTOM_VALENCE_MEMORY_CAPACITY_MIB"
        with self.assertRaisesRegex(errors.InvalidRequirements, key):
            requirements.from_mogan({key: 1024}, {key: "2048"})


class TestRefusal(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (key, {"key": key, "value": value, "allowed": allowed})
        for key, value, allowed in (
            ("valence:procesor:total_cores", "8", "valence:processor:total_cores"),
            ("valence:processor:cores", "8", "valence:processor:total_cores"),
            ("valence:processor2:count", "8", "valence:processor:count"),
            ("valence:processor:total_cores", "0", "a whole number, 1 or more"),
            ("valence:processor:count", "-1", "a whole number, 1 or more"),
            ("valence:processor:speed_mhz", "fast", "a whole number, 1 or more"),
            ("valence:memory:capacity_mib", "1.5", "a whole number, 1 or more"),
            ("valence:memory:speed_mhz", True, "a whole number, 1 or more"),
            ("valence:memory:type", "", "text of 1 to 128 characters"),
            ("valence:storage:capacity_gib", "9999999999", "a whole number"),
            ("valence:storage:type", "tape", "one of SSD, HDD, NVMe"),
            ("valence:network:vlan", "4095", "a whole number, 1 to 4094"),
            ("valence:flavor", "", "the name of a flavor"),
        )
    ]
    key: str
    value: str | bool
    allowed: str

    def test_the_error_names_the_key_and_what_is_allowed(self) -> None:
        specs = {"valence:processor:model": "Xeon", self.key: self.value}
        failure = self.assertRaises(
            errors.InvalidRequirements, requirements.from_extra_specs, specs
        )
        self.assertEqual(self.key, failure.key)
        self.assertIn(self.key, str(failure))
        self.assertIn(self.allowed, str(failure))


class TestMoreRefusals(base.TestCase):
    def test_a_flavor_and_properties_exclude_each_other(self) -> None:
        specs = {"valence:flavor": "gold", "valence:memory:capacity_mib": "1024"}
        with self.assertRaisesRegex(errors.InvalidRequirements, "remove one of the two"):
            requirements.from_extra_specs(specs)

    def test_unknown_names_of_mogan_are_refused(self) -> None:
        for key in ("CUSTOM_VALENCE_CORES", "CUSTOM_VALENCE_MEMORY2_CAPACITY_MIB"):
            with self.assertRaisesRegex(errors.InvalidRequirements, key):
                requirements.from_mogan({key: 1}, {})

    def test_empty_or_malformed_properties_are_refused(self) -> None:
        for properties in ({}, {"memory": 7}, {"memory": {"size": 7}}, {"disk": {"x": 1}}):
            self.assertRaises(errors.InvalidRequirements, requirements.from_properties, properties)


class TestDocumentation(base.TestCase):
    def test_the_documentation_names_every_key(self) -> None:
        text = DOC.read_text(encoding="utf-8")
        keys = (*requirements.KEYS["extra specs"], *requirements.KEYS["mogan"])
        self.assertEqual([], [key for key in keys if f"``{key}``" not in text])
