# SPDX-License-Identifier: Apache-2.0

"""Compose a node, and release it."""

from typing import Any

from taskflow import task

from valence_integration import states
from valence_integration.objects.instance import Instance
from valence_integration.tasks.context import Tools


class ComposeNodeTask(task.Task):
    """Have Valence compose the hardware of an instance.

    Idempotent because: the uuid of the node is in the row, and Valence makes one
    node of it however often it is asked; a node that is there is taken.

    Revert: release the node, whatever this task came to.
    """

    def execute(self, instance_uuid: str, generation: int, tools: Tools) -> None:
        """Ask for the node and wait until it is composed."""
        instance = tools.instances.expect(instance_uuid, generation, states.PROVISIONING)
        pace = tools.forward(instance, tools.limits.compose_timeout)
        wanted = request(instance, tools.instances.installation())
        node = tools.valence.compose(str(instance.node_uuid), wanted, pace)
        tools.instances.write(
            instance_uuid, generation, states.PROVISIONING, composed=True, podm_uuid=node.podm_id
        )

    def revert(self, instance_uuid: str, generation: int, tools: Tools, **_kwargs: Any) -> None:
        """Release the node."""
        instance = tools.instances.expect(instance_uuid, generation, states.PROVISIONING)
        release_node(tools, instance)


class ReleaseNodeTask(task.Task):
    """Give the hardware of an instance back to the pool.

    Idempotent because: a node that Valence does not know is released.

    Revert: nothing; what was given back is not taken again.
    """

    def execute(self, instance_uuid: str, generation: int, tools: Tools) -> None:
        """Release the node."""
        instance = tools.instances.expect(instance_uuid, generation, states.DESTROYING)
        release_node(tools, instance)


def release_node(tools: Tools, instance: Instance) -> None:
    """Give the node back, and wait until Valence does not know it any more.

    To be called when Ironic has forgotten the node, and not before. Valence
    itself refuses to release a node that it has registered.
    """
    if instance.node_uuid is not None:
        tools.valence.release(instance.node_uuid, tools.giving_back())
    tools.instances.write(instance.uuid, instance.generation, instance.state, composed=False)


def request(instance: Instance, installation: str) -> dict[str, Any]:
    """Say what Valence is asked for: the same words however often it is asked.

    :param installation: of the plugin; by the description, an audit knows what is ours.
    """
    wanted = {
        "name": f"{instance.name[:200]}-{str(instance.node_uuid)[:8]}",
        "description": f"instance {instance.uuid} of {installation}",
        "podm_id": instance.podm_uuid,
        "properties": instance.requirements,
        "flavor_id": instance.flavor,
    }
    return {field: value for field, value in wanted.items() if value is not None}
