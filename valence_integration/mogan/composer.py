# SPDX-License-Identifier: Apache-2.0

"""Compose a server of Mogan, and give it back: what the hook asks the conductor for."""

from collections.abc import Callable
import threading
from typing import Any
import uuid as uuids

from oslo_log import log as logging

from valence_conductor import errors as conductor_errors
from valence_integration import errors
from valence_integration import provisioner as provisioner_module
from valence_integration import states
from valence_integration.mogan import scheduling
from valence_integration.mogan import server as servers
from valence_integration.mogan.modules import Parts

LOG = logging.getLogger(__name__)

#: Keys in the server's ``system_metadata``: the host of the engine that composes it, the
#: run of that engine, and the installation of the plugin that has the instance.
ENGINE = "valence_engine"
RUN = "valence_run"
INSTALLATION = "valence_installation"


class Composer:
    """Has servers composed and enrolled, and given back.

    A server and its instance bear the same uuid. By it Ironic's node is found, by
    Mogan's driver as by the plugin.

    :param mogan: Mogan's modules.
    :param host: of this engine.
    :param open_provisioner: opens the plugin; called when it is first needed.
    :param timeout: seconds to wait for a server, and for its end.
    """

    def __init__(
        self,
        mogan: Parts,
        host: str,
        open_provisioner: Callable[[], provisioner_module.Provisioner],
        timeout: float,
    ) -> None:
        self._mogan = mogan
        self._host = host
        self._open_provisioner = open_provisioner
        self._timeout = timeout
        self._run = str(uuids.uuid4())
        self._lock = threading.Lock()
        self._provisioner: provisioner_module.Provisioner | None = None

    @property
    def provisioner(self) -> provisioner_module.Provisioner:
        """The plugin, started: requests may arrive before the engine is quite up.

        :raises AlreadyRunning: another process works on the same flows.
        """
        with self._lock:
            if self._provisioner is None:
                opened = self._open_provisioner()
                opened.start()
                self._provisioner = opened
            return self._provisioner

    def start(self) -> None:
        """Open the plugin now, and resume what is under way.

        :raises AlreadyRunning: another process works on the same flows.
        """
        LOG.info("installation %s of the plugin is open", self.provisioner.installation())

    def stop(self) -> None:
        """Leave what is under way; the next start goes on with it."""
        with self._lock:
            if self._provisioner is not None:
                self._provisioner.stop()
                self._provisioner = None

    def mark(self, context: Any, server: Any) -> Any:
        """Write down that a server is to be composed, before anything is asked for.

        The node's uuid in Ironic is known before there is one: with it, Mogan will
        not delete the server without asking the driver.

        :returns: the server, with the field ``composed``.
        """
        server = servers.newest(self._mogan, context, server)
        server.composed = True
        server.node_uuid = provisioner_module.ids_of(server.uuid, 1)["ironic_uuid"]
        server.system_metadata = {
            **(server.system_metadata or {}),
            ENGINE: self._host,
            RUN: self._run,
            INSTALLATION: self.provisioner.installation(),
        }
        server.save()
        return server

    def compose(self, context: Any, server: Any, request_spec: Any) -> None:
        """Have a server composed and enrolled, and wait for it.

        :raises ServerDeployFailure: it failed; the message has the peer's own words.
        :raises ServerDeployAborted: somebody deleted the server meanwhile.
        :raises ServerNotFound: the same, and it is gone already.
        """
        try:
            wanted = scheduling.wanted(request_spec)
            assert wanted is not None, "a server is composed only if its flavor asks for it"
            self.provisioner.provision(
                uuid=server.uuid,
                name=server.name or server.uuid,
                requirements=wanted.properties,
                flavor=wanted.flavor,
                project_id=server.project_id,
                user_id=server.user_id,
            )
            # Whoever deletes it from here on finds the instance. Who did so before did not.
            server.refresh(context)
            self._must_build(server)
            instance = self.provisioner.wait(server.uuid, self._timeout)
        except errors.InstanceFailed as exc:
            detail = exc.fault.get("detail") or str(exc)
            raise self._mogan.exception.ServerDeployFailure(detail) from exc
        except errors.IntegrationError as exc:
            raise self._mogan.exception.ServerDeployFailure(str(exc)) from exc
        if instance.state != states.ACTIVE:
            raise self._aborted(server)

    def give_back(self, server: Any) -> None:
        """Have a server leave Ironic and then return to the pool, and wait for it.

        May be repeated. One that was never asked for holds nothing.

        :raises ServerDeployFailure: it is still held; the message says why.
        """
        self._must_know(server)
        try:
            self.provisioner.destroy(server.uuid)
            self.provisioner.wait(server.uuid, self._timeout)
        except errors.InstanceNotFound:
            LOG.info("server %s was not composed, nothing is given back", server.uuid)
        except errors.IntegrationError as exc:
            fault = getattr(exc, "fault", {})
            raise self._mogan.exception.ServerDeployFailure(
                f"What was composed for the server is not given back: {fault.get('detail') or exc}"
            ) from exc
        server.composed = False
        server.node_uuid = server.node = None
        server.save()

    def is_busy(self, server: Any) -> bool:
        """Tell whether a conductor is at work on what is composed for a server.

        An earlier run of the engine may have asked for it.
        """
        try:
            return self.provisioner.get(server.uuid).state not in states.SETTLED
        except errors.InstanceNotFound:
            return False

    def is_enrolled(self, server: Any) -> bool:
        """Tell whether Ironic still has the node of a server; if in doubt, it has."""
        try:
            return self.provisioner.is_enrolled(server.uuid)
        except errors.InstanceNotFound:
            return False
        except conductor_errors.Fault as exc:
            LOG.warning("It is not known whether Ironic has server %s: %s", server.uuid, exc)
            return True

    def is_left_over(self, server: Any) -> bool:
        """Tell whether an earlier run of this engine was at work on a server."""
        marks = server.system_metadata or {}
        mine = servers.is_composed(server) and marks.get(ENGINE) == self._host
        return mine and marks.get(RUN) != self._run

    def _must_build(self, server: Any) -> None:
        if server.status != self._mogan.states.BUILDING:
            raise self._aborted(server)

    def _aborted(self, server: Any) -> Exception:
        aborted: Exception = self._mogan.exception.ServerDeployAborted(
            f"Server {server.uuid} was deleted while it was composed."
        )
        return aborted

    def _must_know(self, server: Any) -> None:
        """Refuse a server whose instance is in another database: it would look like none."""
        mark = (server.system_metadata or {}).get(INSTALLATION)
        if mark not in (None, self.provisioner.installation()):
            raise self._mogan.exception.ServerDeployFailure(
                f"Server {server.uuid} was composed by installation {mark} of the plugin, and "
                "this engine uses another database. Give every engine of this Mogan the same "
                "[valence_integration] connection, then delete the server again."
            )
