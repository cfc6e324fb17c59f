# SPDX-License-Identifier: Apache-2.0

"""Findings of audits."""

from collections.abc import Mapping
import dataclasses
from typing import Any

import werkzeug

from valence.api import call as api_call
from valence.objects import finding as finding_objects

PLURAL = "findings"

#: query parameter -> column, where the names differ
RENAMED = {"podm_id": "podm_uuid", "node_id": "node_uuid"}


def index(call: api_call.Call) -> werkzeug.Response:
    """List what the last complete audits have found, oldest first."""
    query = call.page_query(RENAMED)
    if "sort" not in call.query:
        query = dataclasses.replace(query, sort=("first_seen_at", "asc"))
    rows, more = finding_objects.page(call.service.db, query)
    return api_call.json_response(call.page(PLURAL, [view(row) for row in rows], more))


def view(row: finding_objects.Finding) -> Mapping[str, Any]:
    """Return a finding as the API shows it."""
    return {
        "uuid": row.uuid,
        "kind": row.kind,
        "podm_id": row.podm_uuid,
        "path": row.path,
        "node_id": row.node_uuid,
        "detail": row.detail,
        "remedy": row.remedy,
        "first_seen_at": api_call.isotime(row.first_seen_at),
        "last_seen_at": api_call.isotime(row.last_seen_at),
    }
