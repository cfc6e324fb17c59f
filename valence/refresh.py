# SPDX-License-Identifier: Apache-2.0

"""Keeping what is known of all pod managers fresh, many of them at the same time."""

from collections.abc import Iterable
from concurrent import futures
import contextlib
import datetime
import random
import threading
import time

import futurist
from oslo_config import cfg
from oslo_db import exception as db_errors
from oslo_log import log as logging

from valence import errors
from valence import wiring
from valence.objects import inventory as inventory_objects
from valence_conductor import errors as conductor_errors
from valence_conductor import interrupt
from valence_conductor import waiting
from valence_conductor.locks import election
from valence_conductor.sweeper import Election

LOG = logging.getLogger(__name__)

#: Seconds between two looks at which pod managers are due, at the most.
TICK = 5.0

#: Name of the lock that the one who is elected to refresh holds.
OFFICE = b"valence-inventory"


class InventoryRefresher:
    """Refresh what is known of pod managers, each in a thread of a bounded pool.

    Whoever wants a pod manager that is being refreshed already waits for that.
    """

    def __init__(self, context: wiring.Context) -> None:
        self._conf = context.conf
        self._db = context.db
        self._drivers = context.drivers
        self._lock = threading.Lock()
        #: Held to write: SQLite has one writer, and those who wait for it sleep too long.
        self._writing = threading.Lock()
        self._halt = threading.Event()
        self._under_way: dict[str, futures.Future[None]] = {}
        self._pool: futurist.ThreadPoolExecutor | None = None

    def refresh(self, uuids: Iterable[str], within: float) -> set[str]:
        """Refresh pod managers, and wait for them.

        :param within: seconds to wait; what is under way then goes on.
        :returns: those that are under way still.
        """
        asked = {uuid: self.begin(uuid) for uuid in uuids}
        _, late = futures.wait(asked.values(), timeout=within)
        return {uuid for uuid, future in asked.items() if future in late}

    def refresh_due(self) -> int:
        """Begin to refresh those whose time has come, and do not wait.

        :returns: how many they are.
        """
        known, now = inventory_objects.by_podm(self._db), waiting.now()
        everybody = [row.uuid for row in inventory_objects.list_podmanagers(self._db)]
        due = [uuid for uuid in everybody if self._is_due(known.get(uuid), now)]
        for uuid in due:
            self.begin(uuid)
        return len(due)

    def begin(self, uuid: str) -> "futures.Future[None]":
        """Begin to refresh a pod manager, unless this process is at it already."""
        with self._lock:
            future = self._under_way.get(uuid)
            if future is None or future.done():
                if self._pool is None:
                    self._pool = futurist.ThreadPoolExecutor(self._conf.inventory.workers)
                future = self._under_way[uuid] = self._pool.submit(self._refresh, uuid)
        return future

    def stop(self, graceful: float = 0.0) -> None:
        """Leave what is under way after the request that it waits for.

        :param graceful: seconds to wait for that.
        """
        self._halt.set()
        with self._lock:
            pool, self._pool = self._pool, None
            left = list(self._under_way.values())
        if pool is not None:
            futures.wait(left, graceful)
            pool.shutdown(wait=False)

    def _is_due(self, known: inventory_objects.Inventory | None, now: datetime.datetime) -> bool:
        if known is None or known.tried_at is None:
            return True
        options = self._conf.inventory
        usual: float = options.interval
        wait = min(usual, options.retry_interval) if known.fault else usual
        # The same at each look, and not the same for each: they would all be due together.
        chance = random.Random(f"{known.podm_uuid} {known.tried_at}")  # noqa: S311
        elapsed = (now - known.tried_at).total_seconds()
        return elapsed >= wait * chance.uniform(0.9, 1.1)

    def _refresh(self, uuid: str) -> None:
        """Refresh one pod manager; whatever goes wrong with it is written down."""
        try:
            with interrupt.until_set(self._halt):
                self._refresh_or_wait(uuid)
        except conductor_errors.Abandoned:
            LOG.info("The refresh of pod manager %s is left", uuid)
            with contextlib.suppress(db_errors.DBError):  # then its time runs out
                inventory_objects.release_claim(self._db, uuid)
        except Exception:  # the top of a thread: databases have errors of their own
            LOG.exception("Pod manager %s could not be refreshed", uuid)

    def _refresh_or_wait(self, uuid: str) -> None:
        options = self._conf.inventory
        timeout = datetime.timedelta(seconds=options.refresh_timeout)
        with self._writing:
            claimed = inventory_objects.claim(self._db, uuid, waiting.now() - timeout)
        if claimed:
            self._ask(uuid)
            return

        def is_over() -> bool | None:
            row = inventory_objects.by_podm(self._db).get(uuid)
            return True if row is None or row.begun_at is None else None

        waiting.wait_until(
            is_over,
            deadline=waiting.now() + timeout,
            interval=1.0,
            what=f"another process to refresh pod manager {uuid}",
        )

    def _ask(self, uuid: str) -> None:
        options, begun, clock = self._conf.inventory, waiting.now(), time.monotonic()
        fresh = begun - datetime.timedelta(seconds=options.details_interval)
        try:
            known = inventory_objects.known_details(self._db, uuid, fresh)
            seen = self._drivers.get(uuid).inventory(known)
            with self._writing:
                inventory_objects.store(self._db, uuid, seen, begun, options.forget_after, known)
        except errors.ValenceError as exc:
            LOG.warning("What is known of pod manager %s stays as it is: %s", uuid, exc)
            inventory_objects.record_failure(self._db, uuid, exc)
            self._drivers.record_status(uuid, exc)
            return
        self._drivers.record_status(uuid)
        LOG.info(
            "Pod manager %s: %d systems, read with %d requests in %.1f s",
            uuid,
            len(seen.systems),
            seen.requests,
            time.monotonic() - clock,
        )


class Refresher:
    """Refreshes each pod manager when it is due, if this process is the one elected to."""

    def __init__(self, inventory: InventoryRefresher, office: Election, interval: float) -> None:
        self._inventory = inventory
        self._office = office
        self._pause = min(TICK, interval / 4)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="refresher", daemon=True)

    def start(self) -> None:
        """Refresh from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Refresh no more, and leave the office."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(1)

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._office.is_leader():
                    self._inventory.refresh_due()
            except Exception:  # the top of a thread: the next look may find the database back
                LOG.exception("It is not known who is due; the next look is in %s s", self._pause)
            self._stopping.wait(self._pause)
        self._office.close()


def refresher(
    conf: cfg.ConfigOpts, inventory: InventoryRefresher, member: str
) -> Refresher | None:
    """Make what refreshes periodically; None when nothing is to be.

    :param member: name of this process.
    """
    interval: float = conf.inventory.interval
    if not interval:
        return None
    board = conf.conductor.jobboard
    office: Election = (
        election.ToozElection(board, member, OFFICE) if board else election.AlwaysLeader()
    )
    return Refresher(inventory, office, interval)
