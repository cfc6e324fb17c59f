# SPDX-License-Identifier: Apache-2.0

"""Peers of a fixed slowness, which write down what they took and when.

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
from podm_simulator.redfish.http import Answer
from podm_simulator.server import Simulator
from tests.crash import process
from tests.fake_ironic.server import Server

CONTROL = "/control/"

ASSEMBLE = "/Actions/ComposedNode.Assemble"


class Record:
    """What one peer took, and when.

    :ivar requests: how many it was asked.
    :ivar spans: (begin, end) of every request, and of all that went on afterwards.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.spans: list[tuple[float, float]] = []

    def show(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {"requests": self.requests, "spans": self.spans}


@dataclasses.dataclass(frozen=True)
class Slow:
    """How slow a peer is.

    :ivar request: seconds before each answer.
    :ivar work: seconds in which a node is assembled, or changes its state.
    """

    request: float
    work: float


class PodManager(Simulator):
    """A pod manager that assembles so many nodes at a time; others wait their turn.

    :param bays: how many at a time.
    """

    def __init__(self, name: str, systems: int, slow: Slow, bays: int) -> None:
        size = Size(shapes=(Shape(systems=systems),))
        super().__init__(size, name=name, latency=slow.request)
        self.record = Record()
        self._assemble = slow.work
        self._free_at = [0.0] * bays

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        if request.path.startswith(CONTROL):
            return await super()._handle(request)
        began = time.monotonic()
        self.record.requests += 1
        answer = await super()._handle(request)
        self.record.spans.append((began, time.monotonic()))
        return answer

    async def _answer(self, request: web.BaseRequest, path: str) -> Answer:
        if request.method == "POST" and path.endswith(ASSEMBLE):
            now = time.monotonic()
            done = max(now, self._free_at[0]) + self._assemble
            heapq.heapreplace(self._free_at, done)
            self.record.spans.append((now, done))
            self.pod.pace = Pace(assemble=done - now)
        return await super()._answer(request, path)


class SlowIronic(Server):
    """An Ironic in which every request and every change of state take their time."""

    def __init__(self, slow: Slow) -> None:
        super().__init__(slow.work)
        self.record = Record()
        self._slow = slow

    def _advance_later(self, node: dict[str, Any]) -> None:
        now = time.monotonic()
        self.record.spans.append((now, now + self._slow.work))
        super()._advance_later(node)

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        if request.path.startswith(CONTROL):
            return await super()._handle(request)
        began = time.monotonic()
        self.record.requests += 1
        await asyncio.sleep(self._slow.request)
        answer = await super()._handle(request)
        self.record.spans.append((began, time.monotonic()))
        return answer


class Peers:
    """Pod managers and an Ironic, in a process of their own.

    :param systems: machines in the pool of each pod manager.
    """

    def __init__(
        self, *, podm: Slow, ironic: Slow, pod_managers: int, bays: int, systems: int
    ) -> None:
        self._podm, self._ironic = podm, ironic
        self._pod_managers, self._bays, self._systems = pod_managers, bays, systems

    def __call__(self) -> process.Commands:
        """Serve; ``where`` tells where, and ``take`` what was taken since it was last asked."""
        logging.disable(logging.WARNING)
        loop = asyncio.new_event_loop()
        ironic = SlowIronic(self._ironic)
        podms = [
            PodManager(f"pod-{n}", self._systems, self._podm, self._bays)
            for n in range(self._pod_managers)
        ]
        everybody: list[SlowIronic | PodManager] = [ironic, *podms]
        for peer in everybody:
            loop.run_until_complete(peer.open())

        async def take() -> dict[str, Any]:
            taken = {"ironic": ironic.record.show(), "podms": [p.record.show() for p in podms]}
            for peer in everybody:
                peer.record = Record()
            return taken

        threading.Thread(target=loop.run_forever, daemon=True).start()
        return {
            "where": lambda: {"ironic": ironic.url, "podms": [podm.url for podm in podms]},
            "take": lambda: asyncio.run_coroutine_threadsafe(take(), loop).result(10),
        }
