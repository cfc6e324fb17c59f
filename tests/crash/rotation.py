# SPDX-License-Identifier: Apache-2.0

"""The points and seeds of a day: consecutive days rotate through all of them."""

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Sequence
import datetime
import hashlib
from typing import TypeVar

T = TypeVar("T")


def today() -> datetime.date:
    """Return the date in UTC, so that machines in different time zones agree."""
    return datetime.datetime.now(datetime.UTC).date()


def parse_day(text: str) -> datetime.date:
    """Return the date of ``YYYYMMDD``.

    :raises ValueError: it is not a date in this form.
    """
    return datetime.datetime.strptime(text, "%Y%m%d").date()


def window(
    items: Sequence[T], size: int, day: datetime.date, group: Callable[[T], Hashable]
) -> list[T]:
    """Return the sample of a day: ``size`` items, or all when there are no more.

    The items are put into a fixed pseudo-random order, which is cut into windows of
    equal size; each day takes the next one. Any ``ceil(len(items) / size)`` consecutive
    days cover all items. The order depends on each item alone, so that another item
    moves the windows only a little.

    :param items: with a ``str`` of their own each.
    :param group: of an item; each window has an even share of every group.
    """
    if len(items) <= size:
        return list(items)
    order = _spread(items, group)
    count = -(-len(items) // size)
    start = day.toordinal() % count * len(items) // count
    return [*order, *order][start : start + size]


def first_seed(count: int, day: datetime.date) -> int:
    """Return the first of ``count`` seeds of a day; no other day has any of them."""
    return day.toordinal() * count + 1


def _spread(items: Sequence[T], group: Callable[[T], Hashable]) -> list[T]:
    """Return the items in order, those of each group at equal distances."""
    groups: dict[Hashable, list[T]] = {}
    for item in sorted(items, key=_position):
        groups.setdefault(group(item), []).append(item)
    places = [
        ((number + _position(key)) / len(members), str(item), item)
        for key, members in groups.items()
        for number, item in enumerate(members)
    ]
    return [item for _place, _text, item in sorted(places, key=lambda place: place[:2])]


def _position(item: object) -> float:
    """Return a number from 0 to 1 that depends on the text of an item alone."""
    digest = hashlib.sha256(str(item).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
