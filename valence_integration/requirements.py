# SPDX-License-Identifier: Apache-2.0

"""Translate flavors of Nova and Mogan to properties that Valence composes, by one table.

A flavor without a key of Valence does not concern the plugin, and translates to None.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import re
from typing import Any

from valence_integration.errors import InvalidRequirements

#: Nova: namespace of the extra specs that are translated.
NAMESPACE = "valence:"
#: Mogan: prefix of the resources and resource_traits that are translated.
MOGAN_PREFIX = "CUSTOM_VALENCE_"
#: Key of a Valence flavor, instead of properties.
FLAVOR_KEY = "flavor"
LARGEST = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Number:
    """A whole number within bounds; in extra specs it is text."""

    least: int = 1
    most: int = LARGEST

    def __str__(self) -> str:
        upper = "" if self.most == LARGEST else f" to {self.most}"
        return f"a whole number, {self.least}{upper or ' or more'}"

    def parse(self, value: Any) -> int | None:
        """Return the parsed value; None when it is not valid."""
        if isinstance(value, bool) or not re.fullmatch(r"\s*\+?\d{1,10}\s*", str(value)):
            return None
        return int(value) if self.least <= int(value) <= self.most else None


@dataclasses.dataclass(frozen=True)
class OneOf:
    """One of a few words, in any capitalisation."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return "one of " + ", ".join(self.words)

    def parse(self, value: Any) -> str | None:
        """Return the parsed value; None when it is not valid."""
        folded = str(value).strip().lower()
        return next((word for word in self.words if word.lower() == folded), None)


@dataclasses.dataclass(frozen=True)
class Text:
    """Text in the terms of the pod manager."""

    most: int = 128

    def __str__(self) -> str:
        return f"text of 1 to {self.most} characters"

    def parse(self, value: Any) -> str | None:
        """Return the parsed value; None when it is not valid."""
        text = value.strip() if isinstance(value, str) else ""
        return text if 0 < len(text) <= self.most and text.isprintable() else None


@dataclasses.dataclass(frozen=True)
class Requirement:
    """One row of the table.

    :ivar section: the property of Valence that it belongs to.
    :ivar field: the field within the property.
    :ivar value: the values that are allowed.
    :ivar meaning: a description for the documentation.
    """

    section: str
    field: str
    value: Number | OneOf | Text
    meaning: str

    @property
    def key(self) -> str:
        """Return the extra spec of Nova."""
        return f"{NAMESPACE}{self.section}:{self.field}"

    @property
    def mogan_key(self) -> str:
        """Return the key in Mogan's resources (numbers) or resource_traits (words)."""
        return f"{MOGAN_PREFIX}{self.section}_{self.field}".upper()


#: Sections that may be repeated: ``storage``, ``storage2``, ...
REPEATED = frozenset({"storage", "network", "pci_device"})

#: Every key that a flavor may have, besides ``valence:flavor``.
TABLE = (
    Requirement("processor", "total_cores", Number(), "cores in all processors together"),
    Requirement("processor", "count", Number(), "number of processors"),
    Requirement("processor", "model", Text(), "model of the processors"),
    Requirement("processor", "instruction_set", Text(), "instruction set, such as x86-64"),
    Requirement("processor", "speed_mhz", Number(), "least speed of the processors, MHz"),
    Requirement("memory", "capacity_mib", Number(), "memory, MiB"),
    Requirement("memory", "type", Text(), "kind of memory, such as DDR4"),
    Requirement("memory", "speed_mhz", Number(), "least speed of the memory, MHz"),
    Requirement("storage", "capacity_gib", Number(), "least size of the drive, GiB"),
    Requirement("storage", "type", OneOf(("SSD", "HDD", "NVMe")), "kind of drive"),
    Requirement("storage", "min_rpm", Number(), "least speed of a spinning drive, rpm"),
    Requirement("storage", "interface", Text(), "how the drive is attached, such as SATA"),
    Requirement("network", "speed_mbps", Number(), "least speed of the interface, Mbit/s"),
    Requirement("network", "vlan", Number(1, 4094), "VLAN of the interface"),
    Requirement("pci_device", "type", OneOf(("FPGA", "GPU")), "kind of PCI device"),
    Requirement("pci_device", "model", Text(), "model of the PCI device"),
    Requirement("pci_device", "count", Number(), "number of such devices"),
)

_BY_NAME = {(row.section, row.field): row for row in TABLE}
_BY_MOGAN = {row.mogan_key: row for row in TABLE}
_FLAVOR = Text(255)


@dataclasses.dataclass(frozen=True)
class Requirements:
    """The requirements of a composition: properties, or a Valence flavor.

    :ivar properties: in the format of ``POST /v1/nodes``.
    :ivar flavor: name or uuid of a Valence flavor.
    """

    properties: dict[str, Any] | None = None
    flavor: str | None = None


@dataclasses.dataclass(frozen=True)
class _Entry:
    """A parsed value, its place in the properties, and its key in the flavor."""

    key: str
    row: Requirement
    place: int
    value: Any


