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
