# SPDX-License-Identifier: Apache-2.0

"""How a server comes to be."""

from taskflow.patterns import linear_flow

from valence_integration.tasks import compose
from valence_integration.tasks import deploy as deploying
from valence_integration.tasks import enroll


def provision(deploy: bool) -> linear_flow.Flow:
    """Compose a node, enrol it in Ironic, and deploy on it.

    :param deploy: whether to; otherwise the Ironic node ends ``available``.
    """
    flow = linear_flow.Flow("provision").add(
        compose.ComposeNodeTask(name="compose-node"),
        enroll.EnrollNodeTask(name="enroll-node"),
    )
    if deploy:
        flow.add(deploying.DeployNodeTask(name="deploy-node"))
    return flow
