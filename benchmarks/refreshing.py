# SPDX-License-Identifier: Apache-2.0

"""How long reading many pod managers takes, and how many requests."""

import dataclasses
import math
import pathlib
import time

import fixtures

from benchmarks.alone import Alone
from benchmarks.pods import Pods
from tests.crash.process import Process
from valence.podmanagers.redfish import reader as reader_module


@dataclasses.dataclass(frozen=True)
class Refresh:
    """One number of pod managers at one latency.

    :ivar first: seconds of the first refresh, when nothing is known.
    :ivar first_requests: to all pod managers.
    :ivar seconds: of a refresh from then on.
    :ivar single: seconds of the slowest of a few pod managers that were refreshed alone.
    :ivar cpu: seconds of a core that our process used for it.
    :ivar pods_cpu: the same of the pod managers.
    :ivar starved: seconds for which our threads were ready, and had no processor.
    :ivar listing: seconds of listing all systems, and
    :ivar listing_requests: what that cost the pod managers.
    """

    pod_managers: int
    systems: int
    latency: float
    expand: bool
    first: float
    first_requests: int
    seconds: float
    requests: int
    single: float
    cpu: float
    pods_cpu: float
    starved: float
    listing: float
    listing_requests: int

    @property
    def limit(self) -> float:
        """Seconds below which no refresh can come: latency times requests in a row."""
        rounds = 3
        if not self.expand:
            for count in (self.systems, self.systems + 2):
                rounds += math.ceil(count / reader_module.AT_ONCE)
        return rounds * self.latency

    @property
    def ratio(self) -> float:
        """The time of all, without CPU time, by the time of the slowest one.

        Without ours, and without that which the simulated pod managers take from
        each other because they share a process.
        """
        shared = self.pods_cpu * (self.pod_managers - 1) / self.pod_managers
        return max(0.0, self.seconds - self.cpu - shared) / self.single

    @property
    def per_resource(self) -> float:
        """Requests of the first refresh, by the resources that it brought.

        A system with two processors, two interfaces and a drive, and its sled; and
        once in each pod, a rack and a drawer of four drives.
        """
        return self.first_requests / (self.pod_managers * (self.systems * 7 + 6))


def measure(pod_managers: int, systems: int, latency: float, *, expand: bool) -> Refresh:
    """Refresh a new service's pod managers: for the first time, alone, and all together."""
    with fixtures.Fixture() as stage:
        folder = pathlib.Path(stage.useFixture(fixtures.TempDir()).path)
        serve = Pods(pod_managers, systems, latency, expand=expand, assemble=0.0)
        pods = Process(serve, folder / "pods.log")
        stage.addCleanup(pods.kill)
        service = stage.useFixture(Alone())
        uuids = service.know(pods.call("where"))
        pods.call("take")
        first = _timed(service, "/v1/systems?refresh=true&limit=1")
        first_requests = pods.call("take")["requests"]
        single = max(
            _timed(service, f"/v1/systems?refresh=true&limit=1&podm_id={uuid}")
            for uuid in uuids[:3]
        )
        pods.call("take")
        cpu, starved = service.cpu(), service.starved()
        seconds = _timed(service, "/v1/systems?refresh=true&limit=1")
        cpu, taken = service.cpu() - cpu, pods.call("take")
        starved = service.starved() - starved
        began = time.monotonic()
        found = service.everything("/v1/systems")
        listing = time.monotonic() - began
        if len(found) != pod_managers * systems:
            raise RuntimeError(f"{len(found)} systems instead of {pod_managers * systems}")
        return Refresh(
            pod_managers=pod_managers,
            systems=systems,
            latency=latency,
            expand=expand,
            first=first,
            first_requests=first_requests,
            seconds=seconds,
            requests=taken["requests"],
            single=single,
            cpu=cpu,
            pods_cpu=taken["cpu"],
            starved=max(0.0, starved),
            listing=listing,
            listing_requests=pods.call("take")["requests"],
        )


def _timed(service: Alone, path: str) -> float:
    began = time.monotonic()
    answer = service.ask("GET", path)
    if answer["errors"]:
        raise RuntimeError(f"not all were read: {answer['errors'][0]}")
    return time.monotonic() - began
