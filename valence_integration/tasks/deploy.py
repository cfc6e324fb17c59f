# SPDX-License-Identifier: Apache-2.0

"""Deploy on an enrolled node, and undeploy."""

from typing import Any

from taskflow import task

from valence_integration import states
from valence_integration.objects.instance import Instance
from valence_integration.tasks.context import Tools


class DeployNodeTask(task.Task):
    """Have Ironic deploy the instance.

    Idempotent because: a node that is deploying is waited for, one that is
    active is done, and what to deploy is written before deploying begins.

    Revert: undeploy, from whatever the deployment came to.
    """

    def execute(self, instance_uuid: str, generation: int, tools: Tools) -> None:
        """Say what to deploy, ask for it, and wait until the node is active."""
        instance = tools.instances.expect(instance_uuid, generation, states.PROVISIONING)
        pace = tools.forward(instance, tools.limits.deploy_timeout)
        tools.ironic.deploy(str(instance.ironic_uuid), instance.deploy or {}, pace)

    def revert(self, instance_uuid: str, generation: int, tools: Tools, **_kwargs: Any) -> None:
        """Undeploy the node."""
        instance = tools.instances.expect(instance_uuid, generation, states.PROVISIONING)
        undeploy_node(tools, instance)


class UndeployNodeTask(task.Task):
    """Have Ironic take back what was deployed.

    Idempotent because: a node on which nothing is deployed, or that is gone, is
    left as it is.

    Revert: nothing; what was given back is not taken again.
    """

    def execute(self, instance_uuid: str, generation: int, tools: Tools) -> None:
        """Undeploy the node."""
        instance = tools.instances.expect(instance_uuid, generation, states.DESTROYING)
        undeploy_node(tools, instance)


def undeploy_node(tools: Tools, instance: Instance) -> None:
    """Have Ironic undeploy the node, from any state in which it does that.

    A node that is gone is a success. Cleaning is part of it where Ironic does
    that; if it fails, a person must look, and nothing is given back.
    """
    if instance.ironic_uuid is not None:
        tools.ironic.undeploy(instance.ironic_uuid, tools.giving_back())
