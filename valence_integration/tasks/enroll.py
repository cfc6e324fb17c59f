# SPDX-License-Identifier: Apache-2.0

"""Enrol a composed node in Ironic, and have Ironic forget it."""

from typing import Any

from taskflow import task

from valence_integration import errors
from valence_integration import states
from valence_integration.objects.instance import Instance
from valence_integration.tasks.context import Tools

#: Key in ``extra`` of an Ironic node of ours: the instance it was composed for.
EXTRA = "valence_instance"

#: And the installation of the plugin that has that instance in its table.
EXTRA_INSTALLATION = "valence_instance_installation"


class EnrollNodeTask(task.Task):
    """Have the composed node registered in Ironic, and make it available there.

    Valence registers it, since it alone holds the pod manager's credentials.

    Idempotent because: the uuid of the Ironic node is in the row; a node that is
    registered under it is taken, and driven on from the state it is in.

    Revert: have Ironic forget the node, and make sure that it has.
    """

    def execute(self, instance_uuid: str, generation: int, tools: Tools) -> None:
        """Register the node, give it to the instance, make it available."""
        instance = tools.instances.expect(instance_uuid, generation, states.PROVISIONING)
        pace = tools.forward(instance, tools.limits.enroll_timeout)
        fields = {
            **tools.registration,
            "extra": {EXTRA: instance.uuid, EXTRA_INSTALLATION: tools.instances.installation()},
            "instance_uuid": instance.uuid,
        }
        ironic_uuid = str(instance.ironic_uuid)
        tools.valence.register(str(instance.node_uuid), ironic_uuid, fields, pace)
        tools.ironic.claim(ironic_uuid, instance.uuid, pace)
        tools.ironic.make_available(ironic_uuid, pace)

    def revert(self, instance_uuid: str, generation: int, tools: Tools, **_kwargs: Any) -> None:
        """Have Ironic forget the node; raise if it does not."""
        instance = tools.instances.expect(instance_uuid, generation, states.PROVISIONING)
        unregister_node(tools, instance)
        confirm_forgotten(tools, instance)


class UnregisterNodeTask(task.Task):
    """Have Ironic forget the node of an instance.

    Idempotent because: a node that is not registered is left as it is.

    Revert: nothing; what was given back is not taken again.
    """

    def execute(self, instance_uuid: str, generation: int, tools: Tools) -> None:
        """Unregister the node."""
        instance = tools.instances.expect(instance_uuid, generation, states.DESTROYING)
        unregister_node(tools, instance)


class ConfirmForgottenTask(task.Task):
    """Make sure that Ironic has forgotten the node before it is released.

    Idempotent because: it only looks.

    Revert: nothing.
    """

    def execute(self, instance_uuid: str, generation: int, tools: Tools) -> None:
        """Ask Ironic for the node; raise if it answers."""
        instance = tools.instances.expect(instance_uuid, generation, states.DESTROYING)
        confirm_forgotten(tools, instance)


def unregister_node(tools: Tools, instance: Instance) -> None:
    """Take the node out of Ironic, whatever part of it is there.

    It must be undeployed. A registration under way comes to its end first. Then
    the node goes where nobody else is given it, is taken from the instance, and
    Valence unregisters it. What Valence does not know to be registered but
    Ironic keeps all the same is deleted here.
    """
    if instance.node_uuid is None or instance.ironic_uuid is None:
        return
    pace = tools.giving_back()
    tools.valence.settle(instance.node_uuid, pace)
    tools.ironic.make_removable(instance.ironic_uuid, pace)
    tools.ironic.disown(instance.ironic_uuid, instance.uuid, pace)
    tools.valence.unregister(instance.node_uuid, pace)
    left = tools.ironic.look(instance.ironic_uuid, pace)
    if not left.is_gone and (left.extra or {}).get(EXTRA) == instance.uuid:
        tools.ironic.make_removable(instance.ironic_uuid, pace)
        tools.ironic.disown(instance.ironic_uuid, instance.uuid, pace)
        tools.ironic.delete(instance.ironic_uuid)


def confirm_forgotten(tools: Tools, instance: Instance) -> None:
    """Make sure that Ironic does not know the node any more.

    :raises Fault: it does, or does not say; nothing may be released then.
    """
    if instance.ironic_uuid is None:
        return
    left = tools.ironic.look(instance.ironic_uuid, tools.giving_back())
    if not left.is_gone:
        raise errors.fault(
            errors.STILL_OWNED,
            f"Ironic still has node {left.uuid} ({left.provision_state}), so that its hardware "
            "is not released. Undeploy and delete it in Ironic, then destroy the instance.",
        )
