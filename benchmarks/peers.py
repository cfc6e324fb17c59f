# SPDX-License-Identifier: Apache-2.0

"""Peers with fixed latencies, which record when they were busy.

Times are of the monotonic clock, which all processes of a machine share.
"""

import asyncio
import dataclasses
import heapq
import logging
import threading
import time
from typing import Any

from aiohttp import web

from podm_simulator.pod.factory import Shape
from podm_simulator.pod.factory import Size
from podm_simulator.pod.pod import Pace
from podm_simulator.redfish.http import Response
from podm_simulator.server import Simulator
from tests.crash import process
from tests.fake_ironic.server import Server

CONTROL = "/control/"

ASSEMBLE = "/Actions/ComposedNode.Assemble"


class Record:
    """The requests of one peer, and when it was busy.

    :ivar requests: their number.
    :ivar spans: (begin, end) of every request, and of the work that it started.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.spans: list[tuple[float, float]] = []

    def show(self) -> dict[str, Any]:
        """Return the record as JSON."""
        return {"requests": self.requests, "spans": self.spans}


@dataclasses.dataclass(frozen=True)
class Latency:
    """The latencies of a peer.

    :ivar request: seconds before each response.
    :ivar work: seconds in which a node is assembled, or changes its state.
    """

    request: float
    work: float


class PodManager(Simulator):
    """A pod manager that assembles a limited number of nodes at a time; others wait.

    :param bays: number of nodes at a time.
    """

    def __init__(self, name: str, systems: int, latency: Latency, bays: int) -> None:
        size = Size(shapes=(Shape(systems=systems),))
        super().__init__(size, name=name, latency=latency.request)
        self.record = Record()
        self._assemble = latency.work
        self._free_at = [0.0] * bays

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        if request.path.startswith(CONTROL):
            return await super()._handle(request)
        start = time.monotonic()
        self.record.requests += 1
        response = await super()._handle(request)
        self.record.spans.append((start, time.monotonic()))
        return response

    async def _handle_redfish(self, request: web.BaseRequest, path: str) -> Response:
        if request.method == "POST" and path.endswith(ASSEMBLE):
            now = time.monotonic()
            end = max(now, self._free_at[0]) + self._assemble
            heapq.heapreplace(self._free_at, end)
            self.record.spans.append((now, end))
            self.pod.pace = Pace(assemble=end - now)
        return await super()._handle_redfish(request, path)


class SlowIronic(Server):
    """An Ironic with a latency for every request and every change of state."""

    def __init__(self, latency: Latency) -> None:
        super().__init__(latency.work)
        self.record = Record()
        self._latency = latency

    def _advance_later(self, node: dict[str, Any]) -> None:
        now = time.monotonic()
        self.record.spans.append((now, now + self._latency.work))
        super()._advance_later(node)

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        if request.path.startswith(CONTROL):
            return await super()._handle(request)
        start = time.monotonic()
        self.record.requests += 1
        await asyncio.sleep(self._latency.request)
        response = await super()._handle(request)
        self.record.spans.append((start, time.monotonic()))
        return response


class Peers:
    """Pod managers and an Ironic, in a process of their own.

    :param systems: number of computer systems of each pod manager.
    """

    def __init__(
        self, *, podm: Latency, ironic: Latency, pod_managers: int, bays: int, systems: int
    ) -> None:
        self._podm, self._ironic = podm, ironic
        self._pod_managers, self._bays, self._systems = pod_managers, bays, systems

    def __call__(self) -> process.Commands:
        """Serve; ``urls`` returns the URLs, ``collect`` the records since the last ``collect``."""
        logging.disable(logging.WARNING)
        loop = asyncio.new_event_loop()
        ironic = SlowIronic(self._ironic)
        podms = [
            PodManager(f"pod-{n}", self._systems, self._podm, self._bays)
            for n in range(self._pod_managers)
        ]
        peers: list[SlowIronic | PodManager] = [ironic, *podms]
        for peer in peers:
            loop.run_until_complete(peer.open())

        async def collect() -> dict[str, Any]:
            records = {"ironic": ironic.record.show(), "podms": [p.record.show() for p in podms]}
            for peer in peers:
                peer.record = Record()
            return records

        threading.Thread(target=loop.run_forever, daemon=True).start()
        return {
            "urls": lambda: {"ironic": ironic.url, "podms": [podm.url for podm in podms]},
            "collect": lambda: asyncio.run_coroutine_threadsafe(collect(), loop).result(10),
        }
