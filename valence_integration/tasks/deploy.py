# SPDX-License-Identifier: Apache-2.0

"""Deploy on an enrolled node, and undeploy."""

from typing import Any

from taskflow import task

from valence_integration import states
from valence_integration.objects.instance import Instance
from valence_integration.tasks import identify
from valence_integration.tasks.context import Context


class DeployNodeTask(task.Task):
    """Deploy the instance through Ironic.

    Idempotent because: a deploying node is waited for, an active one is done, and the
    fields to deploy are written before the deployment begins.

    Revert: undeploy, whatever the result of the deployment.
    """

    def execute(self, instance_uuid: str, generation: int, context: Context) -> None:
        """Write what to deploy, request it, and wait until the node is active."""
        instance = context.instances.expect(instance_uuid, generation, states.PROVISIONING)
        policy = context.wait_policy(instance, context.limits.deploy_timeout)
        check = identify.machine_check(context, instance.node_uuid)
        identity = identify.of(context, instance)
        context.ironic.deploy(identity, instance.deploy or {}, policy, check)

    def revert(
        self, instance_uuid: str, generation: int, context: Context, **_kwargs: Any
    ) -> None:
        """Undeploy the node."""
        instance = context.instances.expect(instance_uuid, generation, states.PROVISIONING)
        undeploy_node(context, instance)


class UndeployNodeTask(task.Task):
    """Undeploy the instance through Ironic.

    Idempotent because: a node on which nothing is deployed, or that is gone, is left
    unchanged.

    Revert: nothing; a released resource is not acquired again.
    """

    def execute(self, instance_uuid: str, generation: int, context: Context) -> None:
        """Undeploy the node."""
        instance = context.instances.expect(instance_uuid, generation, states.DESTROYING)
        undeploy_node(context, instance)


def undeploy_node(context: Context, instance: Instance) -> None:
    """Undeploy a node from any state in which Ironic does that.

    A node that is gone is a success, and so is an instance for which none was requested.
    Cleaning is part of it where Ironic cleans.

    :raises Fault: the node was not undeployed, or its cleaning failed; an operator must
        inspect it, and nothing may be released. Or it is not the node of the instance, or
        not certainly its machine: it was not changed.
    """
    if instance.ironic_uuid is not None:
        check = identify.machine_check(context, instance.node_uuid)
        context.ironic.undeploy(identify.of(context, instance), context.cleanup_policy(), check)
