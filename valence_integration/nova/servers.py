# SPDX-License-Identifier: Apache-2.0

"""The life of servers: composed, found again, given back, through the provisioning plugin.

Nothing here knows Nova. Everything may be called again at any point: what was done
before stands in the rows of the plugin, whose flows go on by themselves.
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

#: Seconds between two looks whether a server is still wanted.
ATTENTION = 5.0


class Refused(Exception):
    """No pod manager that was asked composed the machine; nothing of it is left.

    :ivar refusals: uuid of the pod manager to the fault of its attempt.
    """

    def __init__(self, refusals: Mapping[str, Mapping[str, Any]]) -> None:
        self.refusals = dict(refusals)
        super().__init__("; ".join(words(fault) for fault in self.refusals.values()))


class Unwanted(Exception):
    """The server was deleted while its machine was composed."""


class NotGivenBack(Exception):
    """A machine is not given back yet, or could not be; says why."""


@dataclasses.dataclass(frozen=True)
class Wish:
    """What a server asks for.

    :ivar uuid: of the server, and of the plugin's instance.
    :ivar asked: hardware, or a flavor of Valence's.
    """

    uuid: str
    name: str
    asked: Requirements
    project_id: str | None = None
    user_id: str | None = None


class Servers:
    """Composes and gives back.

    :param provisioner: started.
    """

    def __init__(self, provisioner: Provisioner) -> None:
        self._provisioner = provisioner
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Have everybody who waits for a machine give it up: this process ends."""
        self._stopping.set()

    def find(self, uuid: str) -> Instance | None:
        """Read the row of a server, a deleted one too; None when there never was one."""
        try:
            return self._provisioner.get(uuid)
        except errors.InstanceNotFound:
            return None

    def compose(
        self,
        wish: Wish,
        pods: Sequence[str],
        timeout: float,
        wanted: Callable[[], bool],
        refused: Callable[[str, Mapping[str, Any]], object],
    ) -> Instance:
        """Have a machine composed on the first of some pod managers that can.

        It ends enrolled, available in Ironic and given to the server.

        :param pods: uuids, in the order in which they are asked.
        :param timeout: seconds.
        :param wanted: asked now and then; False gives everything back.
        :param refused: told of every refusal.
        :raises Refused: none could; nothing of the attempts is left.
        :raises Unwanted: the server is not wanted any more; everything is being given back.
        :raises NotGivenBack: a former attempt, or this one, still holds something.
        """
        until = time.monotonic() + timeout
        refusals: dict[str, Mapping[str, Any]] = {}
        for pod in pods:
            self._begin(wish, pod, until)
            try:
                return self._wait(wish.uuid, until, wanted)
            except errors.InstanceFailed as exc:
                if not exc.fault.get("given_back"):
                    raise NotGivenBack(str(exc)) from exc
                refusals[pod] = exc.fault
                refused(pod, exc.fault)
        raise Refused(refusals)

    def give_back(self, uuid: str, timeout: float) -> None:
        """Have the machine of a server given back, and wait until it is.

        A server without a machine is a success.

        :param timeout: seconds.
        :raises NotGivenBack: it could not be, or not in this time; it may be asked again.
        """
        row = self.find(uuid)
        if row is None or row.state == states.DELETED:
            return
        self._provisioner.destroy(uuid)
        self._until_gone(uuid, timeout)

    def abandon(self, uuid: str) -> None:
        """Have the machine of a server given back, without waiting for it."""
        row = self.find(uuid)
        if row is not None and row.state != states.DELETED:
            self._provisioner.destroy(uuid)

    def _begin(self, wish: Wish, pod: str, until: float) -> None:
        """Ask for the machine, or find that somebody did so before a restart."""
        row = self.find(wish.uuid)
        if row is None:
            self._provisioner.provision(
                uuid=wish.uuid,
                name=wish.name,
                requirements=wish.asked.properties,
                flavor=wish.asked.flavor,
                project_id=wish.project_id,
                user_id=wish.user_id,
                podm_id=pod,
            )
            return
        if stands(row) and row.podm_uuid == pod:
            return
        if row.state != states.DELETED:
            self.give_back(wish.uuid, until - time.monotonic())
        self._provisioner.retry(wish.uuid, podm_id=pod, revive=True)

    def _wait(self, uuid: str, until: float, wanted: Callable[[], bool]) -> Instance:
        while True:
            left = until - time.monotonic()
            try:
                row = self._provisioner.wait(uuid, max(0.0, min(ATTENTION, left)))
            except errors.InstanceTimeout as exc:
                if self._stopping.is_set():
                    self._provisioner.destroy(uuid)
                    raise NotGivenBack(
                        "The service ended while the machine was composed."
                    ) from exc
                if not wanted():
                    self._provisioner.destroy(uuid)
                    raise Unwanted(uuid) from exc
                if left <= 0:
                    self._provisioner.destroy(uuid)
                    raise NotGivenBack(f"{exc} It was given up, and is being given back.") from exc
                continue
            if row.state == states.DELETED:
                raise Unwanted(uuid)
            return row

    def _until_gone(self, uuid: str, timeout: float) -> None:
        try:
            row = self._provisioner.wait(uuid, max(0.0, timeout))
        except errors.InstanceFailed as exc:
            raise NotGivenBack(str(exc)) from exc
        except errors.InstanceTimeout as exc:
            raise NotGivenBack(str(exc)) from exc
        LOG.debug("The machine of server %s: %s", uuid, row.state)


def stands(row: Instance) -> bool:
    """Tell whether a machine is a server's, and nobody asked to give it back."""
    return row.state in (states.PROVISIONING, states.ACTIVE) and not row.destroy_requested


def words(fault: Mapping[str, Any]) -> str:
    """Give the reason of a fault: the pod manager's or Ironic's own words, if there are any."""
    return str(fault.get("reason") or fault.get("detail") or "no reason is known")
