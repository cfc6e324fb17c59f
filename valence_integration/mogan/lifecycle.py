# SPDX-License-Identifier: Apache-2.0

"""How a composed server of Mogan comes to be, and goes."""

from typing import Any

from oslo_log import log as logging
from oslo_utils import timeutils

from valence_integration.mogan import flow
from valence_integration.mogan.composer import Composer
from valence_integration.mogan.modules import Parts

LOG = logging.getLogger(__name__)


class Story:
    """Creates and deletes composed servers, with the states, quota and notifications of Mogan.

    :param mogan: Mogan's modules.
    :param manager: Mogan's engine.
    :param composer: has them composed and given back.
    """

    def __init__(self, mogan: Parts, manager: Any, composer: Composer) -> None:
        self._mogan = mogan
        self._manager = manager
        self._composer = composer

    def create(self, context: Any, server: Any, *what: Any) -> None:
        """Compose and enrol, then deploy as Mogan does; undo all of it when anything fails.

        :param server: marked by :meth:`Composer.mark`.
        :param what: what Mogan's ``_create_server`` is given after the server.
        :raises Exception: what failed, of Mogan's kind where we speak.
        """
        request_spec = what[-2]
        self._notify(context, server, "CREATE", "START")
        try:
            self._composer.compose(context, server, request_spec)
            server.node = self._manager.driver.get_node_name(server.node_uuid)
            server.save()
            self._deploy(context, server, what)
            self._finish(context, server)
        except Exception as exc:  # whatever it was, the node is given back
            told = self._give_back_after(context, server, exc)
            if self._is_deleted(context, server):
                LOG.info("Server %s was deleted while it was created: %s", server.uuid, exc)
                return
            self._fail(server, told)
            self._manager._rollback_servers_quota(context, -1)
            self._notify(context, server, "CREATE", "ERROR", told)
            if told is exc:
                raise
            raise told from exc
        self._notify(context, server, "CREATE", "END")
        LOG.info("Created composed server %s", server.uuid)

    def delete(self, context: Any, server: Any) -> None:
        """Take networks and deployment away as Mogan does, then give the node back.

        May be repeated at every step. A node that is gone already stops nothing, and
        one that a conductor is at work on is left to it: Ironic would refuse Mogan.

        :raises Exception: a step failed, and Ironic still has the node; nothing after
            that step was done.
        """
        if self._composer.is_busy(server):
            self._forget_networks(context, server)
        else:
            self._undeploy(context, server)
        self._composer.give_back(server)

    def _undeploy(self, context: Any, server: Any) -> None:
        try:
            self._manager.destroy_networks(context, server)
            self._manager.driver.destroy(context, server)
        except Exception as exc:  # Mogan's drivers let through errors of their clients
            gone = isinstance(exc, self._mogan.exception.ServerNotFound)
            if not gone and self._composer.is_enrolled(server):
                raise
            LOG.info("The node of server %s is gone already: %s", server.uuid, exc)
            self._forget_networks(context, server)

    def recover(self, context: Any) -> None:
        """End well what an earlier run of this engine left in the middle.

        A server that was being created is given back and ends in error: what was
        asked for (user data, password, files) is nowhere but in the message that the
        earlier run had taken. A deletion goes on.
        """
        states, spawn = self._mogan.states, self._mogan.utils.spawn_n
        for server in self._mogan.objects.Server.list(context):
            if not self._composer.is_left_over(server):
                continue
            if server.status == states.BUILDING:
                spawn(self._interrupted, context, server)
            elif server.status == states.DELETING:
                spawn(self._manager.delete_server, context, server)

    def _deploy(self, context: Any, server: Any, what: tuple[Any, ...]) -> None:
        engine = flow.get_flow(self._mogan, context, self._manager, server, *what)
        with self._mogan.flow_utils.DynamicLogListener(engine, logger=LOG):
            engine.run()

    def _finish(self, context: Any, server: Any) -> None:
        machine = self._machine()
        server.power_state = self._manager.driver.get_power_state(context, server.uuid)
        server.launched_at = timeutils.utcnow()
        self._mogan.utils.process_event(machine, server, event="done")

    def _interrupted(self, context: Any, server: Any) -> None:
        """End a creation whose engine was stopped, as one that failed."""
        cause = self._mogan.exception.ServerDeployAborted(
            "mogan-engine stopped while the server was created; create it again."
        )
        told = self._give_back_after(context, server, cause)
        if self._is_deleted(context, server):
            return
        self._fail(server, told)
        project = {"project_id": server.project_id}
        reserved = self._manager.quota.reserve(context, servers=-1, **project)
        if reserved:
            self._manager.quota.commit(context, reserved, **project)
        self._mogan.utils.add_server_fault_from_exc(
            context, server, told, (type(told), told, told.__traceback__)
        )
        self._notify(context, server, "CREATE", "ERROR", told)

    def _give_back_after(self, context: Any, server: Any, cause: Exception) -> Exception:
        """Give a server back; say so if it is held all the same.

        :returns: what to tell, the cause or more than that.
        """
        try:
            self._composer.give_back(server)
            # What Mogan's own revert could not take away, having no node any more.
            self._forget_networks(context, server)
        except self._mogan.exception.ServerNotFound:
            return cause  # somebody deleted the server, which gave everything back
        except Exception as exc:  # it goes with the cause, and must not hide it
            LOG.exception("Server %s failed and is not given back", server.uuid)
            more = f"{str(cause).rstrip('.')}. {exc} Delete the server when the cause is gone."
            told: Exception = self._mogan.exception.ServerDeployFailure(more)
            return told
        return cause

    def _is_deleted(self, context: Any, server: Any) -> bool:
        """Tell whether somebody deletes a server: states and quota are theirs then."""
        try:
            server.refresh(context)
        except self._mogan.exception.ServerNotFound:
            return True
        return bool(server.status != self._mogan.states.BUILDING)

    def _fail(self, server: Any, cause: Exception) -> None:
        LOG.error("Composed server %s failed: %s", server.uuid, cause)
        server.power_state = self._mogan.states.NOSTATE
        self._mogan.utils.process_event(self._machine(), server, event="error")

    def _machine(self) -> Any:
        states = self._mogan.states
        return self._mogan.utils.get_state_machine(
            start_state=states.BUILDING, target_state=states.ACTIVE
        )

    def _forget_networks(self, context: Any, server: Any) -> None:
        """Give ports back that no node has any more."""
        network, nics = self._manager.network_api, self._mogan.objects.ServerNic
        for nic in server.nics or []:
            if nic.preserve_on_delete:
                network.unbind_port(context, network.show_port(context, nic.port_id))
            else:
                network.delete_port(context, nic.port_id, server.uuid)
            try:
                nics.delete_by_port_id(context, nic.port_id)
            except self._mogan.exception.PortNotFound:
                LOG.debug("port %s is forgotten already", nic.port_id)

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
