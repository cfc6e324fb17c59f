# SPDX-License-Identifier: Apache-2.0

"""Requirements as options, and their output."""

import argparse
import io
import json
import pathlib
from unittest import mock

from tests import base
from valenceclient.commands import output
from valenceclient.commands import requirements


class ParserError(Exception):
    """The message of argparse."""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise ParserError(message)


class TestRequirements(base.TestCase):
    def parse(self, *arguments: str) -> dict[str, object] | None:
        parser = Parser()
        requirements.add_options(parser)
        return requirements.from_options(parser.parse_args(arguments))

    def error_of(self, *arguments: str) -> str:
        return str(self.assertRaises(ParserError, self.parse, *arguments))

    def test_every_option_becomes_a_property(self) -> None:
        self.assertEqual(
            {
                "processor": {
                    "total_cores": 8,
                    "count": 2,
                    "model": "Xeon",
                    "instruction_set": "x86-64",
                    "speed_mhz": 2400,
                },
                "memory": {"capacity_mib": 16384},
                "storage": [
                    {"capacity_gib": 100, "type": "SSD"},
                    {"capacity_gib": 2048, "type": "HDD", "min_rpm": 7200, "interface": "SATA"},
                ],
                "network": [{"speed_mbps": 10000, "vlan": 100}],
                "pci_device": [{"type": "FPGA", "model": "A10", "count": 1}],
            },
            self.parse(
                "--cores=8",
                "--cpu=count=2,model=Xeon,isa=x86-64,speed=2400",
                "--memory=16G",
                "--storage=size=100,type=ssd",
                "--storage=size=2T,type=HDD,rpm=7200,interface=SATA",
                "--nic=speed=10G,vlan=100",
                "--pci=type=fpga,model=A10,count=1",
            ),
        )

    def test_no_option_is_none(self) -> None:
        self.assertIsNone(self.parse())

    def test_memory_is_accepted_in_every_common_spelling(self) -> None:
        for text in ("16G", "16g", "16GB", "16GiB", "16 GiB", "16384", "16384M", "16384MiB"):
            self.assertEqual(16384, requirements.mebibytes(text), text)
        self.assertEqual(1024 * 1024, requirements.mebibytes("1T"))

    def test_storage_is_in_gibibytes(self) -> None:
        for text in ("100", "100G", "100GiB", "102400M"):
            self.assertEqual(100, requirements.gibibytes(text), text)

    def test_speeds_are_decimal(self) -> None:
        for text in ("25000", "25G", "25Gb", "25Gbps", "25Gbit/s", "25000M"):
            self.assertEqual(25000, requirements.megabits(text), text)

    def test_the_property_names_of_the_api_are_accepted(self) -> None:
        self.assertEqual(
            {"storage": [{"capacity_gib": 5}]}, self.parse("--storage=capacity_gib=5")
        )

    def test_an_invalid_value_is_an_error_that_lists_the_valid_ones(self) -> None:
        for argument, expected in {
            "--cores=0": "'0' is not a positive whole number",
            "--cores=many": "'many' is not a positive whole number",
            "--memory=16X": "'16X' is not a size such as 16G",
            "--memory=0": "'0' is not a size",
            "--storage=size=100M": "'100M' is not a whole number of GiB",
            "--storage=100": "'100' is none of size=..., type=..., rpm=..., interface=...",
            "--storage=colour=red": "'colour=red' is none of size=...",
            "--storage=type=tape": "'tape' is none of SSD, HDD, NVMe",
            "--nic=speed=fast": "'fast' is not a speed such as 10G",
            "--pci=type=NIC": "'NIC' is none of FPGA, GPU",
        }.items():
            self.assertIn(expected, self.error_of(argument), argument)

    def test_properties_come_from_json_a_file_or_stdin(self) -> None:
        properties = {"memory": {"capacity_mib": 1024}}
        text = json.dumps(properties)
        path = pathlib.Path(self.create_tempfiles([("properties", text)], ext=".json")[0])
        self.assertEqual(properties, self.parse("--properties", text))
        self.assertEqual(properties, self.parse("--properties", str(path)))
        with mock.patch("sys.stdin", io.StringIO(text)):
            self.assertEqual(properties, self.parse("--properties", "-"))

    def test_an_option_takes_precedence_over_properties(self) -> None:
        properties = self.parse("--properties", '{"memory": {}, "processor": {}}', "--memory=1G")
        self.assertEqual({"memory": {"capacity_mib": 1024}, "processor": {}}, properties)

    def test_properties_that_cannot_be_read_are_an_error(self) -> None:
        self.assertIn("not JSON", self.error_of("--properties", "{"))
        self.assertIn("cannot read /no/file", self.error_of("--properties", "/no/file"))
        path = self.create_tempfiles([("list", "[]")], ext=".json")[0]
        self.assertIn("the JSON value is not an object", self.error_of("--properties", path))


class TestOutput(base.TestCase):
    def test_properties_read_like_a_sentence(self) -> None:
        column = output.Properties(
            {
                "processor": {"total_cores": 8, "model": "Xeon"},
                "memory": {"capacity_mib": 16384, "type": "DDR4"},
                "storage": [{"capacity_gib": 100, "type": "SSD"}, {"capacity_gib": 7}],
                "network": [{"speed_mbps": 10000, "vlan": 3}],
                "pci_device": [{"type": "FPGA", "count": 2}],
            }
        )
        self.assertEqual(
            "8 cores, Xeon, 16 GiB DDR4, 100 GiB SSD, 7 GiB drive, "
            "10000 Mbit/s NIC in VLAN 3, 2 x FPGA",
            column.human_readable(),
        )

    def test_missing_properties_are_omitted(self) -> None:
        self.assertEqual("", output.Properties({}).human_readable())
        memory = output.Properties({"memory": {"capacity_mib": 1500}})
        self.assertEqual("1500 MiB memory", memory.human_readable())
        self.assertEqual("", output.Fault(None).human_readable())
        self.assertEqual("", output.Interfaces(None).human_readable())
