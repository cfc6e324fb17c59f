# SPDX-License-Identifier: Apache-2.0

"""Schemas of nodes."""

from valence.api.schemas import base
from valence.api.schemas import flavor
from valence.api.schemas import freshness as freshness_schemas
from valence.api.schemas import system

MAYBE: base.Schema = {"type": ["string", "null"]}

STATES = [
    "composing",
    "composed",
    "missing",
    "registering",
    "unregistering",
    "releasing",
    "error",
]

#: Exactly one of flavor_id and properties.
CREATE: base.Schema = {
    **base.request(
        {
            "uuid": {
                **base.UUID,
                "description": "Chosen by the client: the same request again is the same node.",
            },
            "name": base.NAME,
            "description": base.TEXT,
            "podm_id": {**base.UUID, "description": "Left out: Valence chooses."},
            "flavor_id": {**base.NAME, "description": "uuid or name"},
            "properties": flavor.PROPERTIES,
        }
    ),
    "oneOf": [{"required": ["flavor_id"]}, {"required": ["properties"]}],
    "examples": [
        {
            "uuid": base.UUID["examples"][0],
            "name": "web-1",
            "properties": flavor.PROPERTIES["examples"][0],
        }
    ],
}

UPDATE = base.change({"name": base.or_null(base.NAME), "description": base.or_null(base.TEXT)})

MANAGE = base.request(
    {
        "podm_id": {**base.NAME, "description": "uuid or name of its pod manager"},
        "path": {
            **base.NAME,
            "maxLength": 1024,
            "description": "Of the node there, such as /redfish/v1/Nodes/7.",
        },
        "name": base.NAME,
        "description": base.TEXT,
    },
    required=("podm_id", "path"),
)

WORD: base.Schema = {**base.NAME, "maxLength": 64}

#: Exactly one of the actions. What their words may be, the pod manager says.
ACTION: base.Schema = {
    **base.request(
        {
            "Reset": {
                **base.request({"Type": WORD}, required=("Type",)),
                "description": "Switch it on or off, or restart it; Type is a Redfish ResetType.",
            },
            "Boot": {
                **base.request(
                    {"Target": WORD, "Enabled": WORD, "Mode": WORD}, required=("Target",)
                ),
                "description": "What to boot from; Enabled: Once (the default), Continuous or "
                "Disabled.",
            },
        }
    ),
    "oneOf": [{"required": ["Reset"]}, {"required": ["Boot"]}],
    "examples": [{"Reset": {"Type": "ForceRestart"}}, {"Boot": {"Target": "Pxe"}}],
}

DELETE = base.request(
    {
        "force": {
            "type": "boolean",
            "description": "Take a missing node out of Ironic, whatever Ironic does with it.",
        }
    }
)

REGISTER = base.request(
    {
        "uuid": {**base.UUID, "description": "Of the node in Ironic."},
        "name": base.NAME,
        "resource_class": {**base.NAME, "maxLength": 80},
        "traits": {"type": "array", "maxItems": 50, "items": base.NAME},
        "properties": {"type": "object"},
        "extra": {"type": "object"},
        "conductor_group": {**base.TEXT, "maxLength": 255},
        "owner": base.NAME,
        "instance_uuid": base.UUID,
    }
)

INTERFACE = base.thing(
    {
        "mac": {
            "type": "string",
            "pattern": "^([0-9a-f]{2}:){5}[0-9a-f]{2}$",
            "examples": ["52:54:00:12:34:56"],
        },
        "path": MAYBE,
        "speed_mbps": {"type": ["integer", "null"]},
    }
)

FAULT: base.Schema = {
    "oneOf": [
        {"type": "null"},
        base.thing(
            {
                **base.TROUBLE,
                "operation": {"enum": ["compose", "register", "unregister", "release"]},
                "at": base.MOMENT,
                "cleanup": {
                    **base.thing(
                        {"result": {"enum": ["pending", "done", "failed"]}, "detail": MAYBE}
                    ),
                    "description": "Of a failed compose: pending while the node is released, "
                    "done when everything was returned to the pool, failed when the pod manager "
                    "may still hold hardware; then detail says why.",
                },
                "refusals": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "description": "Name of a pod manager -> why it does not compose the node.",
                },
            },
            optional=("reason", "cleanup", "refusals"),
        ),
    ],
    "description": "Why the last operation failed.",
}

NODE = base.thing(
    {
        "uuid": base.UUID,
        "name": MAYBE,
        "description": MAYBE,
        "state": {"enum": STATES},
        "task": {**MAYBE, "description": "What is being done just now."},
        "task_since": base.or_null(base.MOMENT),
        "podm_uuid": base.or_null(base.UUID),
        "podm_id": {**base.or_null(base.UUID), "description": "The same as podm_uuid."},
        "flavor_id": base.or_null(base.UUID),
        "properties": {
            **flavor.PROPERTIES,
            "minProperties": 0,
            "description": "What was asked for; of an adopted node, what is known of it.",
        },
        "adopted": {"type": "boolean", "description": "It was there before Valence."},
        "path": {**MAYBE, "description": "Of the node on its pod manager."},
        "system_path": {**MAYBE, "description": "Of its system on the pod manager."},
        "interfaces": {
            "type": "array",
            "items": INTERFACE,
            "description": "Its network interfaces; known once it was registered.",
        },
        "power_state": MAYBE,
        "managed_by": {"enum": [None, "ironic"]},
        "ironic_uuid": base.or_null(base.UUID),
        "fault": FAULT,
        "generation": {"type": "integer"},
        "stale": {
            "type": "boolean",
            "description": "Whether its pod manager is not online, so that it is shown as last "
            "known; why not is in errors beside a listing.",
        },
        "project_id": {**MAYBE, "description": "The project that it belongs to."},
        "user_id": {**MAYBE, "description": "Who asked for it."},
        "created_at": base.MOMENT,
        "updated_at": base.or_null(base.MOMENT),
        "links": base.LINKS,
    }
)

NODES = freshness_schemas.collection("nodes", NODE)

LIST = base.listing(
    {
        "name": base.NAME,
        "state": {"enum": STATES},
        "podm_id": base.UUID,
        "podm_uuid": base.UUID,
        "flavor_id": base.UUID,
        "managed_by": {"enum": ["ironic"]},
        "ironic_uuid": base.UUID,
        "project_id": base.NAME,
        **system.SIZE,
    },
    ("uuid", "name", "state", "created_at"),
)

SHOW = base.request({"refresh": {"type": "boolean", "description": "Read the pod manager first."}})
