# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""The states of an instance, and what may follow what."""

from valence_conductor import rows

PROVISIONING = "provisioning"
ACTIVE = "active"
DESTROYING = "destroying"
DELETED = "deleted"
ERROR = "error"

#: Every step that an instance may take. From ``error`` an instance is provisioned
#: anew only when nothing of it is left behind, and from ``deleted`` only when whoever
#: owns it says so: see :mod:`valence_integration.retrying`.
TRANSITIONS = rows.Transitions(
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
