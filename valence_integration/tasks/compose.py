# SPDX-License-Identifier: Apache-2.0

"""Compose a node, and release it."""

from typing import Any

from taskflow import task

from valence_integration import errors
from valence_integration import states
from valence_integration.objects.instance import Instance
from valence_integration.tasks import identify
from valence_integration.tasks.context import Context

#: Longest part of an instance's name in the name of its node: Valence limits the whole.
LONGEST_NAME = 200


class ComposeNodeTask(task.Task):
    """Compose the hardware of an instance through Valence.

    Idempotent because: the uuid of the node is in the row, and Valence composes one node
    per uuid however often it is requested; a node that exists is used.

    Revert: release the node, whatever the result of this task.
    """

    def execute(self, instance_uuid: str, generation: int, context: Context) -> None:
        """Request the node and wait until it is composed."""
        instance = context.instances.expect(instance_uuid, generation, states.PROVISIONING)
        policy = context.wait_policy(instance, context.limits.compose_timeout)
        body = request(instance, context.instances.installation())
        node = context.valence.compose(str(instance.node_uuid), body, policy)
        context.instances.write(
            instance_uuid, generation, states.PROVISIONING, composed=True, podm_uuid=node.podm_id
        )

    def revert(
        self, instance_uuid: str, generation: int, context: Context, **_kwargs: Any
    ) -> None:
        """Release the node."""
        _release(context, instance_uuid, generation, states.PROVISIONING)


class ReleaseNodeTask(task.Task):
    """Release the hardware of an instance to the pool.

    Idempotent because: a node that Valence does not have is released.

    Revert: nothing; a released resource is not acquired again.
    """

    def execute(self, instance_uuid: str, generation: int, context: Context) -> None:
        """Release the node."""
        _release(context, instance_uuid, generation, states.DESTROYING)


def _release(context: Context, instance_uuid: str, generation: int, state: str) -> None:
    instance = context.instances.expect(instance_uuid, generation, state)
    release_node(context, instance.node_uuid)
    context.instances.write(instance_uuid, generation, state, composed=False)


def release_node(context: Context, node_uuid: str | None) -> None:
    """Release a node, and wait until Valence does not have it, neither alone nor in its listing.

    Call it only after Ironic has confirmed that it does not have the node. Valence itself
    refuses to release a node that it has registered.

    :param node_uuid: None where there is nothing to release.
    :raises Fault: the node was not released.
    """
    if node_uuid is None:
        return
    policy = context.cleanup_policy()
    context.valence.release(node_uuid, policy)
    listed = context.valence.uuids(policy)
    if node_uuid in listed:
        raise errors.fault(
            errors.STILL_COMPOSED,
            f"Valence answered that it does not have node {node_uuid}, but lists it, so that its "
            "hardware may be held. Check what is in front of Valence, then destroy the instance.",
        )
    identify.require_complete(context, "Valence", "node_uuid", node_uuid, listed)


def request(instance: Instance, installation: str) -> dict[str, Any]:
    """Return the body of the compose request, always the same for one instance.

    :param installation: uuid of the plugin's database; by the description, an audit
        recognises the nodes of this installation.
    """
    fields = {
        "name": f"{instance.name[:LONGEST_NAME]}-{str(instance.node_uuid)[:8]}",
        "description": f"instance {instance.uuid} of {installation}",
        "podm_id": instance.podm_uuid,
        "properties": instance.requirements,
        "flavor_id": instance.flavor,
    }
    return {field: value for field, value in fields.items() if value is not None}
