# SPDX-License-Identifier: Apache-2.0

"""Policies of findings."""

from oslo_policy import policy

from valence.policies import base

RULES = [
    policy.DocumentedRuleDefault(
        "valence:finding:list",
        base.ADMIN,
        "List what audits have found.",
        [{"method": "GET", "path": "/v1/findings"}],
    ),
]
