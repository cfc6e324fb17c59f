# SPDX-License-Identifier: Apache-2.0

"""What to compose, as a person says it: ``--cores 8 --memory 16G --storage size=100,type=SSD``.

The tables say which word means which property of the API; the API's own words
are understood too.
"""

import argparse
from collections.abc import Callable
from collections.abc import Mapping
import json
import pathlib
import re
import sys
from typing import Any

#: word -> (property, how to read its value)
Words = Mapping[str, tuple[str, Callable[[str], Any]]]

_BINARY = {"M": 1, "G": 1024, "T": 1024 * 1024}
_DECIMAL = {"M": 1, "G": 1000, "T": 1000 * 1000}


def number(text: str) -> int:
    """Read a positive whole number."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive whole number")
    return int(text)


def mebibytes(text: str) -> int:
    """Read a size of memory: ``16G``, ``16GiB``, ``16384M``; a bare number is MiB."""
    return _measure(text, _BINARY, "M", r"i?B?", "a size such as 16G or 16384M")


def gibibytes(text: str) -> int:
    """Read a size of storage: ``100``, ``100G``, ``2T``; a bare number is GiB."""
    size = _measure(text, _BINARY, "G", r"i?B?", "a size such as 100G or 2T")
    if size % 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of GiB")
    return size // 1024


def megabits(text: str) -> int:
    """Read a speed of a network: ``10000``, ``10G``; a bare number is Mbit/s."""
    return _measure(text, _DECIMAL, "M", r"b?(?:it/s|ps)?", "a speed such as 10G or 10000")


def _measure(text: str, units: Mapping[str, int], bare: str, tail: str, what: str) -> int:
    match = re.fullmatch(rf"(\d+)\s*(?:([MGT]){tail})?", text.strip(), re.I)
    if not match or int(match[1]) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return int(match[1]) * units[(match[2] or bare).upper()]


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        for choice in choices:
            if choice.lower() == text.lower():
                return choice
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(choices)}")

    return read


PROCESSOR: Words = {
    "count": ("count", number),
    "model": ("model", str),
    "isa": ("instruction_set", str),
    "speed": ("speed_mhz", number),
}
STORAGE: Words = {
    "size": ("capacity_gib", gibibytes),
    "type": ("type", _one_of("SSD", "HDD", "NVMe")),
    "rpm": ("min_rpm", number),
    "interface": ("interface", str),
}
NETWORK: Words = {"speed": ("speed_mbps", megabits), "vlan": ("vlan", number)}
PCI: Words = {
    "type": ("type", _one_of("FPGA", "GPU")),
    "model": ("model", str),
    "count": ("count", number),
}


def spoken(words: Words) -> Callable[[str], dict[str, Any]]:
    """Return a reader of ``word=value,word=value``."""
    known = {**words, **{name: (name, read) for name, read in words.values()}}

    def read_pairs(text: str) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for pair in text.split(","):
            word, equals, value = pair.partition("=")
            if not equals or word.strip() not in known:
                expected = ", ".join(f"{name}=..." for name in words)
                raise argparse.ArgumentTypeError(f"{pair!r} is none of {expected}")
            name, read = known[word.strip()]
            said[name] = read(value.strip())
        return said

    return read_pairs


def properties(text: str) -> dict[str, Any]:
    """Read properties as the API has them: JSON, a file of it, or ``-`` for stdin."""
    try:
        if text.lstrip().startswith("{"):
            found = json.loads(text)
        elif text == "-":
            found = json.load(sys.stdin)
        else:
            found = json.loads(pathlib.Path(text).read_text(encoding="utf-8"))
    except OSError as exc:
        raise argparse.ArgumentTypeError(f"cannot read {text}: {exc.strerror}") from exc
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"this is no JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError("this JSON is no object")
    return found


#: option, how to read it, how often it may be given, its value, its help.
OPTIONS: tuple[tuple[str, Callable[[str], Any], str, str, str], ...] = (
    ("--cores", number, "store", "<n>", "Processor cores in all"),
    (
        "--cpu",
        spoken(PROCESSOR),
        "store",
        "<word=value,...>",
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
        spoken(STORAGE),
        "append",
        "<word=value,...>",
        "A drive: size=100G,type=SSD|HDD|NVMe,rpm=7200,interface=SATA (may be repeated)",
    ),
    (
        "--nic",
        spoken(NETWORK),
        "append",
        "<word=value,...>",
        "A network interface: speed=10G,vlan=100 (may be repeated)",
    ),
    (
        "--pci",
        spoken(PCI),
        "append",
        "<word=value,...>",
        "A PCI device: type=FPGA|GPU,model=...,count=1 (may be repeated)",
    ),
    (
        "--properties",
        properties,
        "store",
        "<file|json>",
        "All of it as the API has it: JSON, a file of it, or - for stdin",
    ),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what to compose."""
    for option, read, action, metavar, what in OPTIONS:
        parser.add_argument(option, type=read, action=action, metavar=metavar, help=what)


def from_options(options: argparse.Namespace) -> dict[str, Any] | None:
    """Return the API's properties for what was said; None if nothing was.

    Words beside ``--properties`` go before what is said there.
    """
    processor = {
        **({"total_cores": options.cores} if options.cores else {}),
        **(options.cpu or {}),
    }
    said = {
        "processor": processor,
        "memory": {"capacity_mib": options.memory} if options.memory else None,
        "storage": options.storage,
        "network": options.nic,
        "pci_device": options.pci,
    }
    wanted = {**(options.properties or {}), **{name: it for name, it in said.items() if it}}
    return wanted or None
