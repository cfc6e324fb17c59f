# SPDX-License-Identifier: Apache-2.0

"""How a server is given back."""

from taskflow.patterns import linear_flow

from valence_integration.tasks import compose
from valence_integration.tasks import deploy
from valence_integration.tasks import enroll


def destroy() -> linear_flow.Flow:
    """Undeploy, leave Ironic, make sure of that, and only then release."""
    return linear_flow.Flow("destroy").add(
        deploy.UndeployNodeTask(name="undeploy-node"),
        enroll.UnregisterNodeTask(name="unregister-node"),
        enroll.ConfirmForgottenTask(name="confirm-forgotten"),
        compose.ReleaseNodeTask(name="release-node"),
    )
