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

"""Names that any process can work out again: nothing is found by luck."""

import uuid

#: Every id of ours is derived under this one.
NAMESPACE = uuid.UUID("6f1c1f0e-6d3b-5a0c-9d53-3b0a5f8c7a11")


def derive(kind: str, of: str, generation: int) -> str:
    """Derive the uuid of what belongs to one generation of a row.

    :param kind: what it names: ``node``, ``ironic``, ``book``, ...
    :param of: uuid of the row it belongs to.
    :param generation: attempt of the user; a recovery never changes it.
    :returns: a uuid5, the same in every process and at every time.
    """
    return str(uuid.uuid5(NAMESPACE, f"{kind}/{of}/{generation}"))
