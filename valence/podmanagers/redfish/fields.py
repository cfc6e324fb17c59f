# SPDX-License-Identifier: Apache-2.0

"""Read fields of Redfish resources by declaration.

A table maps keys to :class:`Field`. A value that cannot be converted hides neither the
resource nor its other fields: it counts as unknown, and is reported once.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import re
import threading
from typing import Any

from oslo_log import log

from valence.podmanagers import odata

LOG = log.getLogger(__name__)

#: Characters of a bad value in a log line.
MAX_LENGTH = 80


def text(value: Any) -> str | None:
    """Convert a string, or a number where the schema has a string; None for an empty one."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("is not a string")
    return str(value) or None


def identity(value: Any) -> str | None:
    """Convert a value that tells one resource from another: of a wrong type, it still does."""
    return str(value) or None


def word(value: Any) -> str | None:
    """Convert a word of an enumeration, which has at most 32 characters."""
    converted = text(value)
    if converted is not None and len(converted) > 32:
        raise ValueError("is longer than a word of an enumeration")
    return converted


def number(value: Any, factor: int = 1) -> int | None:
    """Convert a quantity, or a string with one: multiplied, then rounded; None for ''."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("is not a number")
    if value == "":
        return None
    try:
        converted = round(float(value) * factor)
    except (ValueError, OverflowError) as exc:  # such as NaN and 1e999
        raise ValueError("is not a number") from exc
    if converted < 0:
        raise ValueError("is negative")
    return converted


def mib_from_gib(value: Any) -> int | None:
    """Convert GiB, which may have a fraction, to MiB."""
    return number(value, factor=1024)


def gib_from_bytes(value: Any) -> int | None:
    """Convert bytes to GiB, rounded down."""
    size = number(value)
    return None if size is None else size // 1024**3


def positive(value: Any) -> int | None:
    """Convert a quantity of which 0 means that it is unknown or does not apply."""
    return number(value) or None


def mac(value: Any) -> str | None:
    """Convert a MAC address to lower case with colons; None for one of zeros."""
    digits = re.sub(r"[^0-9a-f]", "", (text(value) or "").lower())
    if not digits.strip("0"):
        return None
    if len(digits) != 12:
        raise ValueError("is not a MAC address")
    return ":".join(re.findall("..", digits))


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
        self._reported: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def report(self, resource: odata.JSON, path: str, value: Any, error: ValueError) -> None:
        """Log a bad value, unless this field of this type of resource was reported before."""
        kind = str(resource.get("@odata.type", "")).rpartition(".")[2]
        with self._lock:
            if (kind, path) in self._reported:
                return
            self._reported.add((kind, path))
        LOG.warning(
            "%s of %s on %s counts as unknown: %.*r %s (reported once for each type of resource)",
            path,
            resource.get("@odata.id"),
            self._source,
            MAX_LENGTH,
            value,
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
        value = odata.mapping(resource, *parents).get(name)
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
