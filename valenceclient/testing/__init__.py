# SPDX-License-Identifier: Apache-2.0

"""An in-memory Valence, for the tests of programs that use the client.

It replaces the transport: the real client, its session, its retries and its
waits run as they do in production, without a network::

    valence = FakeValence()
    client = valence.client()
    node = client.nodes.create(name="web-1", properties=..., wait=True)

    valence.fail("compose", reason="No processor fits")
    valence.lose("POST", "/v1/nodes")

Code that needs a session takes ``valence.session()``, mounts the fake on a
session of its own with ``valence.mount(session)``, or runs within
``valence.intercept()``. Operations on nodes advance with each GET of the node.
"""

from valenceclient.testing._rows import Refusal
from valenceclient.testing._service import FakeValence
from valenceclient.testing._wire import Call

__all__ = ("Call", "FakeValence", "Refusal")
