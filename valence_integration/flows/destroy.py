# SPDX-License-Identifier: Apache-2.0

"""The flow that destroys a server."""

from taskflow.patterns import linear_flow

from valence_integration.tasks import compose
from valence_integration.tasks import deploy
from valence_integration.tasks import enroll


def destroy() -> linear_flow.Flow:
    """Undeploy, remove from Ironic, confirm that, and only then release."""
    return linear_flow.Flow("destroy").add(
        deploy.UndeployNodeTask(name="undeploy-node"),
        enroll.UnregisterNodeTask(name="unregister-node"),
        enroll.ConfirmForgottenTask(name="confirm-forgotten"),
        compose.ReleaseNodeTask(name="release-node"),
    )
