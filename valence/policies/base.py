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

RULES = [
    policy.RuleDefault("valence:admin", "role:admin", "Those who run the service."),
    policy.RuleDefault(
        "valence:member", "rule:valence:admin or role:member", "Those who compose nodes."
    ),
    policy.RuleDefault("valence:reader", "rule:valence:member or role:reader", "Those who look."),
]
