# SPDX-License-Identifier: Apache-2.0

"""What listings of systems, racks, devices and nodes have in common: how fresh they are."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
from typing import Any

from valence import errors
from valence.api import call as api_call
from valence.objects import base
from valence.objects import inventory as inventory_objects
from valence.objects import podmanager as podmanager_objects
from valence_conductor import waiting

#: What is said of a pod manager of which nothing was wrong, but which is not told of.
UNKNOWN = (
    "valence.inventory.unknown",
    "What it has is not known yet. Ask with refresh=true, or wait for the next refresh.",
)
PENDING = (
    "valence.inventory.pending",
    "It is being read, and was not ready in time. What was known before is shown.",
)
STALE = (
    "valence.inventory.stale",
    "It was not asked for long. Ask with refresh=true, and see whether valence-api refreshes.",
)

#: status of a pod manager -> what is said of it beside the nodes that stand on it.
UNWELL = {
    "offline": (
        errors.PodManagerUnreachable.code,
        "It does not answer. Its nodes are shown as last known.",
    ),
    "degraded": (
        errors.PodManagerFailed.code,
        "It does not answer as it should. Its nodes are shown as last known.",
    ),
}


@dataclasses.dataclass(frozen=True)
class Freshness:
    """How fresh what is known of pod managers is.

    :ivar pending: those that are being read just now.
    """

    known: Mapping[str, inventory_objects.Inventory]
    pending: frozenset[str]
    now: datetime.datetime
    stale_after: float

    def view(self, row: Any) -> dict[str, Any]:
        """Give the fields that tell how old a system or a rack is."""
        inventory = self.known.get(row.podm_uuid)
        seen = inventory_objects.seen_at(row, inventory)
        stale = row.unseen_since is not None or self._is_stale(inventory)
        age = self._age(seen)
        return {"seen_at": api_call.moment(seen), "age": age, "stale": stale}

    def troubles(self, asked: Sequence[podmanager_objects.PodManager]) -> list[dict[str, Any]]:
        """Give an entry for each pod manager that an answer does not tell of as it is now."""
        return [trouble for podm in asked if (trouble := self._trouble(podm)) is not None]

    def _trouble(self, podm: podmanager_objects.PodManager) -> dict[str, Any] | None:
        known = self.known.get(podm.uuid)
        refreshed = known.refreshed_at if known else None
        fault: dict[str, Any] | None = known.fault if known else None
        for applies, (code, detail) in (
            (podm.uuid in self.pending, PENDING),
            (fault is None and refreshed is None, UNKNOWN),
            (fault is None and self._is_stale(known), STALE),
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
            "refreshed_at": api_call.moment(refreshed),
            "age": None if refreshed is None else self._age(refreshed),
        }

    def _is_stale(self, inventory: inventory_objects.Inventory | None) -> bool:
        if inventory is None or inventory.refreshed_at is None:
            return True
        failed = inventory.tried_at != inventory.refreshed_at
        return failed or self._age(inventory.refreshed_at) > self.stale_after

    def _age(self, moment: datetime.datetime) -> int:
        return _seconds(self.now - moment)


def fresh(call: api_call.Call, podm_uuid: str | None) -> tuple[Freshness, list[dict[str, Any]]]:
    """Refresh what is asked to be, and tell how fresh everything is.

    :param podm_uuid: the one pod manager that is asked for; None: all.
    :returns: that, and what is wrong with pod managers.
    """
    asked = _asked(call, podm_uuid)
    freshness = renewed(call, asked if call.query.get("refresh") else ())
    return freshness, freshness.troubles(asked)


def renewed(call: api_call.Call, asked: Sequence[podmanager_objects.PodManager]) -> Freshness:
    """Refresh pod managers, wait for them a while, and tell how fresh everything is."""
    service = call.service
    within = service.conf.inventory.request_timeout
    pending = service.inventory.refresh([podm.uuid for podm in asked], within)
    return Freshness(
        known=inventory_objects.by_podm(service.db),
        pending=frozenset(pending),
        now=waiting.now(),
        stale_after=service.conf.inventory.stale_after,
    )


def _asked(call: api_call.Call, podm_uuid: str | None) -> Sequence[podmanager_objects.PodManager]:
    if podm_uuid is not None:
        found = podmanager_objects.find(call.service.db, podm_uuid)
        return [found] if found is not None else []
    return inventory_objects.list_podmanagers(call.service.db)


def unwell(
    call: api_call.Call, known: Mapping[str, inventory_objects.Unavailable]
) -> list[dict[str, Any]]:
    """Give an entry for each pod manager that is not online.

    What exactly is wrong may name hosts: it is for those who may see pod managers.
    """
    detailed, now = bool(known) and call.allowed("valence:podmanager:get", None), waiting.now()
    return [_entry(podm, detailed, now) for podm in known.values()]


def _entry(
    podm: inventory_objects.Unavailable, detailed: bool, now: datetime.datetime
) -> dict[str, Any]:
    code, detail = UNWELL[podm.status]
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


def answer_of(
    call: api_call.Call,
    plural: str,
    views: Sequence[Mapping[str, Any]],
    more: bool,
    troubles: list[dict[str, Any]],
) -> dict[str, Any]:
    """Make a page, with what is wrong with pod managers beside it."""
    return {**call.page(plural, views, more), "errors": troubles}


def podm_of(call: api_call.Call) -> str | None:
    """Give the pod manager that a query asks for, in the one spelling of uuids."""
    asked = call.query.get("podm_id")
    return None if asked is None else base.as_uuid(asked) or asked
