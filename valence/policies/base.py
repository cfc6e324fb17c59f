# SPDX-License-Identifier: Apache-2.0

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
