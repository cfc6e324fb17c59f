# SPDX-License-Identifier: Apache-2.0

"""Policies of pod managers."""

from oslo_policy import policy

from valence.policies import base

RULES = [
    policy.DocumentedRuleDefault(
        "valence:podmanager:get",
        base.ADMIN,
        "List and show pod managers, without their passwords.",
        [
            {"method": "GET", "path": "/v1/podmanagers"},
            {"method": "GET", "path": "/v1/podmanagers/{ident}"},
            {"method": "GET", "path": "/v1/pod_managers"},
            {"method": "GET", "path": "/v1/pod_managers/{ident}"},
        ],
    ),
    policy.DocumentedRuleDefault(
        "valence:podmanager:create",
        base.ADMIN,
        "Register a pod manager.",
        [
            {"method": "POST", "path": "/v1/podmanagers"},
            {"method": "POST", "path": "/v1/pod_managers"},
        ],
    ),
    policy.DocumentedRuleDefault(
        "valence:podmanager:update",
        base.ADMIN,
        "Change a pod manager.",
        [
            {"method": "PATCH", "path": "/v1/podmanagers/{ident}"},
            {"method": "PATCH", "path": "/v1/pod_managers/{ident}"},
        ],
    ),
    policy.DocumentedRuleDefault(
        "valence:podmanager:accept_identity",
        base.ADMIN,
        "Accept that what answers at the URL of a pod manager is the pod manager.",
        [{"method": "POST", "path": "/v1/podmanagers/{ident}/accept-identity"}],
    ),
    policy.DocumentedRuleDefault(
        "valence:podmanager:delete",
        base.ADMIN,
        "Delete a pod manager that has no nodes.",
        [
            {"method": "DELETE", "path": "/v1/podmanagers/{ident}"},
            {"method": "DELETE", "path": "/v1/pod_managers/{ident}"},
        ],
    ),
    policy.DocumentedRuleDefault(
        "valence:podmanager:force_delete",
        base.ADMIN,
        "Delete a pod manager that is gone permanently, together with its nodes (force).",
        [{"method": "DELETE", "path": "/v1/podmanagers/{ident}"}],
    ),
]
