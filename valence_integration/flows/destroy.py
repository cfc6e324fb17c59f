# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

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
