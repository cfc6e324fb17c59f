# SPDX-License-Identifier: Apache-2.0

"""Base rules, to which the rules of the nouns refer."""

from oslo_policy import policy

READER = "rule:valence:reader"
ADMIN = "rule:valence:admin"

#: Administrators, and other services of the cloud.
SERVICE = "rule:valence:service"

#: The same for objects that belong to a project: ``project_id`` of the target.
PROJECT_READER = "rule:valence:project_reader"
PROJECT_MEMBER = "rule:valence:project_member"

#: The administrator of a domain is not an administrator of the service.
SCOPES = ["system", "project"]

RULES = [
    policy.RuleDefault("valence:admin", "role:admin", "Administrators of the service."),
    policy.RuleDefault(
        "valence:service",
        "rule:valence:admin or role:service",
        "Administrators, and services that act for the users of other projects.",
    ),
    policy.RuleDefault(
        "valence:member", "rule:valence:admin or role:member", "Users that compose nodes."
    ),
    policy.RuleDefault("valence:reader", "rule:valence:member or role:reader", "Users that read."),
    policy.RuleDefault(
        "valence:project_member",
        "rule:valence:admin or (role:member and project_id:%(project_id)s)",
        "Users that compose nodes, for objects of their project.",
    ),
    policy.RuleDefault(
        "valence:project_reader",
        "rule:valence:project_member or (role:reader and project_id:%(project_id)s)",
        "Users that read, for objects of their project.",
    ),
]
