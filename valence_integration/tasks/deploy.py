# SPDX-License-Identifier: Apache-2.0

"""Deploy on an enrolled node, and undeploy."""

from typing import Any

from taskflow import task

from valence_integration import states
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
        context.ironic.deploy(str(instance.ironic_uuid), instance.deploy or {}, policy)

    def revert(
        self, instance_uuid: str, generation: int, context: Context, **_kwargs: Any
    ) -> None:
        """Undeploy the node."""
        instance = context.instances.expect(instance_uuid, generation, states.PROVISIONING)
        undeploy_node(context, instance.ironic_uuid)


class UndeployNodeTask(task.Task):
    """Undeploy the instance through Ironic.

    Idempotent because: a node on which nothing is deployed, or that is gone, is left
    unchanged.

    Revert: nothing; a released resource is not acquired again.
    """

    def execute(self, instance_uuid: str, generation: int, context: Context) -> None:
        """Undeploy the node."""
        instance = context.instances.expect(instance_uuid, generation, states.DESTROYING)
        undeploy_node(context, instance.ironic_uuid)


def undeploy_node(context: Context, ironic_uuid: str | None) -> None:
    """Undeploy a node from any state in which Ironic does that.

    A node that is gone is a success. Cleaning is part of it where Ironic cleans.

    :param ironic_uuid: None where there is nothing to undeploy.
    :raises Fault: the node was not undeployed, or its cleaning failed; an operator must
        inspect it, and nothing may be released.
    """
    if ironic_uuid is not None:
        context.ironic.undeploy(ironic_uuid, context.cleanup_policy())
