# SPDX-License-Identifier: Apache-2.0

"""From a flavor of Nova or Mogan to what Valence composes: one table.

A flavor that names nothing of Valence's is not ours, and translates to None.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import re
from typing import Any

from valence_integration.errors import InvalidRequirements

#: Nova: extra specs in this namespace are ours.
NAMESPACE = "valence:"
#: Mogan: resources and resource_traits that begin so are ours.
MOGAN_PREFIX = "CUSTOM_VALENCE_"
#: The name of a Valence flavor, instead of properties.
FLAVOR_KEY = "flavor"
LARGEST = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Number:
    """A whole number within bounds; extra specs bring it as text."""

    least: int = 1
    most: int = LARGEST

    def __str__(self) -> str:
        upper = "" if self.most == LARGEST else f" to {self.most}"
        return f"a whole number, {self.least}{upper or ' or more'}"

    def parse(self, value: Any) -> int | None:
        """Read a value; None when it is not one of these."""
        if isinstance(value, bool) or not re.fullmatch(r"\s*\+?\d{1,10}\s*", str(value)):
            return None
        return int(value) if self.least <= int(value) <= self.most else None


@dataclasses.dataclass(frozen=True)
class OneOf:
    """One of a few words, however they are capitalised."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return "one of " + ", ".join(self.words)

    def parse(self, value: Any) -> str | None:
        """Read a value; None when it is not one of these."""
        wanted = str(value).strip().lower()
        return next((word for word in self.words if word.lower() == wanted), None)


@dataclasses.dataclass(frozen=True)
class Text:
    """Words that the pod manager knows."""

    most: int = 128

    def __str__(self) -> str:
        return f"text of 1 to {self.most} characters"

    def parse(self, value: Any) -> str | None:
        """Read a value; None when it is not one of these."""
        text = value.strip() if isinstance(value, str) else ""
        return text if 0 < len(text) <= self.most and text.isprintable() else None


@dataclasses.dataclass(frozen=True)
class Requirement:
    """One row of the table.

    :ivar section: property of Valence it belongs to.
    :ivar field: field within the property.
    :ivar value: what may stand there.
    :ivar meaning: for people.
    """

    section: str
    field: str
    value: Number | OneOf | Text
    meaning: str

    @property
    def key(self) -> str:
        """The extra spec of Nova."""
        return f"{NAMESPACE}{self.section}:{self.field}"

    @property
    def mogan_key(self) -> str:
        """The key in Mogan's resources (numbers) or resource_traits (words)."""
        return f"{MOGAN_PREFIX}{self.section}_{self.field}".upper()


#: Sections of which there may be several: ``storage``, ``storage2``, ...
REPEATED = frozenset({"storage", "network", "pci_device"})

#: THE table: every key that a flavor may have, besides ``valence:flavor``.
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
    """What Valence is to compose: properties, or one of its flavors.

    :ivar properties: as ``POST /v1/nodes`` takes them.
    :ivar flavor: name or uuid of a Valence flavor.
    """

    properties: dict[str, Any] | None = None
    flavor: str | None = None


@dataclasses.dataclass(frozen=True)
class _Entry:
    """A value, where it belongs, and the name by which its author knows it."""

    key: str
    row: Requirement
    place: int
    value: Any


def from_extra_specs(extra_specs: Mapping[str, Any]) -> Requirements | None:
    """Translate the extra specs of a Nova flavor.

    :returns: None when the flavor asks nothing of Valence.
    :raises InvalidRequirements: a ``valence:`` key is unknown, or its value impossible.
    """
    ours = {key: value for key, value in extra_specs.items() if key.startswith(NAMESPACE)}
    flavor = {key: ours.pop(key) for key in [NAMESPACE + FLAVOR_KEY] if key in ours}
    return _choose(flavor, [_nova_entry(key, value) for key, value in ours.items()])


