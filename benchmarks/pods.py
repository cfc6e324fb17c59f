# SPDX-License-Identifier: Apache-2.0

"""Many simulated pod managers of a fixed latency, in a process of their own."""

import asyncio
import logging
import threading
import time
from typing import Any

from podm_simulator.pod.factory import Shape
from podm_simulator.pod.factory import Size
from podm_simulator.pod.pod import Pace
from podm_simulator.server import Simulator
from tests.crash import process


class Pods:
    """A number of pod managers, for :class:`tests.crash.process.Process`.

    :param systems: number of computer systems of each.
    :param latency: seconds before each response.
    :param expand: whether they support ``$expand``.
    :param assemble: seconds in which a node is assembled.
    """

    def __init__(
        self, count: int, systems: int, latency: float, *, expand: bool, assemble: float
    ) -> None:
        self._count, self._systems = count, systems
        self._latency, self._expand, self._assemble = latency, expand, assemble

    def __call__(self) -> process.Commands:
        """Serve; ``urls`` returns the URLs, ``collect`` requests and CPU time since the last."""
        logging.disable(logging.WARNING)
        loop = asyncio.new_event_loop()
        pods = [
            Simulator(
                Size(shapes=(Shape(systems=self._systems),)),
                name=f"pod-{number}",
                latency=self._latency,
                expand=self._expand,
                pace=Pace(assemble=self._assemble),
            )
            for number in range(self._count)
        ]
        for pod in pods:
            loop.run_until_complete(pod.open())
        threading.Thread(target=loop.run_forever, daemon=True).start()
        cpu_time = [time.process_time()]

        async def collect() -> dict[str, Any]:
            requests = sum(pod.journal.show()["total"] for pod in pods)
            for pod in pods:
                pod.journal.clear()
            before, cpu_time[0] = cpu_time[0], time.process_time()
            return {"requests": requests, "cpu": cpu_time[0] - before}

        return {
            "urls": lambda: [pod.url for pod in pods],
            "collect": lambda: asyncio.run_coroutine_threadsafe(collect(), loop).result(20),
        }
