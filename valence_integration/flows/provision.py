# SPDX-License-Identifier: Apache-2.0

"""The flow that provisions a server."""

from taskflow.patterns import linear_flow

from valence_integration.tasks import compose
from valence_integration.tasks import deploy as deploy_tasks
from valence_integration.tasks import enroll


def provision(deploy: bool) -> linear_flow.Flow:
    """Compose a node, enrol it in Ironic, and deploy on it.

    :param deploy: whether to deploy; otherwise the Ironic node ends ``available``.
    """
    flow = linear_flow.Flow("provision").add(
        compose.ComposeNodeTask(name="compose-node"),
        enroll.EnrollNodeTask(name="enroll-node"),
    )
    if deploy:
        flow.add(deploy_tasks.DeployNodeTask(name="deploy-node"))
    return flow
