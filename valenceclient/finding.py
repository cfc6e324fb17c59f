# SPDX-License-Identifier: Apache-2.0

"""Findings: what audits of Valence have found, for operators to look at."""

import dataclasses
import datetime

from valenceclient import _collection
from valenceclient import _resource


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding(_resource.Resource):
    """A resource that no node owns, or a node that contradicts its pod manager.

    ``kind``: composed-node, ironic-node, ironic-system, missing-node, identity-conflict or
    unreleased-node.
    """

    CONVERT = {
        **_resource.Resource.CONVERT,
        "first_seen_at": _resource.parse_time,
        "last_seen_at": _resource.parse_time,
    }

    kind: str = ""
    podm_id: str | None = None
    #: On the pod manager; of an Ironic node its uuid.
    path: str | None = None
    #: The node that it names; that node need not exist.
    node_id: str | None = None
    #: What was found, and what to do.
    detail: str = ""
    remedy: str = ""
    first_seen_at: datetime.datetime | None = None
    last_seen_at: datetime.datetime | None = None


class Findings(_collection.Collection[Finding]):
    """``/v1/findings``: only :meth:`list`, for administrators."""

    path = "/findings"
    key = "findings"
    resource = Finding
