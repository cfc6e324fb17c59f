# SPDX-License-Identifier: Apache-2.0

"""Compose a node: allocate it, assemble it, read the result."""

import datetime
import time
from typing import Any

from oslo_log import log as logging
from taskflow import task
from taskflow.patterns import linear_flow

from valence import errors
from valence import ownership
from valence import podmanagers
from valence import scheduler
from valence import wiring
from valence.flows import allocation
from valence.flows import give_back
from valence.flows import identify
from valence.flows import machine
from valence.flows import retry
from valence.flows import search
from valence.flows.assembly import Assembly
from valence.objects import device as device_objects
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.objects import podmanager as podmanager_objects
from valence.objects import system as system_objects
from valence.podmanagers.http import failures
from valence_conductor import errors as conductor_errors
from valence_conductor import interrupt
from valence_conductor import waiting
from valence_conductor.db.engine import Database

LOG = logging.getLogger(__name__)

STATE = node_objects.OPERATIONS["compose"]

#: Requests to one pod manager to allocate, while its responses are lost.
ATTEMPTS = 2


def compose() -> linear_flow.Flow:
    """Allocate a node from a pool, assemble it, and read the result."""
    return linear_flow.Flow("compose").add(
        AllocateNodeTask(name="allocate-node"),
        AssembleNodeTask(name="assemble-node"),
        ReadNodeTask(name="read-node"),
    )


class AllocateNodeTask(task.Task):
    """Allocate what the node needs from the pool of a pod manager.

    Idempotent because: the row names the pod manager before the request is sent, and a
    node that an earlier request created is found by its Name.

    Revert: release the node, by path or by Name, and verify that it is gone.
    """

    def execute(self, node_uuid: str, generation: int, context: wiring.Context) -> None:
        """Request the allocation from one pod manager after the other until one allocates."""
        row = node_objects.get_expected(context.db, node_uuid, generation, STATE)
        if row.path is None and row.allocating and row.podm_uuid is not None:
            driver = context.drivers.verify(row.podm_uuid)
            path = give_back.find_lost_allocation(context, driver, row)
            row = node_changes.record(context.db, row, path=path, allocating=path is not None)
        if row.path is None:
            _Search(context, row).run()

    def revert(
        self, node_uuid: str, generation: int, context: wiring.Context, **_kwargs: Any
    ) -> None:
        """Release whatever a pod manager may hold for the node."""
        row = node_objects.get_expected(context.db, node_uuid, generation, STATE)
        give_back.give_back(context, row)


class AssembleNodeTask(task.Task):
    """Request the pod manager to assemble the node, and wait until it has.

    Idempotent because: the request is sent only while the node is Allocated.
    """

    def execute(self, node_uuid: str, generation: int, context: wiring.Context) -> None:
        """Wait for Allocated, request the assembly, wait for Assembled."""
        row = node_objects.get_expected(context.db, node_uuid, generation, STATE)
        node = Assembly(context, row, _path_of(row), lambda: _is_cancelled(context.db, row))
        options = context.conf.podmanagers
        timeout = options.allocate_timeout
        allocating, assembled = podmanagers.State.ALLOCATING, podmanagers.State.ASSEMBLED
        state = node.wait(lambda state: state is not allocating, timeout, "to allocate")
        node.request_assembly(state)
        timeout += options.assemble_timeout
        node.wait(lambda state: state is assembled, timeout, "to assemble")


class ReadNodeTask(task.Task):
    """Read what the pod manager has composed.

    Idempotent because: it only reads, and records what it read.
    """

    def execute(self, node_uuid: str, generation: int, context: wiring.Context) -> None:
        """Record the path of the system, its power state, the parts of the node, its identity.

        :raises NodeIdentityConflict: the machine is not the one that was requested.
        """
        row = node_objects.get_expected(context.db, node_uuid, generation, STATE)
        within = context.conf.nodes.outage_timeout
        row, node = retry.call(lambda: _read(context, row), within=within)
        db, podm_uuid, path = context.db, row.podm_uuid or "", _path_of(row)
        macs = system_objects.macs(db, podm_uuid, node.system_path or "")
        node_changes.record(
            db,
            row,
            system_path=node.system_path,
            power_state=node.power_state,
            identity=machine.learn(context, row, node.facts, macs),
        )
        if node.system_path is not None:
            system_objects.mark_allocated(db, podm_uuid, node.system_path, row.uuid, path)
        if node.parts:
            device_objects.mark_allocated(db, podm_uuid, node.parts, row.uuid, path)


