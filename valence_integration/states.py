# SPDX-License-Identifier: Apache-2.0

"""The states of an instance, and what may follow what."""

from valence_conductor.db import transitions

PROVISIONING = "provisioning"
ACTIVE = "active"
DESTROYING = "destroying"
DELETED = "deleted"
ERROR = "error"

#: Every step that an instance may take. From ``error`` an instance is provisioned
#: anew only when nothing of it is left behind, and from ``deleted`` only when whoever
#: owns it says so: see :mod:`valence_integration.tasks.retry_check`.
TRANSITIONS = transitions.Transitions(
    {
        PROVISIONING: {ACTIVE, ERROR, DESTROYING},
        ACTIVE: {DESTROYING},
        ERROR: {DESTROYING, PROVISIONING},
        DESTROYING: {DELETED, ERROR},
        DELETED: {PROVISIONING},
    }
)

STATES = (PROVISIONING, ACTIVE, DESTROYING, DELETED, ERROR)

#: state -> the operation that a row in it asks a conductor for.
OPERATIONS = {PROVISIONING: "provision", DESTROYING: "destroy"}

#: States from which an instance may be provisioned anew.
RETRIED = frozenset({ERROR, DELETED})

#: States in which nothing happens until somebody asks for something.
SETTLED = frozenset(STATES) - frozenset(OPERATIONS)
