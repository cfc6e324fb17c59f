# SPDX-License-Identifier: Apache-2.0

"""Resources as data: typed where we know the fields, tolerant where we do not."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import datetime
from typing import Any
from typing import ClassVar
from typing import Self


def when(value: object) -> datetime.datetime | None:
    """Read an ISO 8601 time; None if it is none. Without a zone it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object of JSON, or an empty one."""
    return value if isinstance(value, Mapping) else {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """A JSON object of the API. ``raw`` keeps what came, known to us or not."""

    #: field -> what to make of the JSON value; fields that are not here are taken as they are.
    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}

    raw: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Make one from an object of the API; missing fields take their defaults."""
        given = {
            field.name: cls.CONVERT.get(field.name, _same)(raw[field.name])
            for field in dataclasses.fields(cls)
            if field.name != "raw" and raw.get(field.name) is not None
        }
        return cls(raw=raw, **given)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resource(Record):
    """Something with a uuid that lives in a collection."""

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "created_at": when,
        "updated_at": when,
    }

    #: Empty only if the list was asked for other fields.
    uuid: str = ""
    name: str | None = None
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None

    @property
    def label(self) -> str:
        """What to call it before people: the name, or else the uuid."""
        return self.name or self.uuid


def _same(value: Any) -> Any:
    return value
