# SPDX-License-Identifier: Apache-2.0

"""Requirements of a node as options: ``--cores 8 --memory 16G --storage size=100,type=SSD``.

The tables map the short keys of the options to properties of the API; the names
of the properties are accepted as keys too.
"""

import argparse
from collections.abc import Callable
from collections.abc import Mapping
import json
import pathlib
import re
import sys
from typing import Any

#: key -> (property, parser of its value)
Keys = Mapping[str, tuple[str, Callable[[str], Any]]]

_BINARY = {"M": 1, "G": 1024, "T": 1024 * 1024}
_DECIMAL = {"M": 1, "G": 1000, "T": 1000 * 1000}


def number(text: str) -> int:
    """Return a positive whole number.

    :raises ArgumentTypeError: the text is not one.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def mebibytes(text: str) -> int:
    """Return a size of memory in MiB: ``16G``, ``16GiB``, ``16384M``; a bare number is MiB."""
    return _measure(text, _BINARY, "M", r"i?B?", "a size such as 16G or 16384M")


def gibibytes(text: str) -> int:
    """Return a size of storage in GiB: ``100``, ``100G``, ``2T``; a bare number is GiB."""
    size = _measure(text, _BINARY, "G", r"i?B?", "a size such as 100G or 2T")
    if size % 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of GiB")
    return size // 1024


def megabits(text: str) -> int:
    """Return a network speed in Mbit/s: ``10000``, ``10G``; a bare number is Mbit/s."""
    return _measure(text, _DECIMAL, "M", r"b?(?:it/s|ps)?", "a speed such as 10G or 10000")


def _measure(text: str, units: Mapping[str, int], bare: str, tail: str, expected: str) -> int:
    match = re.fullmatch(rf"(\d+)\s*(?:([MGT]){tail})?", text.strip(), re.I)
    if not match or int(match[1]) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not {expected}")
    return int(match[1]) * units[(match[2] or bare).upper()]


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        for choice in choices:
            if choice.lower() == text.lower():
                return choice
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(choices)}")

    return parse


PROCESSOR: Keys = {
    "count": ("count", number),
    "model": ("model", str),
    "isa": ("instruction_set", str),
    "speed": ("speed_mhz", number),
}
STORAGE: Keys = {
    "size": ("capacity_gib", gibibytes),
    "type": ("type", _one_of("SSD", "HDD", "NVMe")),
    "rpm": ("min_rpm", number),
    "interface": ("interface", str),
}
NETWORK: Keys = {"speed": ("speed_mbps", megabits), "vlan": ("vlan", number)}
PCI: Keys = {
    "type": ("type", _one_of("FPGA", "GPU")),
    "model": ("model", str),
    "count": ("count", number),
}


def pairs(keys: Keys) -> Callable[[str], dict[str, Any]]:
    """Return a parser of ``key=value,key=value`` into properties."""
    all_keys = {**keys, **{name: (name, parse) for name, parse in keys.values()}}

    def parse_pairs(text: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for pair in text.split(","):
            key, equals, value = pair.partition("=")
            if not equals or key.strip() not in all_keys:
                expected = ", ".join(f"{name}=..." for name in keys)
                raise argparse.ArgumentTypeError(f"{pair!r} is none of {expected}")
            name, parse = all_keys[key.strip()]
            values[name] = parse(value.strip())
        return values

    return parse_pairs


def properties(text: str) -> dict[str, Any]:
    """Return the properties of the API from JSON, from a file of it, or from stdin (``-``).

    :raises ArgumentTypeError: the file cannot be read, or holds no JSON object.
    """
    try:
        if text.lstrip().startswith("{"):
            value = json.loads(text)
        elif text == "-":
            value = json.load(sys.stdin)
        else:
            value = json.loads(pathlib.Path(text).read_text(encoding="utf-8"))
    except OSError as exc:
        raise argparse.ArgumentTypeError(f"cannot read {text}: {exc.strerror}") from exc
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"not JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("the JSON value is not an object")
    return value


#: option, parser, argparse action, metavar, help.
OPTIONS: tuple[tuple[str, Callable[[str], Any], str, str, str], ...] = (
    ("--cores", number, "store", "<n>", "Processor cores in all"),
    (
        "--cpu",
        pairs(PROCESSOR),
        "store",
        "<key=value,...>",
        "More about the processors: count=2,model=...,isa=x86-64,speed=2400 (MHz)",
    ),
    (
        "--memory",
        mebibytes,
        "store",
        "<size>",
        "Memory: 16G, 16GiB, 16384MiB (a bare number is MiB)",
    ),
    (
        "--storage",
        pairs(STORAGE),
        "append",
        "<key=value,...>",
        "A drive: size=100G,type=SSD|HDD|NVMe,rpm=7200,interface=SATA (may be repeated)",
    ),
    (
        "--nic",
        pairs(NETWORK),
        "append",
        "<key=value,...>",
        "A network interface: speed=10G,vlan=100 (may be repeated)",
    ),
    (
        "--pci",
        pairs(PCI),
        "append",
        "<key=value,...>",
        "A PCI device: type=FPGA|GPU,model=...,count=1 (may be repeated)",
    ),
    (
        "--properties",
        properties,
        "store",
        "<file|json>",
        "All requirements as the API has them: JSON, a file of it, or - for stdin",
    ),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for requirements."""
    for option, parse, action, metavar, description in OPTIONS:
        parser.add_argument(option, type=parse, action=action, metavar=metavar, help=description)


def from_options(parsed_args: argparse.Namespace) -> dict[str, Any] | None:
    """Return the properties of the API for the options; None if none is set.

    The other options take precedence over ``--properties``.
    """
    processor = {
        **({"total_cores": parsed_args.cores} if parsed_args.cores else {}),
        **(parsed_args.cpu or {}),
    }
    by_kind = {
        "processor": processor,
        "memory": {"capacity_mib": parsed_args.memory} if parsed_args.memory else None,
        "storage": parsed_args.storage,
        "network": parsed_args.nic,
        "pci_device": parsed_args.pci,
    }
    by_kind = {kind: value for kind, value in by_kind.items() if value}
    return {**(parsed_args.properties or {}), **by_kind} or None