def _read(
    context: wiring.Context, row: node_objects.Node
) -> tuple[node_objects.Node, podmanagers.ComposedNode]:
    """Return the row of a composed node with its path now, and the node, identified.

    :raises NodeIdentityConflict: another machine has its path, and none of the others is it.
    """
    driver, path = context.drivers.get(row.podm_uuid or ""), _path_of(row)
    try:
        node = driver.read(path)
        allocation.check_new(context, driver, row, node.facts)
    except (errors.PodManagerNodeGone, errors.NodeIdentityConflict):
        facts = search.Search(context, driver, row).run()
        if facts is None or not facts.is_read:
            raise
        row = identify.follow(context, row, facts)
        node = driver.read(facts.path)
    return row, node


class _Search:
    """Requests the allocation from one pod manager after the other until one allocates.

    When all others have refused, the unreachable and the busy ones are tried again for a while.
    """

    def __init__(self, context: wiring.Context, row: node_objects.Node) -> None:
        self._context = context
        self._db = context.db
        self._row = row
        self._description = ownership.description(
            installation_objects.get(context.db), row.uuid, row.description
        )
        #: uuid -> the pod manager that refused, and its last error.
        self._refusals: dict[str, tuple[podmanager_objects.PodManager, errors.ValenceError]] = {}
        #: uuid -> when a busy pod manager is to be sent the request again; monotonic clock.
        self._not_before: dict[str, float] = {}

    def run(self) -> None:
        """Record where the node was allocated.

        :raises NoPodManager: each of several pod managers refused.
        :raises ValenceError: the only one refused.
        :raises Cancelled: the node was deleted meanwhile.
        """
        timeout = self._context.conf.nodes.outage_timeout
        started_at = self._row.task_since or waiting.now()
        try:
            waiting.wait_until(
                self._try_all,
                deadline=started_at + datetime.timedelta(seconds=timeout),
                interval=retry.INTERVAL,
                what="a pod manager that can be reached",
                cancelled=lambda: _is_cancelled(self._db, self._row),
            )
        except conductor_errors.TimedOut:
            raise self._error() from None

    def _try_all(self) -> bool | None:
        """Try those that have not refused; return None if some may be reached later."""
        choice = self._context.scheduler.choose(self._db, self._row)
        for podm, error in choice.refusals:
            self._refusals[podm.uuid] = (podm, error)
        for podm in choice.order:
            if podm.uuid in self._refusals and not self._is_unreachable(podm.uuid):
                continue
            if time.monotonic() < self._not_before.get(podm.uuid, 0.0):
                continue
            if _is_cancelled(self._db, self._row):
                raise conductor_errors.Cancelled("Stopped composing: the node was deleted.")
            if self._try(podm):
                return True
        if not any(self._is_unreachable(podm.uuid) for podm in choice.order):
            raise self._error()
        return None

    def _try(self, podm: podmanager_objects.PodManager) -> bool:
        """Request the allocation from one pod manager; return whether it allocated."""
        drivers = self._context.drivers
        row = self._row = node_changes.record(
            self._db, self._row, podm_uuid=podm.uuid, identity=None
        )
        try:
            path, is_only_node = _allocate(
                self._context, row, self._description, podm.uuid in self._not_before
            )
        except _NotAllocated as exc:
            if failures.was_busy(exc.error):
                pause = retry.pause_after(exc.error) or retry.INTERVAL
                self._not_before[podm.uuid] = time.monotonic() + pause
            drivers.record_status(podm.uuid, exc.error)
            LOG.info("Pod manager %s did not allocate node %s: %s", podm.name, row.uuid, exc.error)
            self._row = node_changes.record(
                self._db, row, podm_uuid=row.podm_asked, allocating=False
            )
            self._refusals[podm.uuid] = (podm, exc.error)
            return False
        node_changes.record(self._db, row, path=path, allocating=not is_only_node)
        drivers.record_status(podm.uuid)
        return True

    def _is_unreachable(self, podm_uuid: str) -> bool:
        """Return whether no request reached a pod manager, or found it busy.

        A lost response is not that.
        """
        _, error = self._refusals.get(podm_uuid, (None, None))
        if not isinstance(error, errors.PodManagerUnreachable):
            return False
        return error.details.get("sent") is False or failures.was_busy(error)

    def _error(self) -> errors.ValenceError:
        return scheduler.refused_by_all(list(self._refusals.values()))


