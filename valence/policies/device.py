# SPDX-License-Identifier: Apache-2.0

"""Policies of pooled devices."""

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
        "Read the pooled devices of pod managers.",
        [{"method": "POST", "path": "/v1/pooled/sync"}],
    ),
]
