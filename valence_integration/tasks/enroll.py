# SPDX-License-Identifier: Apache-2.0

"""Enrol a composed node in Ironic, and remove it from there."""

from typing import Any

from taskflow import task

from valence_integration import states
from valence_integration.objects.instance import Instance
from valence_integration.peers import ironic
from valence_integration.peers.identity import EXTRA as EXTRA
from valence_integration.peers.identity import EXTRA_INSTALLATION as EXTRA_INSTALLATION
from valence_integration.peers.identity import Identity
from valence_integration.tasks import identify
from valence_integration.tasks.context import Context


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
        identity = identify.of(context, instance)
        context.valence.register(str(instance.node_uuid), identity.uuid, fields, policy)
        context.ironic.claim(identity, policy)
        check = identify.machine_check(context, instance.node_uuid)
        context.ironic.make_available(identity, policy, check)

    def revert(
        self, instance_uuid: str, generation: int, context: Context, **_kwargs: Any
    ) -> None:
        """Remove the node from Ironic; raise if Ironic still has it."""
        instance = context.instances.expect(instance_uuid, generation, states.PROVISIONING)
        unregister_node(context, instance.node_uuid, identity_of(context, instance))
        confirm_forgotten(context, instance.ironic_uuid)


class UnregisterNodeTask(task.Task):
    """Remove the node of an instance from Ironic.

    Idempotent because: a node that is not registered is left unchanged.

    Revert: nothing; a released resource is not acquired again.
    """

    def execute(self, instance_uuid: str, generation: int, context: Context) -> None:
        """Unregister the node."""
        instance = context.instances.expect(instance_uuid, generation, states.DESTROYING)
        unregister_node(context, instance.node_uuid, identity_of(context, instance))


class ConfirmForgottenTask(task.Task):
    """Confirm that the node is gone from Ironic before it is released.

    Idempotent because: it only reads.

    Revert: nothing.
    """

    def execute(self, instance_uuid: str, generation: int, context: Context) -> None:
        """Read the node in Ironic; raise if Ironic still has it."""
        instance = context.instances.expect(instance_uuid, generation, states.DESTROYING)
        confirm_forgotten(context, instance.ironic_uuid)


def identity_of(context: Context, instance: Instance) -> Identity | None:
    """Return the facts of an instance's node in Ironic; None where no node was requested."""
    requested = instance.node_uuid is not None and instance.ironic_uuid is not None
    return identify.of(context, instance) if requested else None


def unregister_node(context: Context, node_uuid: str | None, identity: Identity | None) -> None:
    """Remove a node from Ironic, however far its registration has come.

    The node must be undeployed. A registration that is still running ends first. Then the
    node is moved to a state in which no other service can claim it, is removed from its
    instance, and Valence unregisters it. If Ironic keeps a node that Valence does not
    report as registered, the node is deleted here.

    :param node_uuid: in Valence.
    :param identity: in Ironic. Where one of them is None, no node was requested.
    :raises Fault: Ironic still has the node, or has under this uuid a node that was not
        registered for this instance: that one is not changed.
    """
    if node_uuid is None or identity is None:
        return
    policy = context.cleanup_policy()
    context.valence.settle(node_uuid, policy)
    context.ironic.make_removable(identity, policy)
    context.ironic.disown(identity, policy)
    context.valence.unregister(node_uuid, policy)
    context.ironic.make_removable(identity, policy)
    context.ironic.disown(identity, policy)
    context.ironic.delete(identity, policy)


def confirm_forgotten(context: Context, ironic_uuid: str | None) -> None:
    """Return if Ironic does not have the node any more: neither alone, nor in its listing.

    :param ironic_uuid: None where no node was requested.
    :raises Fault: Ironic has it, or does not respond; nothing may be released then.
    """
    if ironic_uuid is None:
        return
    policy = context.cleanup_policy()
    node = context.ironic.wait_for_answer(ironic_uuid, policy)
    listed = context.ironic.uuids(policy)
    if not node.is_gone or ironic_uuid in listed:
        raise ironic.still_owned(node)
    identify.require_complete(context, "Ironic", "ironic_uuid", ironic_uuid, listed)
