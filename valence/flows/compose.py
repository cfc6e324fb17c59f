# SPDX-License-Identifier: Apache-2.0

"""Compose a node: allocate it, assemble it, read what came of it."""

import datetime
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging
from taskflow import task
from taskflow.patterns import linear_flow

from valence import errors
from valence import ownership
from valence import podmanagers
from valence import scheduler as scheduler_module
from valence.drivers import Drivers
from valence.flows import give_back
from valence.flows import retry
from valence.objects import device as device_objects
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence.objects import podmanager as podmanager_objects
from valence.objects import system as system_objects
from valence_conductor import errors as conductor_errors
from valence_conductor import interrupt
from valence_conductor import waiting
from valence_conductor.db.engine import Database

LOG = logging.getLogger(__name__)

STATE = node_objects.OPERATIONS["compose"]

#: How often one pod manager is asked to allocate when its answers are lost.
ATTEMPTS = 2


def compose() -> linear_flow.Flow:
    """Take a node out of a pool, put it together, and read what came of it."""
    return linear_flow.Flow("compose").add(
        AllocateNodeTask(name="allocate-node"),
        AssembleNodeTask(name="assemble-node"),
        ReadNodeTask(name="read-node"),
    )


class AllocateNodeTask(task.Task):
    """Have a pod manager take what the node needs out of its pool.

    Idempotent because: the row says whom it is about to ask before anybody is
    asked, and a node that came of an earlier request is found by its name.

    Revert: give the node back, by path or by name, and see that it is gone.
    """

    def execute(
        self,
        node_uuid: str,
        generation: int,
        db: Database,
        drivers: Drivers,
        scheduler: scheduler_module.Scheduler,
        conf: cfg.ConfigOpts,
    ) -> None:
        """Ask one pod manager after the other until one says yes."""
        row = node_objects.get_expected(db, node_uuid, generation, STATE)
        if row.path is None and row.allocating and row.podm_uuid is not None:
            path = give_back.find_lost_allocation(drivers.get(row.podm_uuid), row, conf)
            row = node_objects.record(db, row, path=path, allocating=path is not None)
        if row.path is None:
            _Search(db, drivers, scheduler, row, conf).search()

    def revert(
        self,
        node_uuid: str,
        generation: int,
        db: Database,
        drivers: Drivers,
        conf: cfg.ConfigOpts,
        **_kwargs: Any,
    ) -> None:
        """Give back whatever there may be."""
        give_back.give_back(
            db, drivers, node_objects.get_expected(db, node_uuid, generation, STATE), conf
        )


class AssembleNodeTask(task.Task):
    """Have the pod manager put the node together, and wait until it is.

    Idempotent because: it is asked for only while the node is Allocated.
    """

    def execute(
        self,
        node_uuid: str,
        generation: int,
        db: Database,
        drivers: Drivers,
        conf: cfg.ConfigOpts,
    ) -> None:
        """Wait for Allocated, ask, wait for Assembled."""
        row = node_objects.get_expected(db, node_uuid, generation, STATE)
        watch = _Watch(db, _driver_of(row, drivers), row, conf)
        allocating = podmanagers.State.ALLOCATING
        patience = conf.podmanagers.allocate_timeout
        seen = watch.until(lambda state: state is not allocating, patience, "to allocate")
        watch.ask_to_assemble(seen)
        assembled = podmanagers.State.ASSEMBLED
        patience += conf.podmanagers.assemble_timeout
        watch.until(lambda state: state is assembled, patience, "to assemble")


class ReadNodeTask(task.Task):
    """Read what the pod manager has made.

    Idempotent because: it only reads, and writes down what it read.
    """

    def execute(
        self,
        node_uuid: str,
        generation: int,
        db: Database,
        drivers: Drivers,
        conf: cfg.ConfigOpts,
    ) -> None:
        """Record where the system is and whether it runs."""
        row = node_objects.get_expected(db, node_uuid, generation, STATE)
        driver, path = _driver_of(row, drivers), _path_of(row)
        seen = retry.call(lambda: driver.read(path), within=conf.nodes.outage_timeout)
        node_objects.record(db, row, system_path=seen.system_path, power_state=seen.power_state)
        if seen.system_path is not None:
            system_objects.mark_allocated(
                db, row.podm_uuid or "", seen.system_path, row.uuid, path
            )
        if seen.parts:
            device_objects.mark_allocated(db, row.podm_uuid or "", seen.parts, row.uuid, path)