def from_extra_specs(extra_specs: Mapping[str, Any]) -> Requirements | None:
    """Translate the extra specs of a Nova flavor.

    :returns: None when the flavor has no key of Valence.
    :raises InvalidRequirements: a ``valence:`` key is unknown, or its value is invalid.
    """
    specs = {key: value for key, value in extra_specs.items() if key.startswith(NAMESPACE)}
    flavor = {key: specs.pop(key) for key in [NAMESPACE + FLAVOR_KEY] if key in specs}
    return _requirements(flavor, [_nova_entry(key, value) for key, value in specs.items()])


def from_mogan(
    resources: Mapping[str, Any], resource_traits: Mapping[str, Any]
) -> Requirements | None:
    """Translate a flavor of Mogan.

    Numbers are in ``resources``, words in ``resource_traits``, both under the
    ``CUSTOM_VALENCE_`` names of the table.

    :returns: None when the flavor has no key of Valence.
    :raises InvalidRequirements: a ``CUSTOM_VALENCE_`` name is unknown, or its value is invalid.
    """
    values: dict[str, Any] = {}
    for source in (resources or {}, resource_traits or {}):
        for key, value in source.items():
            if not key.startswith(MOGAN_PREFIX):
                continue
            if values.setdefault(key, value) != value:
                raise InvalidRequirements(key, value, f"it is {values[key]!r} elsewhere")
    flavor_key = MOGAN_PREFIX + FLAVOR_KEY.upper()
    flavor = {key: values.pop(key) for key in [flavor_key] if key in values}
    return _requirements(flavor, [_mogan_entry(key, value) for key, value in values.items()])


def from_properties(properties: Mapping[str, Any]) -> Requirements:
    """Return properties that are in Valence's own format already, validated.

    :raises InvalidRequirements: there is no property, a field is unknown, or its
        value is invalid.
    """
    entries: list[_Entry] = []
    for section, content in properties.items():
        parts = content if section in REPEATED and isinstance(content, list) else [content]
        for place, part in enumerate(parts):
            if not isinstance(part, Mapping):
                raise InvalidRequirements(section, part, "it must be an object with fields")
            entries += _own_entries(section, place, part)
    if not entries:
        raise InvalidRequirements("requirements", dict(properties), _one_of(KEYS["valence"]))
    return Requirements(properties=_assemble(entries))


def _requirements(flavor: Mapping[str, Any], entries: list[_Entry]) -> Requirements | None:
    for key, value in flavor.items():
        name = _FLAVOR.parse(value)
        if name is None:
            raise InvalidRequirements(key, value, f"{_FLAVOR} is allowed, the name of a flavor")
        if entries:
            first = entries[0]
            allowed = f"{key} names a flavor already; remove one of the two"
            raise InvalidRequirements(first.key, first.value, allowed)
        return Requirements(flavor=name)
    return Requirements(properties=_assemble(entries)) if entries else None


def _nova_entry(key: str, value: Any) -> _Entry:
    parts = re.fullmatch(rf"{NAMESPACE}([a-z_]+?)([1-9]\d{{0,2}})?:([a-z_]+)", key)
    row = _BY_NAME.get((parts[1], parts[3])) if parts else None
    return _entry(key, value, row, parts[2] if parts else None, "extra specs")


def _mogan_entry(key: str, value: Any) -> _Entry:
    parts = re.fullmatch(rf"({MOGAN_PREFIX}[A-Z_]+?)([1-9]\d{{0,2}})?(_[A-Z_]+)", key)
    row = _BY_MOGAN.get(parts[1] + parts[3]) if parts and parts[2] else _BY_MOGAN.get(key)
    return _entry(key, value, row, parts[2] if parts else None, "mogan")


def _own_entries(section: str, place: int, part: Mapping[str, Any]) -> Iterable[_Entry]:
    for field, value in part.items():
        row = _BY_NAME.get((section, field))
        yield _entry(f"{section}.{field}", value, row, str(place) if place else None, "valence")


def _entry(
    key: str, value: Any, row: Requirement | None, number: str | None, format_: str
) -> _Entry:
    if row is None or (number and row.section not in REPEATED):
        raise InvalidRequirements(key, value, "there is no such key; " + _one_of(KEYS[format_]))
    parsed = row.value.parse(value)
    if parsed is None:
        raise InvalidRequirements(key, value, f"{row.value} is allowed")
    return _Entry(key, row, int(number or 0), parsed)


def _assemble(entries: Iterable[_Entry]) -> dict[str, Any]:
    parts: dict[str, dict[int, dict[str, Any]]] = {}
    for entry in entries:
        part = parts.setdefault(entry.row.section, {}).setdefault(entry.place, {})
        part[entry.row.field] = entry.value
    return {
        section: [numbered[place] for place in sorted(numbered)]
        if section in REPEATED
        else numbered[0]
        for section, numbered in sorted(parts.items())
    }


def _one_of(keys: Iterable[str]) -> str:
    return "the keys are " + ", ".join(keys)


#: format -> every key it has, for error messages and documentation.
KEYS = {
    "extra specs": (NAMESPACE + FLAVOR_KEY, *(row.key for row in TABLE)),
    "mogan": (MOGAN_PREFIX + FLAVOR_KEY.upper(), *(row.mogan_key for row in TABLE)),
    "valence": tuple(f"{row.section}.{row.field}" for row in TABLE),
}
