# SPDX-License-Identifier: Apache-2.0

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