class _Search:
    """Ask one pod manager after the other until one allocates a node.

    Those that could not be reached are asked again for a while, when nobody else
    is left.
    """

    def __init__(
        self,
        db: Database,
        drivers: Drivers,
        scheduler: scheduler_module.Scheduler,
        row: node_objects.Node,
        conf: cfg.ConfigOpts,
    ) -> None:
        self._db = db
        self._drivers = drivers
        self._scheduler = scheduler
        self._row = row
        self._conf = conf
        self._description = ownership.description(installation_objects.get(db), row.description)
        #: uuid -> who said no, and in which words; the last word counts.
        self._refusals: dict[str, tuple[podmanager_objects.PodManager, errors.ValenceError]] = {}

    def search(self) -> None:
        """Record where the node was allocated; fail with what each of them said.

        :raises NoPodManager: every one of several refused.
        :raises ValenceError: the only one did.
        :raises Cancelled: the node was deleted meanwhile.
        """
        patience = self._conf.nodes.outage_timeout
        began = self._row.task_since or waiting.now()
        try:
            waiting.wait_until(
                self._ask_everybody,
                deadline=began + datetime.timedelta(seconds=patience),
                interval=retry.INTERVAL,
                what="a pod manager that can be reached",
                cancelled=lambda: _is_cancelled(self._db, self._row),
            )
        except conductor_errors.TimedOut:
            raise self._verdict() from None

    def _ask_everybody(self) -> bool | None:
        """Ask those who have not refused; None: some may be reached later."""
        choice = self._scheduler.choose(self._db, self._row)
        for podm, error in choice.refusals:
            self._refusals[podm.uuid] = (podm, error)
        for podm in choice.order:
            if podm.uuid in self._refusals and not self._is_away(podm.uuid):
                continue
            _leave_if_cancelled(self._db, self._row)
            if self._ask(podm):
                return True
        if not any(self._is_away(podm.uuid) for podm in choice.order):
            raise self._verdict()
        return None

    def _ask(self, podm: podmanager_objects.PodManager) -> bool:
        row = self._row = node_objects.record(
            self._db, self._row, podm_uuid=podm.uuid, allocating=True
        )
        try:
            path, sure = _allocate(self._drivers, row, self._description, self._conf)
        except _Refusal as refusal:
            self._drivers.record_status(podm.uuid, refusal.error)
            LOG.info("Node %s: pod manager %s: %s", row.uuid, podm.name, refusal.error)
            self._row = node_objects.record(
                self._db, row, podm_uuid=row.podm_asked, allocating=False
            )
            self._refusals[podm.uuid] = (podm, refusal.error)
            return False
        node_objects.record(self._db, row, path=path, allocating=not sure)
        self._drivers.record_status(podm.uuid)
        return True

    def _is_away(self, podm_uuid: str) -> bool:
        """Tell whether a pod manager did not refuse, but was not even reached."""
        _, error = self._refusals.get(podm_uuid, (None, None))
        unreachable = isinstance(error, errors.PodManagerUnreachable)
        return unreachable and error is not None and error.details.get("sent") is False

    def _verdict(self) -> errors.ValenceError:
        return scheduler_module.verdict(list(self._refusals.values()))


class _Refusal(Exception):
    """A pod manager has not allocated, and it is certain that it has not."""

    def __init__(self, error: errors.ValenceError) -> None:
        super().__init__(error)
        self.error = error


