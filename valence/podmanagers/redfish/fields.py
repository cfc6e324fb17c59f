# SPDX-License-Identifier: Apache-2.0

"""Read fields of Redfish resources by declaration.

A table maps keys to :class:`Field`. A value that cannot be converted hides neither the
resource nor its other fields: it counts as unknown, and is reported once.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import math
import re
import reprlib
import threading
from typing import Any

from oslo_log import log

from valence.podmanagers import distinct
from valence.podmanagers import odata
from valence.podmanagers.odata import UNREADABLE

LOG = log.getLogger(__name__)

#: Characters of a bad value in a log line.
MAX_LENGTH = 80

_SHORT = reprlib.Repr()
_SHORT.maxlevel = 2
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = MAX_LENGTH

#: Different reports about one pod manager in the log of one process.
MAX_REPORTS = 1000

#: Characters of a text; what is longer is cut, as no column holds more.
MAX_TEXT = 255

#: Characters of the path of a link: no column holds a longer one, and none can be cut.
MAX_LINK = 1024

#: The largest quantity, as columns and clients have 32 bits.
LARGEST = 2**31 - 1


def text(value: Any) -> str | None:
    """Convert a string, or a number where the schema has a string; None for an empty one.

    Control characters, such as the NULs behind a string of firmware, become spaces.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("is not a string")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("is not a string")
    if UNREADABLE in str(value):
        raise ValueError("has characters that cannot be decoded")
    return _printable(str(value))[:MAX_TEXT].rstrip() or None


def _printable(value: str) -> str:
    return "".join(char if char.isprintable() else " " for char in value).strip()


def identifier(value: Any) -> str | None:
    """Convert a string that tells one resource from another: it is never cut."""
    converted = text(value)
    if converted is not None and len(_printable(str(value))) > MAX_TEXT:
        raise ValueError(f"is longer than {MAX_TEXT} characters")
    return converted


def identity(value: Any) -> str | None:
    """Convert a value that tells one resource from another: of a wrong type, it still does."""
    return str(value) or None


def distinct_uuid(value: Any) -> str | None:
    """Convert a UUID, in any spelling, to lower case; None for one that tells nothing apart."""
    return distinct.uuid(identifier(value))


def distinct_serial(value: Any) -> str | None:
    """Convert a serial number; None for one that tells nothing apart."""
    return distinct.serial(identifier(value))


def word(value: Any) -> str | None:
    """Convert a word of an enumeration, which has at most 32 characters."""
    converted = text(value)
    if converted is not None and len(converted) > 32:
        raise ValueError("is longer than a word of an enumeration")
    return converted


def one_of(*words: str) -> Callable[[Any], str | None]:
    """Return a converter of a word, which spells those of an enumeration as its schema does.

    A word that the enumeration does not have is returned as it is: newer schemas have more.
    """
    spellings = {each.lower(): each for each in words}

    def convert(value: Any) -> str | None:
        converted = word(value)
        return None if converted is None else spellings.get(converted.lower(), converted)

    return convert


def number(value: Any) -> int | None:
    """Convert a quantity, or a string with one, rounded; None for ''."""
    return _bounded(_quantity(value))


def mib_from_gib(value: Any) -> int | None:
    """Convert GiB, which may have a fraction, to MiB."""
    return _bounded(_quantity(value) * 1024)


def gib_from_bytes(value: Any) -> int | None:
    """Convert bytes to GiB, rounded down."""
    gib = _quantity(value) / 1024**3
    return _bounded(gib if math.isnan(gib) else math.floor(gib))


