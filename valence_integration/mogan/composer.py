# SPDX-License-Identifier: Apache-2.0

"""Compose and release the hardware of Mogan's servers, through the provisioning plugin."""

from collections.abc import Callable
import threading
from typing import Any
import uuid as uuids

from oslo_log import log as logging

from valence_conductor import errors as conductor_errors
from valence_integration import errors
from valence_integration import provisioner as integration_provisioner
from valence_integration import states
from valence_integration.mogan import scheduling
from valence_integration.mogan import server as mogan_server
from valence_integration.mogan.modules import MoganModules
from valence_integration.provisioner import Provisioner

LOG = logging.getLogger(__name__)

#: Keys in the server's ``system_metadata``: the host of the engine that composes it, the
#: run of that engine (a new uuid at each start), and the installation of the plugin whose
#: database has the instance.
ENGINE = "valence_engine"
RUN = "valence_run"
INSTALLATION = "valence_installation"


class Composer:
    """Composes and enrolls the nodes of servers, and releases them.

    A server and its instance have the same uuid, by which Mogan's driver and the plugin
    find the node in Ironic.

    :param mogan: Mogan's modules.
    :param host: of this engine.
    :param open_provisioner: opens the plugin; called when it is first needed.
    :param timeout: seconds to wait until a node is composed and enrolled, or released.
    """

    def __init__(
        self,
        mogan: MoganModules,
        host: str,
        open_provisioner: Callable[[], Provisioner],
        timeout: float,
    ) -> None:
        self._mogan = mogan
        self._host = host
        self._open_provisioner = open_provisioner
        self._timeout = timeout
        self._run = str(uuids.uuid4())
        self._lock = threading.Lock()
        self._provisioner: Provisioner | None = None

    @property
    def provisioner(self) -> Provisioner:
        """The plugin, started: requests may arrive before the engine has started fully.

        :raises AlreadyRunning: another process works on the same flows.
        """
        with self._lock:
            if self._provisioner is None:
                provisioner = self._open_provisioner()
                provisioner.start()
                self._provisioner = provisioner
            return self._provisioner

    def start(self) -> None:
        """Start the plugin, and resume its flows.

        :raises AlreadyRunning: another process works on the same flows.
        """
        LOG.info("Started installation %s of the plugin", self.provisioner.installation())

    def stop(self) -> None:
        """Stop the plugin; the next start resumes its flows."""
        with self._lock:
            if self._provisioner is not None:
                self._provisioner.stop()
                self._provisioner = None

    def mark(self, context: Any, server: Any) -> Any:
        """Record that a server is to be composed, before anything is requested.

        The uuid of the node in Ironic is known before the node exists. Mogan does not
        delete a server that has one without calling the driver.

        :returns: the server, with the field ``composed``.
        """
        server = mogan_server.newest(self._mogan, context, server)
        server.composed = True
        server.node_uuid = integration_provisioner.ids_of(server.uuid, 1)["ironic_uuid"]
        server.system_metadata = {
            **(server.system_metadata or {}),
            ENGINE: self._host,
            RUN: self._run,
            INSTALLATION: self.provisioner.installation(),
        }
        server.save()
        return server

    def compose(self, context: Any, server: Any, request_spec: Any) -> None:
        """Compose and enroll the node of a server, and wait for it.

        :raises ServerDeployFailure: it failed; the message has the peer's own reason.
        :raises ServerDeployAborted: the server is being deleted.
        :raises ServerNotFound: the server is deleted.
        """
        try:
            requirements = scheduling.requirements_of(request_spec)
            assert requirements is not None, "only servers with a Valence flavor are composed"
            self.provisioner.provision(
                uuid=server.uuid,
                name=server.name or server.uuid,
                requirements=requirements.properties,
                flavor=requirements.flavor,
                project_id=server.project_id,
                user_id=server.user_id,
            )
            # A deletion from here on finds the instance. An earlier one did not.
            server.refresh(context)
            self._ensure_building(server)
            instance = self.provisioner.wait(server.uuid, self._timeout)
        except errors.InstanceFailed as exc:
            detail = exc.fault.get("detail") or str(exc)
            raise self._mogan.exception.ServerDeployFailure(detail) from exc
        except errors.IntegrationError as exc:
            raise self._mogan.exception.ServerDeployFailure(str(exc)) from exc
        if instance.state != states.ACTIVE:
            raise self._aborted(server)

    def release(self, server: Any) -> None:
        """Remove the node of a server from Ironic, return it to the pool, and wait for that.

        May be repeated. A server that was never composed holds nothing.

        :raises ServerDeployFailure: it still holds hardware; the message has the reason.
        """
        self._ensure_same_installation(server)
        try:
            self.provisioner.destroy(server.uuid)
            self.provisioner.wait(server.uuid, self._timeout)
        except errors.InstanceNotFound:
            LOG.info("Server %s was never composed, nothing is released", server.uuid)
        except errors.IntegrationError as exc:
            fault = getattr(exc, "fault", {})
            raise self._mogan.exception.ServerDeployFailure(
                f"The node of the server is not released: {fault.get('detail') or exc}"
            ) from exc
        server.composed = False
        server.node_uuid = server.node = None
        server.save()

    def is_busy(self, server: Any) -> bool:
        """Return whether a flow is running, or pending, for a server.

        An earlier run of the engine may have requested it.
        """
        try:
            return self.provisioner.get(server.uuid).state not in states.SETTLED
        except errors.InstanceNotFound:
            return False

    def is_enrolled(self, server: Any) -> bool:
        """Return whether Ironic still has the node of a server; True when in doubt."""
        try:
            return self.provisioner.is_enrolled(server.uuid)
        except errors.InstanceNotFound:
            return False
        except conductor_errors.Fault as exc:
            LOG.warning("The node of server %s could not be read in Ironic: %s", server.uuid, exc)
            return True

    def is_interrupted(self, server: Any) -> bool:
        """Return whether an earlier run of this engine was working on a server."""
        metadata = server.system_metadata or {}
        is_own = mogan_server.is_composed(server) and metadata.get(ENGINE) == self._host
        return is_own and metadata.get(RUN) != self._run

    def _ensure_building(self, server: Any) -> None:
        if server.status != self._mogan.states.BUILDING:
            raise self._aborted(server)

    def _aborted(self, server: Any) -> Exception:
        exc: Exception = self._mogan.exception.ServerDeployAborted(
            f"Server {server.uuid} was deleted while it was being composed."
        )
        return exc

    def _ensure_same_installation(self, server: Any) -> None:
        """Refuse a server whose instance is in another database: here it has none."""
        installation = (server.system_metadata or {}).get(INSTALLATION)
        if installation not in (None, self.provisioner.installation()):
            raise self._mogan.exception.ServerDeployFailure(
                f"Server {server.uuid} was composed by installation {installation} of the plugin, "
                "and this engine uses another database. Set the same [valence_integration] "
                "connection for every engine of this Mogan, then delete the server again."
            )