def _allocate(
    drivers: Drivers, row: node_objects.Node, description: str, conf: cfg.ConfigOpts
) -> tuple[str, bool]:
    """Ask one pod manager; if its answer is lost, find out what it did.

    :returns: the node's path, and whether it is certain that there is no other.
    :raises _Refusal: the pod manager certainly holds nothing for the node.
    :raises ValenceError: it may hold something, and does not say.
    """
    # Tags are the scheduler's: a pod manager knows nothing of them.
    hardware = {key: value for key, value in row.properties.items() if key != "tags"}
    for attempt in range(1, ATTEMPTS + 1):
        try:
            driver = drivers.get(row.podm_uuid or "")
            interrupt.checkpoint()
            path = driver.allocate(row.redfish_name, description, hardware)
        except (errors.PodManagerRefused, errors.PodManagerUnauthorized) as exc:
            raise _Refusal(exc) from exc
        except (errors.PodManagerUnreachable, errors.PodManagerFailed) as exc:
            if exc.details.get("sent") is False:
                raise _Refusal(exc) from exc
            LOG.warning("Node %s: it is not known what came of Allocate: %s", row.uuid, exc)
            found = give_back.find_lost_allocation(driver, row, conf)
            if found is not None:
                return found, False
            if attempt == ATTEMPTS or isinstance(exc, errors.PodManagerFailed):
                raise _Refusal(exc) from exc
        else:
            return path, attempt == 1
    raise AssertionError("unreachable")


class _Watch:
    """Look at a node on its pod manager until it has come far enough."""

    def __init__(
        self,
        db: Database,
        driver: podmanagers.Driver,
        row: node_objects.Node,
        conf: cfg.ConfigOpts,
    ) -> None:
        self._db = db
        self._driver = driver
        self._row = row
        self._path = _path_of(row)
        self._conf = conf
        self._began = row.task_since or waiting.now()

    def until(self, enough: Any, seconds: float, what: str) -> podmanagers.NodeState:
        """Wait until the node's state is enough.

        :param seconds: since the task began; a restart does not grant them anew.
        :raises PodManagerFailed: the pod manager could not do it.
        :raises Cancelled: the node was deleted meanwhile.
        """

        def probe() -> podmanagers.NodeState | None:
            seen = self._look()
            return seen if enough(seen.state) else None

        return waiting.wait_until(
            probe,
            deadline=self._began + datetime.timedelta(seconds=seconds),
            interval=self._conf.podmanagers.poll_interval,
            what=f"pod manager {self._row.podm_uuid} {what} {self._path}",
            cancelled=self._cancelled,
        )

    def ask_to_assemble(self, seen: podmanagers.NodeState) -> None:
        """Ask once; ask again only if the answer was lost and nothing came of it."""
        known: list[podmanagers.NodeState] = [seen]

        def ask() -> None:
            state = (known.pop() if known else self._look()).state
            if state is podmanagers.State.ALLOCATED:
                self._driver.assemble(self._path)

        retry.call(ask, within=self._conf.nodes.outage_timeout, cancelled=self._cancelled)

    def _look(self) -> podmanagers.NodeState:
        seen = retry.call(
            lambda: self._driver.state(self._path),
            within=self._conf.nodes.outage_timeout,
            cancelled=self._cancelled,
        )
        if seen.state is podmanagers.State.FAILED:
            raise errors.PodManagerFailed(
                f"The pod manager could not assemble {self._path}: the node went Failed. It is "
                "given back. Compose again, or on another pod manager.",
                reason=seen.reason,
            )
        return seen

    def _cancelled(self) -> bool:
        row = self._row
        return node_objects.get_expected(
            self._db, row.uuid, row.generation, STATE
        ).release_requested


def _is_cancelled(db: Database, row: node_objects.Node) -> bool:
    return node_objects.get_expected(db, row.uuid, row.generation, STATE).release_requested


def _leave_if_cancelled(db: Database, row: node_objects.Node) -> None:
    if _is_cancelled(db, row):
        raise conductor_errors.Cancelled("Stopped composing: the node was deleted.")


def _driver_of(row: node_objects.Node, drivers: Drivers) -> podmanagers.Driver:
    return drivers.get(row.podm_uuid or "")


def _path_of(row: node_objects.Node) -> str:
    if row.path is None:
        raise errors.PodManagerNodeGone(f"Nothing was allocated for node {row.uuid}.")
    return row.path
