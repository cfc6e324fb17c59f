# SPDX-License-Identifier: Apache-2.0

"""The state of a fake service, which its handlers and its node operations share."""

from collections.abc import Callable
from typing import Any

from valenceclient.testing._rows import Rows


class Store:
    """Rows of each collection, and the settings that tests may change.

    :ivar polls: how many GETs still show an operation running.
    :ivar url: of the fake service.
    :ivar on_register: ``(node, fields)``, stands for Ironic creating a node; may
        return the uuid of the Ironic node and raise Refusal. Called when the
        operation ends, as in production, not when it is requested.
    :ivar on_unregister: ``(node)``, stands for Ironic deleting a node; may raise
        Refusal. Called when the operation ends.
    :ivar troubles: entries of ``errors`` in lists.
    """

    def __init__(self, polls: int, url: str) -> None:
        self.polls = polls
        self.url = url
        self.on_register: Callable[[dict[str, Any], dict[str, Any]], str | None] | None = None
        self.on_unregister: Callable[[dict[str, Any]], object] | None = None
        self.podmanagers = Rows("podmanager")
        self.flavors = Rows("flavor")
        self.nodes = Rows("node")
        self.systems = Rows("system")
        self.racks = Rows("rack")
        self.pooled = Rows("device")
        self.findings = Rows("finding")
        self.troubles: list[dict[str, Any]] = []
