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

"""Who may do what with pooled devices."""

from oslo_policy import policy

from valence.policies import base

RULES = [
    policy.DocumentedRuleDefault(
        "valence:device:get",
        base.ADMIN,
        "List and show pooled devices.",
        [
            {"method": "GET", "path": "/v1/pooled"},
            {"method": "GET", "path": "/v1/pooled/{ident}"},
        ],
    ),
    policy.DocumentedRuleDefault(
        "valence:device:sync",
        base.ADMIN,
        "Have pod managers read what is pooled.",
        [{"method": "POST", "path": "/v1/pooled/sync"}],
    ),
]
