# SPDX-License-Identifier: Apache-2.0

"""Resources as data: typed fields, and ``raw`` with everything that the API sent."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import datetime
from typing import Any
from typing import ClassVar
from typing import Self


def parse_time(value: object) -> datetime.datetime | None:
    """Return an ISO 8601 time, in UTC if it names no zone; None if it is not one."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.datetime.fromisoformat(value)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)


def mapping(value: object) -> Mapping[str, Any]:
    """Return a JSON object as it is, and an empty one instead of anything else."""
    return value if isinstance(value, Mapping) else {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """A JSON object of the API; ``raw`` holds all its fields, unknown ones included."""

    #: field -> converter of its JSON value; other fields are taken unchanged.
    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}

    raw: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Return a record of an object of the API; missing fields take their defaults."""
        fields = {
            field.name: cls.CONVERT.get(field.name, _unchanged)(raw[field.name])
            for field in dataclasses.fields(cls)
            if field.name != "raw" and raw.get(field.name) is not None
        }
        return cls(raw=raw, **fields)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resource(Record):
    """A member of a collection, with a uuid."""

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "created_at": parse_time,
        "updated_at": parse_time,
    }

    #: Empty only if the list was requested without this field.
    uuid: str = ""
    name: str | None = None
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None

    @property
    def label(self) -> str:
        """The name, or else the uuid, for messages."""
        return self.name or self.uuid


def _unchanged(value: Any) -> Any:
    return value
