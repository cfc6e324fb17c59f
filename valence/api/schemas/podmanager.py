# SPDX-License-Identifier: Apache-2.0

"""Schemas of pod managers."""

from valence.api.schemas import base

URL: base.Schema = {
    "type": "string",
    "maxLength": 512,
    "pattern": "^[hH][tT][tT][pP][sS]?://[^\\s/?#@]+(/[^\\s?#]*)?$",
    "description": "http(s)://host:port, without user, query and fragment.",
    "examples": ["https://pod.example:8443"],
}

TAG: base.Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 60,
    "pattern": "^[^,/\\x00-\\x1f\\x7f]+$",
}

WRITABLE: base.Schema = {
    "name": base.NAME,
    "url": URL,
    "driver": {
        "type": "string",
        "minLength": 1,
        "maxLength": 64,
        "pattern": "^[A-Za-z0-9_.-]+$",
        "description": "Name of the driver for its API; rsd by default.",
        "examples": ["rsd"],
    },
    "username": base.or_null({**base.TEXT, "maxLength": 255}),
    "password": base.or_null({**base.TEXT, "maxLength": 1024, "writeOnly": True}),
    "verify_ca": {
        "description": "Whether to verify its certificate; or the path of a file with the "
        "certificates of trusted authorities, on the hosts of the service and of Ironic.",
        "oneOf": [
            {"type": "boolean"},
            {"type": "string", "minLength": 1, "maxLength": 1024, "pattern": "^[^\\x00]*$"},
        ],
    },
    "ca": base.or_null(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 65535,
            "pattern": "^[^\\x00]*$",
            "description": "Certificates, in PEM, of the only authorities that the service trusts "
            "for it; null: verify_ca applies.",
        }
    ),
    "client_cert": base.or_null(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 65535,
            "pattern": "^[^\\x00]*$",
            "description": "Certificate, in PEM, with which the service identifies itself to it "
            "(mutual TLS); the certificates of its chain may follow.",
        }
    ),
    "client_key": base.or_null(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 65535,
            "pattern": "^[^\\x00]*$",
            "writeOnly": True,
            "description": "Private key of client_cert, in PEM, without a passphrase.",
        }
    ),
    "enabled": {
        "type": "boolean",
        "description": "Whether new nodes are composed on it. Existing nodes of a disabled one "
        "are managed all the same.",
    },
    "tags": {
        "type": "array",
        "items": TAG,
        "maxItems": 50,
        "uniqueItems": True,
        "description": "Tags that requests to compose may require.",
    },
}

#: What is never returned.
SECRETS = ("password", "client_key")

CREATE = base.request({"uuid": base.UUID, **WRITABLE}, required=("name", "url"))

UPDATE = base.change(WRITABLE)

#: The body of a request to accept the identity of what answers.
ACCEPT = base.request(
    {name: WRITABLE[name] for name in ("url", "driver", "username", "password", "verify_ca", "ca")}
)

COUNT: base.Schema = {"type": "integer", "minimum": 0}

TOTALS: base.Schema = {"total": COUNT, "used": COUNT, "free": COUNT}

USAGE = base.thing(
    {
        "systems": base.thing(TOTALS),
        "cores": base.thing(TOTALS),
        "memory_mib": base.thing(TOTALS),
        "nodes": base.thing(
            {
                "total": COUNT,
                "by_state": {"type": "object", "additionalProperties": COUNT},
            }
        ),
        "devices": base.thing(
            {
                **TOTALS,
                "by_type": {"type": "object", "additionalProperties": base.thing(TOTALS)},
            }
        ),
        "refreshed_at": base.or_null(base.TIME),
    }
)

KEPT: base.Schema = {"enum": ["whole", "part", "no"]}

PODMANAGER = base.thing(
    {
        "uuid": base.UUID,
        **{name: schema for name, schema in WRITABLE.items() if name not in SECRETS},
        "status": {"enum": ["online", "degraded", "offline", "mismatched", "unknown"]},
        "status_reason": {"type": ["string", "null"]},
        "status_since": base.TIME,
        "service_uuid": base.or_null(
            {
                "type": "string",
                "description": "UUID of its Redfish service root; null: unknown, or it has none.",
            }
        ),
        "kept_facts": {
            "type": ["object", "null"],
            "properties": dict.fromkeys(("name", "description"), KEPT),
            "description": "What it keeps of the Name and of the mark in the Description with "
            "which Valence composes nodes; null: not known before the first node.",
        },
        "limitations": {
            "type": ["array", "null"],
            "items": base.thing(
                {
                    "section": {
                        "type": ["string", "null"],
                        "description": "Section of a node's properties that it cannot compose; "
                        "null: it composes no nodes at all.",
                    },
                    "reason": {"type": "string"},
                }
            ),
            "description": "What it cannot compose, as last read: no such node is requested of "
            "it. null: unknown.",
        },
        "usage": {**USAGE, "description": "Its resources, as last read."},
        "created_at": base.TIME,
        "updated_at": base.or_null(base.TIME),
        "links": base.LINKS,
    }
)

PODMANAGERS = base.collection("podmanagers", PODMANAGER)

LIST = base.listing(
    {
        "name": base.NAME,
        "url": {"type": "string"},
        "driver": {"type": "string"},
        "status": {"type": "string"},
        "enabled": {"type": "boolean"},
    },
    ("uuid", "name", "url", "status", "created_at"),
)

#: The query of DELETE.
DELETE = base.request(
    {
        "force": {
            "type": "boolean",
            "description": "Delete one that is gone permanently, together with its nodes; or "
            "one that is registered twice, whose nodes then belong to the first.",
        }
    }
)

FORGOTTEN = base.thing(
    {
        "uuid": base.UUID,
        "name": base.NAME,
        "nodes": {
            "type": "array",
            "description": "The nodes that were deleted with it, or belong to the first.",
            "items": base.thing(
                {
                    "uuid": base.UUID,
                    "name": base.or_null(base.NAME),
                    "path": {"type": ["string", "null"]},
                }
            ),
        },
    }
)
