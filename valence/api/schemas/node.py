# SPDX-License-Identifier: Apache-2.0

"""Schemas of nodes."""

from valence.api.schemas import base
from valence.api.schemas import flavor
from valence.api.schemas import freshness as freshness_schemas
from valence.api.schemas import system

MAYBE: base.Schema = {"type": ["string", "null"]}

OPERATIONS = ["compose", "register", "unregister", "release"]

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
                "description": "Chosen by the client: the same request returns the same node.",
            },
            "name": base.NAME,
            "description": base.TEXT,
            "podm_id": {**base.UUID, "description": "The scheduler chooses one if absent."},
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

PATH: base.Schema = {
    **base.NAME,
    "maxLength": 1024,
    "description": "Path of the node on its pod manager, such as /redfish/v1/Nodes/7.",
}

MANAGE = base.request(
    {
        "podm_id": {**base.NAME, "description": "uuid or name of its pod manager"},
        "path": PATH,
        "name": base.NAME,
        "description": base.TEXT,
        "assemble": {
            "type": "boolean",
            "default": False,
            "description": "Assemble the node first, if it is only allocated.",
        },
    },
    required=("podm_id", "path"),
)

ADOPT_PATH = base.request({"path": PATH}, required=("path",))

FORGET = base.request(
    {
        "i_know_it_is_gone": {
            "type": "boolean",
            "enum": [True],
            "description": "The machine is gone for good, or is no longer to be managed.",
        }
    },
    required=("i_know_it_is_gone",),
)

WORD: base.Schema = {**base.NAME, "maxLength": 64}

#: Exactly one of the actions. The pod manager determines which values it offers.
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
                "description": "Its boot source; Enabled: Once (the default), Continuous or "
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
            "description": "Delete a missing node in Ironic first, even if it is deployed.",
        }
    }
)

REGISTER = base.request(
    {
        "uuid": {**base.UUID, "description": "uuid of the node in Ironic"},
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
        "has_port": {
            "type": "boolean",
            "description": "Only false: Ironic has no port for it, because another node of "
            "Ironic has its MAC.",
        },
    },
    optional=("has_port",),
)

#: What a fault has when facts of a machine contradict each other.
CONFLICT: dict[str, base.Schema] = {
    "path": {**MAYBE, "description": "Path of the machine that may be the node."},
    "agree": {"type": "array", "items": {"type": "string"}, "description": "Names of facts."},
    "contradict": {
        "type": "object",
        "description": "Name of a fact -> what is recorded, and what the pod manager reports.",
    },
}

FAULT: base.Schema = {
    "oneOf": [
        {"type": "null"},
        base.thing(
            {
                **base.ERROR_FIELDS,
                "operation": {"enum": [*OPERATIONS, "identify"]},
                "at": base.TIME,
                "cleanup": {
                    **base.thing(
                        {
                            "result": {"enum": ["pending", "done", "failed"]},
                            "detail": MAYBE,
                            "code": base.ERROR_FIELDS["code"],
                        },
                        optional=("code",),
                    ),
                    "description": "Of a failed compose or register: pending while the node is "
                    "released, done when everything was undone, failed when the pod manager may "
                    "still hold hardware or Ironic the node; detail and code say why undoing "
                    "failed.",
                },
                **CONFLICT,
                "refusals": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "description": "Name of a pod manager -> why it refused to compose the node.",
                },
            },
            optional=("reason", "cleanup", "refusals", *CONFLICT),
        ),
    ],
    "description": "Why the last operation failed, or which facts of the machine contradict "
    "the recorded ones (code valence.node.identity_conflict).",
}

#: The facts by which the machine of a node is recognized.
IDENTITY: base.Schema = {
    "type": ["object", "null"],
    "additionalProperties": True,
    "properties": {
        "name": {**MAYBE, "description": "Its Redfish Name, if the pod manager keeps it."},
        "description": {
            **MAYBE,
            "description": "The start of its Description, if the pod manager keeps it.",
        },
        "redfish_uuid": {**MAYBE, "description": "UUID of the composed node."},
        "system_uuid": {**MAYBE, "description": "UUID of its system."},
        "serial_number": {**MAYBE, "description": "Serial number of its system."},
        "macs": {"type": "array", "items": {"type": "string"}},
        "previous_path": {**MAYBE, "description": "Where it was before it was moved to path."},
        "reported_name": {**MAYBE, "description": "The Name that it was given elsewhere."},
    },
    "description": "The facts by which its machine is recognized; null: none is known yet.",
}

NODE = base.thing(
    {
        "uuid": base.UUID,
        "name": MAYBE,
        "description": MAYBE,
        "state": {"enum": STATES},
        "task": {**MAYBE, "description": "The running task of the current operation."},
        "task_since": base.or_null(base.TIME),
        "podm_uuid": base.or_null(base.UUID),
        "podm_id": {**base.or_null(base.UUID), "description": "The same as podm_uuid."},
        "flavor_id": base.or_null(base.UUID),
        "properties": {
            **flavor.PROPERTIES,
            "minProperties": 0,
            "description": "The requirements; of an adopted node, what its pod manager reports.",
        },
        "adopted": {
            "type": "boolean",
            "description": "Whether it existed before Valence adopted it.",
        },
        "path": {**MAYBE, "description": "Path of the node on its pod manager."},
        "system_path": {**MAYBE, "description": "Path of its system on the pod manager."},
        "interfaces": {
            "type": "array",
            "items": INTERFACE,
            "description": "Its network interfaces; filled when it is first registered.",
        },
        "identity": IDENTITY,
        "power_state": MAYBE,
        "managed_by": {"enum": [None, "ironic"]},
        "ironic_uuid": base.or_null(base.UUID),
        "fault": FAULT,
        "generation": {"type": "integer"},
        "stale": {
            "type": "boolean",
            "description": "Whether its pod manager is not online, so that these values may be "
            "old; the reason is in errors of a listing.",
        },
        "project_id": {**MAYBE, "description": "The project that it belongs to."},
        "user_id": {**MAYBE, "description": "The user that composed it."},
        "created_at": base.TIME,
        "updated_at": base.or_null(base.TIME),
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
