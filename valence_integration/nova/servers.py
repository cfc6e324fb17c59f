# SPDX-License-Identifier: Apache-2.0

"""Compose, find and release the machines of servers, through the provisioning plugin.

This module does not know Nova. Every method can be repeated at any point: the progress is
in the rows of the plugin, whose flows continue without a caller.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import threading
import time
from typing import Any

from oslo_log import log as logging

from valence_integration import errors
from valence_integration import states
from valence_integration.objects.instance import Instance
from valence_integration.provisioner import Provisioner
from valence_integration.requirements import Requirements

LOG = logging.getLogger(__name__)

#: Seconds between two checks whether a server was deleted while it is being composed.
CHECK_INTERVAL = 5.0


class Refused(Exception):
    """None of the pod managers composed the machine; nothing of it is left.

    :ivar faults: uuid of the pod manager to the fault of its attempt.
    """

    def __init__(self, faults: Mapping[str, Mapping[str, Any]]) -> None:
        self.faults = dict(faults)
        super().__init__("; ".join(reason_of(fault) for fault in self.faults.values()))


class Deleted(Exception):
    """The server was deleted while its machine was being composed."""


class NotReleased(Exception):
    """A machine is not released yet, or could not be; the message has the reason."""


@dataclasses.dataclass(frozen=True)
class ServerRequest:
    """The machine that a server requires, and its owner.

    :ivar uuid: of the server, and of the plugin's instance.
    :ivar requirements: hardware, or a flavor of Valence.
    """

    uuid: str
    name: str
    requirements: Requirements
    project_id: str | None = None
    user_id: str | None = None


class Servers:
    """Composes and releases the machines of servers.

    :param provisioner: started.
    """

    def __init__(self, provisioner: Provisioner) -> None:
        self._provisioner = provisioner
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Cancel every running :meth:`compose`: the process stops."""
        self._stopping.set()

    def find(self, uuid: str) -> Instance | None:
        """Return the row of a server, deleted or not; None when there never was one."""
        try:
            return self._provisioner.get(uuid)
        except errors.InstanceNotFound:
            return None

    def compose(
        self,
        request: ServerRequest,
        podm_ids: Sequence[str],
        timeout: float,
        is_deleted: Callable[[], bool],
        on_refusal: Callable[[str, Mapping[str, Any]], object],
    ) -> Instance:
        """Compose a machine on the first of some pod managers that can.

        The machine is then enrolled and available in Ironic, with the server as its owner.

        :param podm_ids: uuids, in the order of the attempts.
        :param timeout: seconds.
        :param is_deleted: called every few seconds; when it returns True, the machine is
            released.
        :param on_refusal: called with the pod manager and the fault of each refusal.
        :raises Refused: no pod manager could; nothing of the attempts is left.
        :raises Deleted: the server was deleted; its machine is being released.
        :raises NotReleased: this attempt, or an earlier one, still holds hardware.
        """
        deadline = time.monotonic() + timeout
        faults: dict[str, Mapping[str, Any]] = {}
        for podm_id in podm_ids:
            self._request(request, podm_id, deadline)
            try:
                return self._wait(request.uuid, deadline, is_deleted)
            except errors.InstanceFailed as exc:
                if not exc.fault.get("given_back"):
                    raise NotReleased(str(exc)) from exc
                faults[podm_id] = exc.fault
                on_refusal(podm_id, exc.fault)
        raise Refused(faults)

    def release(self, uuid: str, timeout: float) -> None:
        """Release the machine of a server, and wait until it is released.

        A server without a machine is a success.

        :param timeout: seconds.
        :raises NotReleased: it could not be released, or not in this time; may be repeated.
        """
        if self.start_release(uuid):
            self._wait_released(uuid, timeout)

    def start_release(self, uuid: str) -> bool:
        """Start to release the machine of a server, without waiting.

        :returns: whether the server has one.
        """
        row = self.find(uuid)
        if row is None or row.state == states.DELETED:
            return False
        self._provisioner.destroy(uuid)
        return True

    def _request(self, request: ServerRequest, podm_id: str, deadline: float) -> None:
        """Request the machine, unless that was done before a restart."""
        row = self.find(request.uuid)
        if row is None:
            self._provisioner.provision(
                uuid=request.uuid,
                name=request.name,
                requirements=request.requirements.properties,
                flavor=request.requirements.flavor,
                project_id=request.project_id,
                user_id=request.user_id,
                podm_id=podm_id,
            )
            return
        if is_in_use(row) and row.podm_uuid == podm_id:
            return
        if row.state != states.DELETED:
            self.release(request.uuid, deadline - time.monotonic())
        self._provisioner.retry(request.uuid, podm_id=podm_id, revive=True)

    def _wait(self, uuid: str, deadline: float, is_deleted: Callable[[], bool]) -> Instance:
        while True:
            remaining = deadline - time.monotonic()
            try:
                row = self._provisioner.wait(uuid, max(0.0, min(CHECK_INTERVAL, remaining)))
            except errors.InstanceTimeout as exc:
                if self._stopping.is_set():
                    self._provisioner.destroy(uuid)
                    raise NotReleased(
                        "The service stopped while the machine was being composed."
                    ) from exc
                if is_deleted():
                    self._provisioner.destroy(uuid)
                    raise Deleted(uuid) from exc
                if remaining <= 0:
                    self._provisioner.destroy(uuid)
                    raise NotReleased(
                        f"{exc} The request timed out, and the machine is being released."
                    ) from exc
                continue
            if row.state == states.DELETED:
                raise Deleted(uuid)
            return row

    def _wait_released(self, uuid: str, timeout: float) -> None:
        try:
            row = self._provisioner.wait(uuid, max(0.0, timeout))
        except (errors.InstanceFailed, errors.InstanceTimeout) as exc:
            raise NotReleased(str(exc)) from exc
        LOG.debug("The machine of server %s is %s", uuid, row.state)


def is_in_use(row: Instance) -> bool:
    """Return whether a server has, or will have, a machine that is not to be released."""
    return row.state in (states.PROVISIONING, states.ACTIVE) and not row.destroy_requested


def reason_of(fault: Mapping[str, Any]) -> str:
    """Return the reason of a fault: the pod manager's or Ironic's own message, if any."""
    return str(fault.get("reason") or fault.get("detail") or "no reason is known")
