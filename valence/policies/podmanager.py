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


"""Who may do what with pod managers."""

from oslo_policy import policy

from valence.policies import base

RULES = [
    policy.DocumentedRuleDefault(
        "valence:podmanager:get",
        base.ADMIN,
        "List and show pod managers, without their passwords.",
        [
            {"method": "GET", "path": "/v1/podmanagers"},
            {"method": "GET", "path": "/v1/podmanagers/{ident}"},
            {"method": "GET", "path": "/v1/pod_managers"},
            {"method": "GET", "path": "/v1/pod_managers/{ident}"},
        ],
    ),
    policy.DocumentedRuleDefault(
        "valence:podmanager:create",
        base.ADMIN,
        "Make a pod manager known.",
        [
            {"method": "POST", "path": "/v1/podmanagers"},
            {"method": "POST", "path": "/v1/pod_managers"},
        ],
    ),
    policy.DocumentedRuleDefault(
        "valence:podmanager:update",
        base.ADMIN,
        "Change a pod manager.",
        [
            {"method": "PATCH", "path": "/v1/podmanagers/{ident}"},
            {"method": "PATCH", "path": "/v1/pod_managers/{ident}"},
        ],
    ),
    policy.DocumentedRuleDefault(
        "valence:podmanager:delete",
        base.ADMIN,
        "Forget a pod manager on which nothing stands.",
        [
            {"method": "DELETE", "path": "/v1/podmanagers/{ident}"},
            {"method": "DELETE", "path": "/v1/pod_managers/{ident}"},
        ],
    ),
    policy.DocumentedRuleDefault(
        "valence:podmanager:force_delete",
        base.ADMIN,
        "Forget a pod manager that is gone for good, with the nodes that stood on it (force).",
        [{"method": "DELETE", "path": "/v1/podmanagers/{ident}"}],
    ),
]
