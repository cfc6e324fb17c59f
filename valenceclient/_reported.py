# SPDX-License-Identifier: Apache-2.0

"""What systems, racks and devices share: pod managers report them, so they may be stale."""

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
    """A pod manager whose part of a list is not current, and why."""

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {"refreshed_at": _resource.parse_time}

    podm_id: str = ""
    podm_name: str = ""
    code: str = ""
    detail: str = ""
    reason: str | None = None
    #: When it was last read, and how many seconds ago.
    refreshed_at: datetime.datetime | None = None
    age: int | None = None


#: Called with each trouble, once for each pod manager.
OnTrouble = Callable[[Trouble], object]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reported(_resource.Resource):
    """A resource that a pod manager reports, as last known."""

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        **_resource.Resource.CONVERT,
        "seen_at": _resource.parse_time,
    }

    podm_id: str | None = None
    #: When its pod manager last reported it, and how many seconds ago. It is stale
    #: if the pod manager has failed to answer since, or was not read for too long.
    seen_at: datetime.datetime | None = None
    age: int | None = None
    stale: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asset(Reported):
    """A system or a rack: a reported resource with a manufacturer and a health."""

    #: Of the resource on its pod manager.
    path: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    health: str | None = None


ReportedT = TypeVar("ReportedT", bound=Reported)


class ReportingCollection(_collection.Collection[_collection.ResourceT]):
    """A collection whose lists report the pod managers that they are not current for."""

    def list(
        self,
        *,
        limit: int | None = None,
        marker: str | None = None,
        sort: str | None = None,
        fields: Iterable[str] | str | None = None,
        on_trouble: OnTrouble | None = None,
        **filters: Any,
    ) -> Iterator[_collection.ResourceT]:
        """Yield the members that match the filters; pages are requested as they are consumed.

        :param on_trouble: called once for each pod manager that does not answer
            as it should.
        """
        reported_ids: set[str] = set()
        for page in self._pages(_collection.query(limit, marker, sort, fields, filters)):
            for raw in page.get("errors") or ():
                trouble = Trouble.from_json(raw)
                if on_trouble is not None and trouble.podm_id not in reported_ids:
                    on_trouble(trouble)
                reported_ids.add(trouble.podm_id)
            yield from map(self.resource.from_json, page[self.key])


class RefreshableCollection(ReportingCollection[ReportedT]):
    """A collection that Valence can refresh from the pod managers before it answers."""

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
    ) -> Iterator[ReportedT]:
        """Yield the members that match the filters; pages are requested as they are consumed.

        :param refresh: Valence reads the pod managers first; the resources of one
            that does not answer stay as last known.
        :param on_trouble: called once for each pod manager that does not answer
            as it should.
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

    def get(self, ident: str, *, refresh: bool = False) -> ReportedT:
        """Return one member.

        :param refresh: Valence reads its pod manager first.
        :raises NotFound: there is none with this uuid or name.
        """
        params = {"refresh": "true"} if refresh else None
        return self._parse(self._transport.request("GET", self._path_of(ident), params=params))
