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

"""A Valence in memory, to test against what calls the client.

It stands in at the transport: the real client, its session, its retries and
its waits run as they do in production, and only the wire is missing::

    valence = FakeValence()
    client = valence.client()
    node = client.nodes.create(name="web-1", properties=..., wait=True)

    valence.fail("compose", reason="No processor fits")
    valence.lose("POST", "/v1/nodes")

Code that makes its own session takes ``valence.session()``, has its session
prepared with ``valence.mount(session)``, or runs within
``valence.intercept()``. Nodes change state when they
are looked at: each GET is one poll.
"""

from valenceclient.testing._rows import Refusal
from valenceclient.testing._service import FakeValence
from valenceclient.testing._wire import Call

__all__ = ("Call", "FakeValence", "Refusal")
