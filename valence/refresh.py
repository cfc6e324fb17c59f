# SPDX-License-Identifier: Apache-2.0

"""Refresh the inventories of pod managers, many of them at the same time."""

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
import sqlalchemy as sa

from valence import errors
from valence import wiring
from valence.flows import conflicts
from valence.flows import identify
from valence.flows import ironic_access
from valence.objects import inventory as inventory_objects
from valence.objects import node as node_objects
from valence.objects import podmanager as podmanager_objects
from valence.podmanagers import odata
from valence_conductor import errors as conductor_errors
from valence_conductor import interrupt
from valence_conductor import waiting
from valence_conductor.locks.election import AlwaysLeader
from valence_conductor.locks.election import Election
from valence_conductor.locks.election import ToozElection
from valence_conductor.periodic import ElectedPeriodic

LOG = logging.getLogger(__name__)

#: Seconds between two checks which pod managers are due, at most.
CHECK_INTERVAL = 5.0

#: Errors of a database that has refused a value, or is away.
DATABASE_ERRORS = (db_errors.DBError, sa.exc.SQLAlchemyError)

#: Characters of such an error in a fault.
MAX_REASON = 500

#: Name of the lock that the elected refresher holds.
LOCK_NAME = b"valence-inventory"


class InventoryRefresher:
    """Refreshes the inventories of pod managers, each in a thread of a bounded pool.

    A refresh that is in progress already is waited for and not repeated.
    """

    def __init__(self, context: wiring.Context) -> None:
        self._context = context
        self._conf = context.conf
        self._db = context.db
        self._drivers = context.drivers
        self._lock = threading.Lock()
        #: Held to write: SQLite has one writer, and its busy handler sleeps too long.
        self._write_lock = threading.Lock()
        self._halt = threading.Event()
        self._futures: dict[str, futures.Future[None]] = {}
        self._pool: futurist.ThreadPoolExecutor | None = None

    def refresh(self, uuids: Iterable[str], within: float) -> set[str]:
        """Refresh pod managers, and wait until they are done.

        :param within: seconds to wait; unfinished refreshes continue after that.
        :returns: uuids of the pod managers whose refresh is not done.
        """
        started = {uuid: self.begin(uuid) for uuid in uuids}
        _, pending = futures.wait(started.values(), timeout=within)
        return {uuid for uuid, future in started.items() if future in pending}

    def refresh_due(self) -> int:
        """Start to refresh the pod managers that are due, and do not wait.

        :returns: the number of pod managers.
        """
        inventories, now = inventory_objects.by_podm(self._db), waiting.now()
        uuids = [row.uuid for row in podmanager_objects.list_all(self._db)]
        due = [uuid for uuid in uuids if self._is_due(inventories.get(uuid), now)]
        for uuid in due:
            self.begin(uuid)
        return len(due)

    def begin(self, uuid: str) -> "futures.Future[None]":
        """Start to refresh a pod manager, unless this process is doing so already."""
        with self._lock:
            future = self._futures.get(uuid)
            if future is None or future.done():
                if self._pool is None:
                    self._pool = futurist.ThreadPoolExecutor(self._conf.inventory.workers)
                future = self._futures[uuid] = self._pool.submit(self._refresh, uuid)
        return future

    def stop(self, graceful: float = 0.0) -> None:
        """Abandon every refresh after its current request.

        :param graceful: seconds to wait for that.
        """
        self._halt.set()
        with self._lock:
            pool, self._pool = self._pool, None
            pending = list(self._futures.values())
        if pool is not None:
            futures.wait(pending, graceful)
            pool.shutdown(wait=False)

    def _is_due(
        self, inventory: inventory_objects.Inventory | None, now: datetime.datetime
    ) -> bool:
        if inventory is None or inventory.tried_at is None:
            return True
        options = self._conf.inventory
        interval: float = options.interval
        if inventory.fault:
            interval = min(interval, options.retry_interval)
        # Differs between pod managers, which would all be due together, but not between
        # checks.
        jitter = random.Random(f"{inventory.podm_uuid} {inventory.tried_at}")  # noqa: S311
        # A time far in the future was written before the clock was set back.
        elapsed = abs((now - inventory.tried_at).total_seconds())
        return elapsed >= interval * jitter.uniform(0.9, 1.1)

    def _refresh(self, uuid: str) -> None:
        """Refresh one pod manager; log or store every error."""
        try:
            with interrupt.until_set(self._halt):
                self._refresh_or_wait(uuid)
        except conductor_errors.Abandoned:
            LOG.info("Abandoned the refresh of pod manager %s", uuid)
            with contextlib.suppress(db_errors.DBError):  # then the claim expires
                inventory_objects.release_claim(self._db, uuid)
        except Exception:  # the top of a thread: databases have errors of their own
            LOG.exception("The refresh of pod manager %s failed", uuid)

    def _refresh_or_wait(self, uuid: str) -> None:
        options = self._conf.inventory
        timeout = datetime.timedelta(seconds=options.refresh_timeout)
        with self._write_lock:
            claimed = inventory_objects.claim(self._db, uuid, waiting.now() - timeout)
        if claimed:
            self._read(uuid)
            return

        def is_done() -> bool | None:
            row = inventory_objects.by_podm(self._db).get(uuid)
            return True if row is None or row.begun_at is None else None

        waiting.wait_until(
            is_done,
            deadline=waiting.deadline_in(options.refresh_timeout),
            interval=1.0,
            what=f"another process to refresh pod manager {uuid}",
        )

    def _read(self, uuid: str) -> None:
        """Read the inventory of a pod manager, and store it; the caller holds the claim."""
        options, started, clock = self._conf.inventory, waiting.now(), time.monotonic()
        oldest = started - datetime.timedelta(seconds=options.details_interval)
        try:
            details = inventory_objects.known_details(self._db, uuid, oldest)
            inventory = self._drivers.verify(uuid).inventory(details)
            self._drivers.verify_systems(uuid, inventory.systems)
            with self._write_lock:
                inventory_objects.store(
                    self._db, uuid, inventory, started, options.forget_after, details
                )
        except errors.ValenceError as exc:
            LOG.warning("Kept the earlier inventory of pod manager %s: %s", uuid, exc)
            self._record_failure(uuid, exc)
            return
        except conductor_errors.Abandoned:
            raise
        except Exception as exc:  # a claim without a fault would only expire, and say nothing
            LOG.exception("Kept the earlier inventory of pod manager %s", uuid)
            self._record_failure(uuid, _unexpected(exc))
            return
        self._drivers.record_refreshed(uuid, inventory.limitations)
        LOG.info(
            "Pod manager %s: %d systems, read with %d requests in %.1f s",
            uuid,
            len(inventory.systems),
            inventory.requests,
            time.monotonic() - clock,
        )
        self._identify(uuid)
        systems = {odata.normal_path(system.path): system for system in inventory.systems}
        ironic_access.correct_all(self._context, uuid, systems)

    def _identify(self, uuid: str) -> None:
        """Learn the facts of nodes that an earlier release composed, which recorded none.

        Nodes that are gone are left to the audit, and those that cannot be identified keep
        a conflict; neither fails the refresh.
        """
        for row in node_objects.list_unidentified(self._db, uuid):
            if conflicts.is_conflict(row.fault):
                continue
            try:
                identify.verify(self._context, row)
            except errors.NodeIdentityConflict as exc:
                conflicts.record(self._context, row, exc)
            except (errors.ValenceError, conductor_errors.Superseded) as exc:
                LOG.info("Could not identify node %s yet: %s", row.uuid, exc)

    def _record_failure(self, uuid: str, error: errors.ValenceError) -> None:
        inventory_objects.record_failure(self._db, uuid, error)
        self._drivers.record_status(uuid, error)


def _unexpected(exc: Exception) -> errors.ValenceError:
    """Return the fault of a refresh that no rule for values from outside has prevented."""
    kind = "the database" if isinstance(exc, DATABASE_ERRORS) else type(exc).__name__
    return errors.PodManagerFailed(
        f"Its inventory could not be read or stored ({kind} raised an error). The inventory is "
        "shown as it was; see the log of this service, and report it as a defect.",
        reason=str(exc)[:MAX_REASON],
    )


def refresher(
    conf: cfg.ConfigOpts, inventory: InventoryRefresher, member: str
) -> ElectedPeriodic | None:
    """Return the thread that refreshes each pod manager when it is due.

    Of several processes only the leader does so.

    :param member: name of this process.
    :returns: None when periodic refreshes are disabled.
    """
    interval: float = conf.inventory.interval
    if not interval:
        return None
    jobboard = conf.conductor.jobboard
    election: Election = ToozElection(jobboard, member, LOCK_NAME) if jobboard else AlwaysLeader()
    pause = min(CHECK_INTERVAL, interval / 4)
    return ElectedPeriodic("refresher", inventory.refresh_due, election, pause)
