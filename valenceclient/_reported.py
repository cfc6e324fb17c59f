# SPDX-License-Identifier: Apache-2.0

"""What systems, racks and devices have in common: pod managers tell of them, now or once."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import datetime
from typing import Any
from typing import ClassVar
from typing import TypeVar

from valenceclient import _collection
from valenceclient import _resource


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trouble(_resource.Record):
    """A pod manager of which a list does not tell as it is now, and why."""

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {"refreshed_at": _resource.when}

    podm_id: str = ""
    podm_name: str = ""
    code: str = ""
    detail: str = ""
    reason: str | None = None
    #: When it was read last, and how many seconds ago.
    refreshed_at: datetime.datetime | None = None
    age: int | None = None


#: Called with each trouble, once for each pod manager.
OnTrouble = Callable[[Trouble], object]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Told(_resource.Resource):
    """Something that a pod manager told of, as last known."""

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        **_resource.Resource.CONVERT,
        "seen_at": _resource.when,
    }

    podm_id: str | None = None
    #: When its pod manager told of it last, how many seconds ago that is, and
    #: whether it was asked in vain since, or not for long.
    seen_at: datetime.datetime | None = None
    age: int | None = None
    stale: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kept(Told):
    """Something with a name and a maker: a system, or a rack."""

    #: Of the resource on its pod manager.
    path: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    health: str | None = None


R = TypeVar("R", bound=_resource.Resource)
K = TypeVar("K", bound=Told)


class TellingCollection(_collection.Collection[R]):
    """List with word of the pod managers of which a list does not tell as they are now."""

    def list(
        self,
        *,
        limit: int | None = None,
        marker: str | None = None,
        sort: str | None = None,
        fields: Iterable[str] | str | None = None,
        on_trouble: OnTrouble | None = None,
        **filters: Any,
    ) -> Iterator[R]:
        """Yield what matches the filters, page by page as it is consumed.

        ``on_trouble`` is told of each pod manager that does not answer as it should.
        """
        told: set[str] = set()
        for page in self._pages(_collection.params_of(limit, marker, sort, fields, filters)):
            for raw in page.get("errors") or ():
                trouble = Trouble.from_json(raw)
                if on_trouble is not None and trouble.podm_id not in told:
                    on_trouble(trouble)
                told.add(trouble.podm_id)
            yield from map(self.resource.from_json, page.get(self.key) or ())


class KeptCollection(TellingCollection[K]):
    """List and get what is known of all pod managers."""

    def list(
        self,
        *,
        limit: int | None = None,
        marker: str | None = None,
        sort: str | None = None,
        fields: Iterable[str] | str | None = None,
        refresh: bool = False,
        on_trouble: OnTrouble | None = None,
        **filters: Any,
    ) -> Iterator[K]:
        """Yield what matches the filters, page by page as it is consumed.

        ``refresh`` has Valence read the pod managers first; one that does not
        answer leaves what was known of it. ``on_trouble`` is told of it.
        """
        return super().list(
            limit=limit,
            marker=marker,
            sort=sort,
            fields=fields,
            on_trouble=on_trouble,
            refresh=refresh or None,
            **filters,
        )

    def get(self, ident: str, *, refresh: bool = False) -> K:
        """Return one; ``refresh`` has Valence read its pod manager first. Raises NotFound."""
        params = {"refresh": "true"} if refresh else None
        return self._made(self._transport.request("GET", self._at(ident), params=params))
