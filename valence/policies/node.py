# SPDX-License-Identifier: Apache-2.0

"""Policies of nodes."""

from oslo_policy import policy

from valence.policies import base

#: field of a registration -> the rule that a request with it needs. Ironic reserves owner and
#: conductor_group for administrators of the system. instance_uuid binds the node to an
#: instance, which may belong to another project.
FIELD_RULES = {
    "owner": "valence:node:register:set_owner",
    "instance_uuid": "valence:node:register:set_instance_uuid",
    "conductor_group": "valence:node:register:set_conductor_group",
}

RULES = [
    policy.DocumentedRuleDefault(
        "valence:node:get",
        base.PROJECT_READER,
        "List and show nodes. A node that it hides from a user is 404.",
        [{"method": "GET", "path": "/v1/nodes"}, {"method": "GET", "path": "/v1/nodes/{ident}"}],
    ),
    policy.DocumentedRuleDefault(
        "valence:node:list_all",
        base.ADMIN,
        "List the nodes of every project.",
        [{"method": "GET", "path": "/v1/nodes"}],
    ),
    policy.DocumentedRuleDefault(
        "valence:node:create",
        base.PROJECT_MEMBER,
        "Compose a node.",
        [{"method": "POST", "path": "/v1/nodes"}],
    ),
    policy.DocumentedRuleDefault(
        "valence:node:manage",
        base.ADMIN,
        "Adopt a node that exists on a pod manager already.",
        [{"method": "POST", "path": "/v1/nodes/manage"}],
    ),
    policy.DocumentedRuleDefault(
        "valence:node:update",
        base.PROJECT_MEMBER,
        "Change the name or the description of a node.",
        [{"method": "PATCH", "path": "/v1/nodes/{ident}"}],
    ),
    policy.DocumentedRuleDefault(
        "valence:node:action",
        base.PROJECT_MEMBER,
        "Reset a node, or set from what it boots.",
        [{"method": "POST", "path": "/v1/nodes/{ident}/action"}],
    ),
    policy.DocumentedRuleDefault(
        "valence:node:delete",
        base.PROJECT_MEMBER,
        "Release a node.",
        [{"method": "DELETE", "path": "/v1/nodes/{ident}"}],
    ),
    policy.DocumentedRuleDefault(
        "valence:node:register",
        base.PROJECT_MEMBER,
        "Register a node in Ironic.",
        [{"method": "POST", "path": "/v1/nodes/{ident}/register"}],
    ),
    policy.DocumentedRuleDefault(
        "valence:node:unregister",
        base.PROJECT_MEMBER,
        "Delete a node in Ironic.",
        [{"method": "POST", "path": "/v1/nodes/{ident}/unregister"}],
    ),
    *(
        policy.DocumentedRuleDefault(
            rule,
            base.SERVICE,
            f"Set the {field} of the Ironic node when a node is registered.",
            [{"method": "POST", "path": "/v1/nodes/{ident}/register"}],
        )
        for field, rule in FIELD_RULES.items()
    ),
    policy.DocumentedRuleDefault(
        "valence:node:adopt_path",
        base.ADMIN,
        "State which machine of its pod manager a node is.",
        [{"method": "POST", "path": "/v1/nodes/{ident}/adopt_path"}],
    ),
    policy.DocumentedRuleDefault(
        "valence:node:forget",
        base.ADMIN,
        "Delete the row of a node that is gone, without a request to its pod manager.",
        [{"method": "POST", "path": "/v1/nodes/{ident}/forget"}],
    ),
]