def _quantity(value: Any) -> float:
    """Return a finite number; NaN for '', which is unknown."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("is not a number")
    if value == "":
        return math.nan
    try:
        quantity = float(value)
    except (ValueError, OverflowError) as exc:  # such as an integer of 400 digits
        raise ValueError("is not a number") from exc
    if not math.isfinite(quantity) or "_" in str(value):
        raise ValueError("is not a number")
    return quantity


def _bounded(quantity: float) -> int | None:
    if math.isnan(quantity):
        return None
    if quantity < 0:
        raise ValueError("is negative")
    if quantity > LARGEST:
        raise ValueError(f"is more than {LARGEST}")
    return round(quantity)


def positive(value: Any) -> int | None:
    """Convert a quantity of which 0 means that it is unknown or does not apply."""
    return number(value) or None


def mac(value: Any) -> str | None:
    """Convert a MAC address to lower case with colons; None for one of zeros, or of ones."""
    digits = re.sub(r"[\s:._{}-]", "", (text(value) or "").lower())
    if not digits.strip("0") or digits == "f" * 12:
        return None
    if not re.fullmatch("[0-9a-f]{12}", digits):
        raise ValueError("is not a MAC address")
    return ":".join(re.findall("..", digits))


def link_path(link: Any) -> str | None:
    """Convert a link, or the first of a list of links, to its path."""
    return next(iter(link_paths(link)), None)


def link_paths(links: Any) -> list[str]:
    """Convert a list of links, or one link, to their paths, each once."""
    paths = odata.paths_of(links)
    short = [path for path in paths if len(path) <= MAX_LINK]
    distinct = {odata.normal_path(path): path for path in reversed(short)}
    if links and not distinct:
        raise ValueError(f"is longer than {MAX_LINK} characters" if paths else "is not a link")
    return list(reversed(distinct.values()))


@dataclasses.dataclass(frozen=True, init=False)
class Field:
    """A field of a resource.

    :ivar paths: where it may be, best first: properties from the resource down, separated
        by slashes, such as ``Status/Health``.
    :ivar convert: takes a value that is not null, and returns it in our unit, or None where
        it stands for an unknown one. Raises ValueError for a bad value.
    """

    paths: tuple[str, ...]
    convert: Callable[[Any], Any]

    def __init__(self, *paths: str, convert: Callable[[Any], Any] = text) -> None:
        object.__setattr__(self, "paths", paths)
        object.__setattr__(self, "convert", convert)


Table = Mapping[str, Field]


class BadValues:
    """Report bad values of one pod manager, each field of each type once. Thread-safe.

    :param source: base URL of the pod manager.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._reported: set[tuple[str, ...]] = set()
        self._lock = threading.Lock()

    def is_new(self, *key: str) -> bool:
        """Return whether something is to be reported: the first time, unless there is too much."""
        with self._lock:
            if key in self._reported or len(self._reported) >= MAX_REPORTS:
                return False
            self._reported.add(key)
            return True

    def report(self, resource: odata.JSON, path: str, value: Any, error: ValueError) -> None:
        """Log a bad value, unless this field of this type of resource was reported before."""
        kind = str(resource.get("@odata.type", "")).rpartition(".")[2][:MAX_LENGTH]
        if self.is_new(kind, path):
            LOG.warning(
                "%s of %s on %s counts as unknown: %s %s (reported once for the type of resource)",
                path,
                _printable(str(resource.get("@odata.id")))[:MAX_TEXT],
                self._source,
                _SHORT.repr(value)[: 2 * MAX_LENGTH],
                error,
            )


def read(resource: odata.JSON, table: Table, bad_values: BadValues) -> dict[str, Any]:
    """Read the fields of a resource: key -> value, None for an unknown one."""
    return {key: _read_field(resource, field, bad_values) for key, field in table.items()}


def read_known(resource: odata.JSON, table: Table, bad_values: BadValues) -> dict[str, Any]:
    """Read the fields of a resource: key -> value, without unknown ones."""
    return without_unknown(read(resource, table, bad_values))


def without_unknown(values: odata.JSON) -> dict[str, Any]:
    """Return the values that are not None."""
    return {key: value for key, value in values.items() if value is not None}


def _read_field(resource: odata.JSON, field: Field, bad_values: BadValues) -> Any:
    for path in field.paths:
        *parents, name = path.split("/")
        value = odata.value_of(odata.mapping(resource, *parents), name)
        if value is None:
            continue
        try:
            converted = field.convert(value)
        except ValueError as exc:
            bad_values.report(resource, path, value, exc)
            continue
        if converted is not None:
            return converted
    return None
