# SPDX-License-Identifier: Apache-2.0

"""The states of an instance, and the transitions between them."""

from valence_conductor.db import transitions

PROVISIONING = "provisioning"
ACTIVE = "active"
DESTROYING = "destroying"
DELETED = "deleted"
ERROR = "error"

#: state -> the states that may follow it. An instance in ``error`` is provisioned again
#: only when none of its resources is left, and a deleted one only when the caller requests
#: that explicitly: see :mod:`valence_integration.tasks.retry_check`.
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

#: Transitional state -> the operation that a conductor runs for a row in it.
OPERATIONS = {PROVISIONING: "provision", DESTROYING: "destroy"}

#: States from which an instance may be provisioned again.
RETRYABLE = frozenset({ERROR, DELETED})

#: States in which no operation runs until the next request.
SETTLED = frozenset(STATES) - frozenset(OPERATIONS)
