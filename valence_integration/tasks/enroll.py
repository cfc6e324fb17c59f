# SPDX-License-Identifier: Apache-2.0

"""Enrol a composed node in Ironic, and remove it from there."""

from typing import Any

from taskflow import task

from valence_integration import errors
from valence_integration import states
from valence_integration.tasks.context import Context

#: Key in ``extra`` of the plugin's Ironic nodes: the instance that the node was composed for.
EXTRA = "valence_instance"

#: Key in ``extra``: the installation of the plugin that has this instance in its table.
EXTRA_INSTALLATION = "valence_instance_installation"


class EnrollNodeTask(task.Task):
    """Register the composed node in Ironic, and make it available there.

    Valence registers it: only Valence has the credentials of the pod manager.

    Idempotent because: the uuid of the Ironic node is in the row; a node that is registered
    under it is used, and driven on from its present state.

    Revert: remove the node from Ironic, and confirm that it is gone.
    """

    def execute(self, instance_uuid: str, generation: int, context: Context) -> None:
        """Register the node, assign it to the instance, make it available."""
        instance = context.instances.expect(instance_uuid, generation, states.PROVISIONING)
        policy = context.wait_policy(instance, context.limits.enroll_timeout)
        installation = context.instances.installation()
        fields = {
            **context.registration,
            "extra": {EXTRA: instance.uuid, EXTRA_INSTALLATION: installation},
            "instance_uuid": instance.uuid,
        }
        ironic_uuid = str(instance.ironic_uuid)
        context.valence.register(str(instance.node_uuid), ironic_uuid, fields, policy)
        context.ironic.claim(ironic_uuid, instance.uuid, policy)
        context.ironic.make_available(ironic_uuid, policy)

    def revert(
        self, instance_uuid: str, generation: int, context: Context, **_kwargs: Any
    ) -> None:
        """Remove the node from Ironic; raise if Ironic still has it."""
        instance = context.instances.expect(instance_uuid, generation, states.PROVISIONING)
        unregister_node(context, instance.node_uuid, instance.ironic_uuid, instance.uuid)
        confirm_forgotten(context, instance.ironic_uuid)


class UnregisterNodeTask(task.Task):
    """Remove the node of an instance from Ironic.

    Idempotent because: a node that is not registered is left unchanged.

    Revert: nothing; a released resource is not acquired again.
    """

    def execute(self, instance_uuid: str, generation: int, context: Context) -> None:
        """Unregister the node."""
        instance = context.instances.expect(instance_uuid, generation, states.DESTROYING)
        unregister_node(context, instance.node_uuid, instance.ironic_uuid, instance.uuid)


class ConfirmForgottenTask(task.Task):
    """Confirm that the node is gone from Ironic before it is released.

    Idempotent because: it only reads.

    Revert: nothing.
    """

    def execute(self, instance_uuid: str, generation: int, context: Context) -> None:
        """Read the node in Ironic; raise if Ironic still has it."""
        instance = context.instances.expect(instance_uuid, generation, states.DESTROYING)
        confirm_forgotten(context, instance.ironic_uuid)


def unregister_node(
    context: Context, node_uuid: str | None, ironic_uuid: str | None, owner_uuid: str
) -> None:
    """Remove a node from Ironic, however far its registration has come.

    The node must be undeployed. A registration that is still running ends first. Then the
    node is moved to a state in which no other service can claim it, is removed from its
    instance, and Valence unregisters it. If Ironic keeps a node that Valence does not
    report as registered, the node is deleted here.

    :param node_uuid: in Valence; None where no node was requested.
    :param ironic_uuid: in Ironic; None where no node was requested.
    :param owner_uuid: instance that the node was composed for.
    :raises Fault: Ironic still has the node, or has under this uuid a node that was not
        registered for this instance: that one is not deleted.
    """
    if node_uuid is None or ironic_uuid is None:
        return
    policy = context.cleanup_policy()
    context.valence.settle(node_uuid, policy)
    context.ironic.make_removable(ironic_uuid, policy)
    context.ironic.disown(ironic_uuid, owner_uuid, policy)
    context.valence.unregister(node_uuid, policy)
    remaining = context.ironic.wait_for_answer(ironic_uuid, policy)
    if remaining.is_gone:
        return
    if (remaining.extra or {}).get(EXTRA) != owner_uuid:
        raise errors.fault(
            errors.NODE_DIFFERS,
            f"Ironic has a node {ironic_uuid} that was not registered for instance {owner_uuid}. "
            "It was not deleted, and the hardware was not released. Find its owner, delete it "
            "in Ironic, then destroy the instance.",
        )
    context.ironic.make_removable(ironic_uuid, policy)
    context.ironic.disown(ironic_uuid, owner_uuid, policy)
    context.ironic.delete(ironic_uuid)


def confirm_forgotten(context: Context, ironic_uuid: str | None) -> None:
    """Return if Ironic does not have the node any more.

    :param ironic_uuid: None where no node was requested.
    :raises Fault: Ironic has it, or does not respond; nothing may be released then.
    """
    if ironic_uuid is None:
        return
    node = context.ironic.wait_for_answer(ironic_uuid, context.cleanup_policy())
    if not node.is_gone:
        raise errors.fault(
            errors.STILL_OWNED,
            f"Ironic still has node {node.uuid} ({node.provision_state}), so that its hardware "
            "was not released. Undeploy and delete it in Ironic, then destroy the instance.",
        )
