# SPDX-License-Identifier: Apache-2.0

"""Schemas of findings."""

from valence.api.schemas import base
from valence.objects import finding as finding_objects

KIND = {"type": "string", "enum": list(finding_objects.KINDS)}

FINDING = base.thing(
    {
        "uuid": base.UUID,
        "kind": KIND,
        "podm_id": base.or_null(base.UUID),
        "path": {
            "type": ["string", "null"],
            "description": "On the pod manager; of an Ironic node its uuid.",
        },
        "node_id": {
            **base.or_null(base.UUID),
            "description": "The node that it names. That node need not exist.",
        },
        "detail": {"type": "string", "description": "What was found."},
        "remedy": {"type": "string", "description": "What to do."},
        "first_seen_at": base.TIME,
        "last_seen_at": base.TIME,
    }
)

FINDINGS = base.collection("findings", FINDING)

LIST = base.listing(
    {"podm_id": base.UUID, "kind": KIND, "node_id": base.UUID},
    ("uuid", "kind", "first_seen_at", "last_seen_at"),
)
