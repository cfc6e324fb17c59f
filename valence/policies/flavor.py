# SPDX-License-Identifier: Apache-2.0

"""Policies of flavors."""

from oslo_policy import policy

from valence.policies import base

RULES = [
    policy.DocumentedRuleDefault(
        "valence:flavor:get",
        base.READER,
        "List and show flavors.",
        [
            {"method": "GET", "path": "/v1/flavors"},
            {"method": "GET", "path": "/v1/flavors/{ident}"},
        ],
    ),
    policy.DocumentedRuleDefault(
        "valence:flavor:create",
        base.ADMIN,
        "Create a flavor.",
        [{"method": "POST", "path": "/v1/flavors"}],
    ),
    policy.DocumentedRuleDefault(
        "valence:flavor:update",
        base.ADMIN,
        "Change a flavor.",
        [{"method": "PATCH", "path": "/v1/flavors/{ident}"}],
    ),
    policy.DocumentedRuleDefault(
        "valence:flavor:delete",
        base.ADMIN,
        "Delete a flavor.",
        [{"method": "DELETE", "path": "/v1/flavors/{ident}"}],
    ),
]
