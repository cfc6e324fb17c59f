# SPDX-License-Identifier: Apache-2.0

"""Policies of systems."""

from oslo_policy import policy

from valence.policies import base

RULES = [
    policy.DocumentedRuleDefault(
        "valence:system:get",
        base.ADMIN,
        "List and show systems.",
        [
            {"method": "GET", "path": "/v1/systems"},
            {"method": "GET", "path": "/v1/systems/{ident}"},
        ],
    ),
]