def from_mogan(
    resources: Mapping[str, Any], resource_traits: Mapping[str, Any]
) -> Requirements | None:
    """Translate a flavor of Mogan.

    Numbers stand in ``resources``, words in ``resource_traits``, both under the
    ``CUSTOM_VALENCE_`` names of the table.

    :returns: None when the flavor asks nothing of Valence.
    :raises InvalidRequirements: a name of ours is unknown, or its value impossible.
    """
    ours: dict[str, Any] = {}
    for source in (resources or {}, resource_traits or {}):
        for key, value in source.items():
            if not key.startswith(MOGAN_PREFIX):
                continue
            if ours.setdefault(key, value) != value:
                raise InvalidRequirements(key, value, f"it is {ours[key]!r} elsewhere")
    named = MOGAN_PREFIX + FLAVOR_KEY.upper()
    flavor = {key: ours.pop(key) for key in [named] if key in ours}
    return _choose(flavor, [_mogan_entry(key, value) for key, value in ours.items()])


def from_properties(properties: Mapping[str, Any]) -> Requirements:
    """Check properties that are in Valence's own form already.

    :raises InvalidRequirements: nothing is asked for, a field is unknown, or
        its value impossible.
    """
    entries: list[_Entry] = []
    for section, content in properties.items():
        parts = content if section in REPEATED and isinstance(content, list) else [content]
        for place, part in enumerate(parts):
            if not isinstance(part, Mapping):
                raise InvalidRequirements(section, part, "it is an object with fields")
            entries += _own_entries(section, place, part)
    if not entries:
        raise InvalidRequirements("requirements", dict(properties), _one_of(KEYS["valence"]))
    return Requirements(properties=_assemble(entries))


def _choose(flavor: Mapping[str, Any], entries: list[_Entry]) -> Requirements | None:
    for key, value in flavor.items():
        name = _FLAVOR.parse(value)
        if name is None:
            raise InvalidRequirements(key, value, f"{_FLAVOR} is allowed, the name of a flavor")
        if entries:
            first = entries[0]
            allowed = f"{key} names a flavor already; leave one of the two out"
            raise InvalidRequirements(first.key, first.value, allowed)
        return Requirements(flavor=name)
    return Requirements(properties=_assemble(entries)) if entries else None


def _nova_entry(key: str, value: Any) -> _Entry:
    found = re.fullmatch(rf"{NAMESPACE}([a-z_]+?)([1-9]\d{{0,2}})?:([a-z_]+)", key)
    row = _BY_NAME.get((found[1], found[3])) if found else None
    return _entry(key, value, row, found[2] if found else None, "extra specs")


def _mogan_entry(key: str, value: Any) -> _Entry:
    found = re.fullmatch(rf"({MOGAN_PREFIX}[A-Z_]+?)([1-9]\d{{0,2}})?(_[A-Z_]+)", key)
    row = _BY_MOGAN.get(found[1] + found[3]) if found and found[2] else _BY_MOGAN.get(key)
    return _entry(key, value, row, found[2] if found else None, "mogan")


def _own_entries(section: str, place: int, part: Mapping[str, Any]) -> Iterable[_Entry]:
    for field, value in part.items():
        row = _BY_NAME.get((section, field))
        yield _entry(f"{section}.{field}", value, row, str(place) if place else None, "valence")


def _entry(
    key: str, value: Any, row: Requirement | None, number: str | None, dialect: str
) -> _Entry:
    if row is None or (number and row.section not in REPEATED):
        raise InvalidRequirements(key, value, "there is no such key; " + _one_of(KEYS[dialect]))
    read = row.value.parse(value)
    if read is None:
        raise InvalidRequirements(key, value, f"{row.value} is allowed")
    return _Entry(key, row, int(number or 0), read)


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


#: dialect -> every key it has, for error messages and documentation.
KEYS = {
    "extra specs": (NAMESPACE + FLAVOR_KEY, *(row.key for row in TABLE)),
    "mogan": (MOGAN_PREFIX + FLAVOR_KEY.upper(), *(row.mogan_key for row in TABLE)),
    "valence": tuple(f"{row.section}.{row.field}" for row in TABLE),
}
