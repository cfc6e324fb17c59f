# SPDX-License-Identifier: Apache-2.0

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