class _NotAllocated(Exception):
    """A pod manager has certainly not allocated anything for the node."""

    def __init__(self, error: errors.ValenceError) -> None:
        super().__init__(error)
        self.error = error


def _allocate(
    context: wiring.Context, row: node_objects.Node, description: str, was_busy: bool
) -> tuple[str, bool]:
    """Request the allocation from one pod manager; if the response is lost, find the node.

    :param was_busy: the pod manager has answered an earlier request that it was busy.
    :returns: the node's path, and whether it is certain that there is no second node.
    :raises _NotAllocated: the pod manager certainly holds nothing for the node.
    :raises ValenceError: it may hold something, and does not answer.
    """
    # Only the scheduler knows tags; a pod manager would refuse them.
    hardware = {key: value for key, value in row.properties.items() if key != "tags"}
    try:
        with failures.before_sending():
            driver = context.drivers.verify(row.podm_uuid or "")
    except errors.ValenceError as exc:
        raise _NotAllocated(exc) from exc

    def cancelled() -> bool:
        return _is_cancelled(context.db, row)

    row = _record_request(context, driver, row)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            interrupt.checkpoint()
            # It should not have carried out the earlier request, and may have all the same.
            with failures.before_sending():
                early_path = allocation.find_allocation(context, driver, row) if was_busy else None
            if early_path is not None:
                return early_path, False
            path = driver.allocate(row.redfish_name, description, hardware, cancelled)
            allocation.check_allocated(context, driver, row, path)
        except (errors.PodManagerRefused, errors.PodManagerUnauthorized) as exc:
            raise _NotAllocated(exc) from exc
        except (errors.PodManagerUnreachable, errors.PodManagerFailed) as exc:
            if exc.details.get("sent") is False or failures.was_busy(exc):
                raise _NotAllocated(exc) from exc
            if exc.details.get("accepted"):
                raise
            LOG.warning("The result of Allocate for node %s is unknown: %s", row.uuid, exc)
            lost_path = give_back.find_lost_allocation(context, driver, row)
            if lost_path is not None:
                return lost_path, False
            if attempt == ATTEMPTS or isinstance(exc, errors.PodManagerFailed):
                raise _NotAllocated(exc) from exc
        else:
            return path, attempt == 1
    raise AssertionError("unreachable")


def _record_request(
    context: wiring.Context, driver: podmanagers.Driver, row: node_objects.Node
) -> node_objects.Node:
    """Record that a pod manager may hold something for a node, before it is requested.

    With the nodes that it lists already, unless it is known to keep the Name or the
    Description of a node: if the response is lost, nothing else tells the new node from
    others. Both are recorded at once: without that list each of them might be the new one.

    If the listing is not complete, none is recorded, and a node without a mark is not
    accepted.

    :raises _NotAllocated: it does not answer.
    """
    others = None
    if not machine.keeps_marks(context, row.podm_uuid or ""):
        try:
            with failures.before_sending():
                others = [member.path for member in driver.members()]
        except errors.PodManagerFailed as exc:
            LOG.info("Pod manager %s did not list its nodes: %s", row.podm_uuid, exc)
        except errors.ValenceError as exc:
            raise _NotAllocated(exc) from exc
    identity = None if others is None else {"others": others}
    return node_changes.record(context.db, row, allocating=True, identity=identity)


def _is_cancelled(db: Database, row: node_objects.Node) -> bool:
    return node_objects.get_expected(db, row.uuid, row.generation, STATE).release_requested


def _path_of(row: node_objects.Node) -> str:
    if row.path is None:
        raise errors.PodManagerNodeGone(f"Nothing was allocated for node {row.uuid}.")
    return row.path
