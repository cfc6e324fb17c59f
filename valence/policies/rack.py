# SPDX-License-Identifier: Apache-2.0

"""Policies of racks."""

from oslo_policy import policy

from valence.policies import base

RULES = [
    policy.DocumentedRuleDefault(
        "valence:rack:get",
        base.ADMIN,
        "List and show racks.",
        [
            {"method": "GET", "path": "/v1/racks"},
            {"method": "GET", "path": "/v1/racks/{ident}"},
        ],
    ),
]
