# SPDX-License-Identifier: Apache-2.0

"""Create, delete and recover composed servers, within Mogan's engine."""

from typing import Any

from oslo_log import log as logging
from oslo_utils import timeutils

from valence_integration.mogan import flow
from valence_integration.mogan.composer import Composer
from valence_integration.mogan.modules import MoganModules

LOG = logging.getLogger(__name__)


class ServerLifecycle:
    """Creates and deletes composed servers, with the states, quota and notifications of Mogan.

    :param mogan: Mogan's modules.
    :param manager: Mogan's engine.
    :param composer: composes and releases the nodes of servers.
    """

    def __init__(self, mogan: MoganModules, manager: Any, composer: Composer) -> None:
        self._mogan = mogan
        self._manager = manager
        self._composer = composer

    def create(self, context: Any, server: Any, *, request_spec: Any, **arguments: Any) -> None:
        """Compose and enroll, then deploy as Mogan does; undo everything when a step fails.

        :param server: as returned by :meth:`Composer.mark`.
        :param arguments: the other arguments of Mogan's ``_create_server``, by name.
        :raises Exception: the error of the failed step, one of Mogan's where the hook raises.
        """
        self._notify(context, server, "CREATE", "START")
        try:
            self._composer.compose(context, server, request_spec)
            server.node = self._manager.driver.get_node_name(server.node_uuid)
            server.save()
            self._deploy(context, server, request_spec=request_spec, **arguments)
            self._finish(context, server)
        except Exception as exc:  # after every kind of failure the node is released
            error = self._release_after(context, server, exc)
            if self._is_deleted(context, server):
                LOG.info("Server %s was deleted while it was being created: %s", server.uuid, exc)
                return
            self._fail(server, error)
            self._manager._rollback_servers_quota(context, -1)
            self._notify(context, server, "CREATE", "ERROR", error)
            if error is exc:
                raise
            raise error from exc
        self._notify(context, server, "CREATE", "END")
        LOG.info("Created composed server %s", server.uuid)

    def delete(self, context: Any, server: Any) -> None:
        """Remove networks and deployment as Mogan does, then release the node.

        May be repeated after every step. A node that no longer exists is no obstacle. While
        a conductor works on a node, only that conductor undeploys it: Ironic would refuse
        Mogan's request.

        :raises Exception: a step failed, and Ironic still has the node; no later step
            was executed.
        """
        if self._composer.is_busy(server):
            self._release_ports(context, server)
        else:
            self._undeploy(context, server)
        self._composer.release(server)

    def _undeploy(self, context: Any, server: Any) -> None:
        try:
            self._manager.destroy_networks(context, server)
            self._manager.driver.destroy(context, server)
        except Exception as exc:  # Mogan's drivers do not convert errors of their clients
            is_gone = isinstance(exc, self._mogan.exception.ServerNotFound)
            if not is_gone and self._composer.is_enrolled(server):
                raise
            LOG.info("The node of server %s no longer exists: %s", server.uuid, exc)
            self._release_ports(context, server)

    def recover(self, context: Any) -> None:
        """Finish what an earlier run of this engine left unfinished.

        A server that was being created is released and set to error: the rest of its
        request (user data, password, files) was only in the message that the earlier run
        had received. A deletion continues.
        """
        states, spawn = self._mogan.states, self._mogan.utils.spawn_n
        for server in self._mogan.objects.Server.list(context):
            if not self._composer.is_interrupted(server):
                continue
            if server.status == states.BUILDING:
                spawn(self._end_interrupted, context, server)
            elif server.status == states.DELETING:
                spawn(self._manager.delete_server, context, server)

    def _deploy(self, context: Any, server: Any, **arguments: Any) -> None:
        engine = flow.get_flow(self._mogan, context, self._manager, server, **arguments)
        with self._mogan.flow_utils.DynamicLogListener(engine, logger=LOG):
            engine.run()

    def _finish(self, context: Any, server: Any) -> None:
        machine = self._state_machine()
        server.power_state = self._manager.driver.get_power_state(context, server.uuid)
        server.launched_at = timeutils.utcnow()
        self._mogan.utils.process_event(machine, server, event="done")

    def _end_interrupted(self, context: Any, server: Any) -> None:
        """End a creation whose engine stopped, as one that failed."""
        cause = self._mogan.exception.ServerDeployAborted(
            "mogan-engine stopped while the server was being created; create it again."
        )
        error = self._release_after(context, server, cause)
        if self._is_deleted(context, server):
            return
        self._fail(server, error)
        project = {"project_id": server.project_id}
        reservations = self._manager.quota.reserve(context, servers=-1, **project)
        if reservations:
            self._manager.quota.commit(context, reservations, **project)
        self._mogan.utils.add_server_fault_from_exc(
            context, server, error, (type(error), error, error.__traceback__)
        )
        self._notify(context, server, "CREATE", "ERROR", error)

    def _release_after(self, context: Any, server: Any, cause: Exception) -> Exception:
        """Release the node of a server after a failure.

        :returns: the error to report: the cause, with the reason if the release failed too.
        """
        try:
            self._composer.release(server)
            # Mogan's own revert cannot remove them without a node.
            self._release_ports(context, server)
        except self._mogan.exception.ServerNotFound:
            return cause  # the deletion of the server released everything
        except Exception as exc:  # reported together with the cause, which it must not hide
            LOG.exception("Server %s failed and is not released", server.uuid)
            message = f"{str(cause).rstrip('.')}. {exc} Delete the server once this is fixed."
            error: Exception = self._mogan.exception.ServerDeployFailure(message)
            return error
        return cause

    def _is_deleted(self, context: Any, server: Any) -> bool:
        """Return whether a server is being deleted: the deletion sets its state and quota."""
        try:
            server.refresh(context)
        except self._mogan.exception.ServerNotFound:
            return True
        return bool(server.status != self._mogan.states.BUILDING)

    def _fail(self, server: Any, error: Exception) -> None:
        LOG.error("Composed server %s failed: %s", server.uuid, error)
        server.power_state = self._mogan.states.NOSTATE
        self._mogan.utils.process_event(self._state_machine(), server, event="error")

    def _state_machine(self) -> Any:
        states = self._mogan.states
        return self._mogan.utils.get_state_machine(
            start_state=states.BUILDING, target_state=states.ACTIVE
        )

    def _release_ports(self, context: Any, server: Any) -> None:
        """Delete, or unbind, the ports of a server without a node."""
        network, nics = self._manager.network_api, self._mogan.objects.ServerNic
        for nic in server.nics or []:
            if nic.preserve_on_delete:
                network.unbind_port(context, network.show_port(context, nic.port_id))
            else:
                network.delete_port(context, nic.port_id, server.uuid)
            try:
                nics.delete_by_port_id(context, nic.port_id)
            except self._mogan.exception.PortNotFound:
                LOG.debug("Port %s is already removed", nic.port_id)

    def _notify(
        self, context: Any, server: Any, action: str, phase: str, cause: Exception | None = None
    ) -> None:
        fields = self._mogan.fields
        self._mogan.notifications.notify_about_server_action(
            context,
            server,
            self._manager.host,
            action=getattr(fields.NotificationAction, action),
            phase=getattr(fields.NotificationPhase, phase),
            exception=cause,
        )
