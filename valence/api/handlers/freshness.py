# SPDX-License-Identifier: Apache-2.0

"""The age of the inventory that an answer shows, and the errors of pod managers beside it.

Shared by the listings of systems, racks, devices and nodes.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
from typing import Any

from valence import errors
from valence.api import call as api_call
from valence.objects import inventory as inventory_objects
from valence.objects import podmanager as podmanager_objects
from valence_conductor import waiting

#: Code and detail of an entry in ``errors`` for a pod manager without a fault of its own.
UNKNOWN = (
    "valence.inventory.unknown",
    "Its inventory was never read. Repeat the request with refresh=true, or wait for the next "
    "refresh.",
)
PENDING = (
    "valence.inventory.pending",
    "Its inventory is being read, and was not ready in time. The previous inventory is shown.",
)
STALE = (
    "valence.inventory.stale",
    "Its inventory is old. Repeat the request with refresh=true, and check that valence-api "
    "refreshes it.",
)

#: status of a pod manager -> code and detail of its entry beside a listing of nodes
UNAVAILABLE = {
    "offline": (
        errors.PodManagerUnreachable.code,
        "It does not respond. Its nodes are shown as last known.",
    ),
    "degraded": (
        errors.PodManagerFailed.code,
        "Its responses are errors. Its nodes are shown as last known.",
    ),
    podmanager_objects.MISMATCHED: (
        errors.PodManagerMismatched.code,
        "Another service answers at its URL. Its nodes are shown as last known.",
    ),
}


@dataclasses.dataclass(frozen=True)
class Freshness:
    """The age of the inventories of pod managers.

    :ivar inventories: uuid of a pod manager -> its inventory.
    :ivar pending: uuids of those whose inventory is being read.
    :ivar stale_after: seconds.
    """

    inventories: Mapping[str, inventory_objects.Inventory]
    pending: frozenset[str]
    now: datetime.datetime
    stale_after: float

    def view(self, row: Any) -> dict[str, Any]:
        """Return the fields for the age of a system, a rack or a device."""
        inventory = self.inventories.get(row.podm_uuid)
        seen = inventory_objects.seen_at(row, inventory)
        stale = row.unseen_since is not None or self._is_stale(inventory)
        return {"seen_at": api_call.isotime(seen), "age": self._age(seen), "stale": stale}

    def errors(self, podms: Sequence[podmanager_objects.PodManager]) -> list[dict[str, Any]]:
        """Return an entry for each pod manager whose current inventory is not known."""
        return [error for podm in podms if (error := self._error(podm)) is not None]

    def _error(self, podm: podmanager_objects.PodManager) -> dict[str, Any] | None:
        inventory = self.inventories.get(podm.uuid)
        refreshed_at = inventory.refreshed_at if inventory else None
        fault: dict[str, Any] | None = inventory.fault if inventory else None
        for applies, (code, detail) in (
            (podm.uuid in self.pending, PENDING),
            (fault is None and refreshed_at is None, UNKNOWN),
            (fault is None and self._is_stale(inventory), STALE),
        ):
            if applies:
                fault = {"code": code, "detail": detail}
                break
        if fault is None:
            return None
        return {
            "podm_id": podm.uuid,
            "podm_name": podm.name,
            **fault,
            "refreshed_at": api_call.isotime(refreshed_at),
            "age": None if refreshed_at is None else self._age(refreshed_at),
        }

    def _is_stale(self, inventory: inventory_objects.Inventory | None) -> bool:
        if inventory is None or inventory.refreshed_at is None:
            return True
        failed = inventory.tried_at != inventory.refreshed_at
        return failed or self._age(inventory.refreshed_at) > self.stale_after

    def _age(self, moment: datetime.datetime) -> int:
        return _seconds(self.now - moment)


def of_request(
    call: api_call.Call, podm_uuid: str | None
) -> tuple[Freshness, list[dict[str, Any]]]:
    """Refresh if the request requires it, and return the freshness of a listing.

    :param podm_uuid: the one pod manager that the listing is about; None: all.
    :returns: the freshness, and the entries for ``errors``.
    """
    podms = _podmanagers(call, podm_uuid)
    freshness = refresh(call, podms if call.query.get("refresh") else ())
    return freshness, freshness.errors(podms)


def refresh(call: api_call.Call, podms: Sequence[podmanager_objects.PodManager]) -> Freshness:
    """Start to refresh pod managers, and wait for at most ``[inventory] request_timeout``.

    :returns: the freshness of all pod managers afterwards.
    """
    service = call.service
    timeout = service.conf.inventory.request_timeout
    pending = service.inventory.refresh([podm.uuid for podm in podms], timeout)
    return Freshness(
        inventories=inventory_objects.by_podm(service.db),
        pending=frozenset(pending),
        now=waiting.now(),
        stale_after=service.conf.inventory.stale_after,
    )


def _podmanagers(
    call: api_call.Call, podm_uuid: str | None
) -> Sequence[podmanager_objects.PodManager]:
    if podm_uuid is not None:
        podm = podmanager_objects.find(call.service.db, podm_uuid)
        return [podm] if podm is not None else []
    return podmanager_objects.list_all(call.service.db)


def unavailable_errors(
    call: api_call.Call, unavailable: Mapping[str, inventory_objects.Unavailable]
) -> list[dict[str, Any]]:
    """Return an entry for each pod manager that is not online.

    The reason may contain host names: it is shown to users that may see pod managers.
    """
    detailed = bool(unavailable) and call.allowed("valence:podmanager:get", None)
    now = waiting.now()
    return [_unavailable_error(podm, detailed, now) for podm in unavailable.values()]


def _unavailable_error(
    podm: inventory_objects.Unavailable, detailed: bool, now: datetime.datetime
) -> dict[str, Any]:
    code, detail = UNAVAILABLE[podm.status]
    return {
        "podm_id": podm.uuid,
        "podm_name": podm.name,
        "code": code,
        "detail": detail,
        **({"reason": podm.status_reason} if detailed and podm.status_reason else {}),
        "refreshed_at": podm.refreshed_at,
        "age": None if podm.refreshed_at is None else _seconds(now - podm.refreshed_at),
    }


def _seconds(duration: datetime.timedelta) -> int:
    return max(0, int(duration.total_seconds()))


def page(
    call: api_call.Call,
    plural: str,
    views: Sequence[Mapping[str, Any]],
    more: bool,
    podm_errors: list[dict[str, Any]],
) -> dict[str, Any]:
    """Return the body of a page, with the entries of pod managers in ``errors``."""
    return {**call.page(plural, views, more), "errors": podm_errors}
