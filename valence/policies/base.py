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


"""Roles that the rules of the nouns refer to."""

from oslo_policy import policy

READER = "rule:valence:reader"
MEMBER = "rule:valence:member"
ADMIN = "rule:valence:admin"

#: The same, for what belongs to a project: ``project_id`` of the target.
PROJECT_READER = "rule:valence:project_reader"
PROJECT_MEMBER = "rule:valence:project_member"

#: A domain's administrator is not one of the service.
SCOPES = ["system", "project"]

RULES = [
    policy.RuleDefault("valence:admin", "role:admin", "Those who run the service."),
    policy.RuleDefault(
        "valence:member", "rule:valence:admin or role:member", "Those who compose nodes."
    ),
    policy.RuleDefault("valence:reader", "rule:valence:member or role:reader", "Those who look."),
    policy.RuleDefault(
        "valence:project_member",
        "rule:valence:admin or (role:member and project_id:%(project_id)s)",
        "Those who compose nodes, with what belongs to their project.",
    ),
    policy.RuleDefault(
        "valence:project_reader",
        "rule:valence:project_member or (role:reader and project_id:%(project_id)s)",
        "Those who look, at what belongs to their project.",
    ),
]
