# SPDX-License-Identifier: Apache-2.0

"""Measure the time and the requests of refreshing many pod managers."""

import dataclasses
import math
import pathlib
import time

import fixtures

from benchmarks.alone import Alone
from benchmarks.pods import Pods
from tests.crash.process import Process
from valence.podmanagers.redfish.reader import AT_ONCE


@dataclasses.dataclass(frozen=True)
class Refresh:
    """Figures for one number of pod managers at one latency.

    :ivar first: seconds of the first refresh, with an empty database.
    :ivar first_requests: number of requests of the first refresh, to all pod managers.
    :ivar seconds: of a later refresh.
    :ivar requests: of a later refresh, to all pod managers.
    :ivar single: seconds of the slowest of a few pod managers that were refreshed alone.
    :ivar cpu: CPU seconds of the service in a later refresh.
    :ivar pods_cpu: CPU seconds of the pod managers in it.
    :ivar starved: seconds for which threads of the service were ready, but had no processor.
    :ivar listing: seconds of listing all systems.
    :ivar listing_requests: requests to the pod managers during the listing.
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
        """The least seconds of a refresh: latency times the requests that follow each other."""
        rounds = 3
        if not self.expand:
            for count in (self.systems, self.systems + 2):
                rounds += math.ceil(count / AT_ONCE)
        return rounds * self.latency

    @property
    def ratio(self) -> float:
        """The time of all, without CPU time, divided by the time of the slowest one.

        Without the CPU time of the service, and without that which the simulated pod
        managers take from each other because they share a process.
        """
        shared = self.pods_cpu * (self.pod_managers - 1) / self.pod_managers
        return max(0.0, self.seconds - self.cpu - shared) / self.single

    @property
    def per_resource(self) -> float:
        """Requests of the first refresh, divided by the resources that it read.

        A system with two processors, two interfaces and a drive, and its sled; and
        once in each pod, a rack and a drawer of four drives.
        """
        return self.first_requests / (self.pod_managers * (self.systems * 7 + 6))


def measure(pod_managers: int, systems: int, latency: float, *, expand: bool) -> Refresh:
    """Refresh the pod managers of a new service: the first time, alone, and all together."""
    with fixtures.Fixture() as setup:
        folder = pathlib.Path(setup.useFixture(fixtures.TempDir()).path)
        serve = Pods(pod_managers, systems, latency, expand=expand, assemble=0.0)
        pods = Process(serve, folder / "pods.log")
        setup.addCleanup(pods.kill)
        service = setup.useFixture(Alone())
        uuids = service.register(pods.call("urls"))
        pods.call("collect")
        first = _timed(service, "/v1/systems?refresh=true&limit=1")
        first_requests = pods.call("collect")["requests"]
        single = max(
            _timed(service, f"/v1/systems?refresh=true&limit=1&podm_id={uuid}")
            for uuid in uuids[:3]
        )
        pods.call("collect")
        cpu, starved = service.cpu(), service.starved()
        seconds = _timed(service, "/v1/systems?refresh=true&limit=1")
        cpu, collected = service.cpu() - cpu, pods.call("collect")
        starved = service.starved() - starved
        start = time.monotonic()
        listed = service.list_all("/v1/systems")
        listing = time.monotonic() - start
        if len(listed) != pod_managers * systems:
            raise RuntimeError(f"{len(listed)} systems instead of {pod_managers * systems}")
        return Refresh(
            pod_managers=pod_managers,
            systems=systems,
            latency=latency,
            expand=expand,
            first=first,
            first_requests=first_requests,
            seconds=seconds,
            requests=collected["requests"],
            single=single,
            cpu=cpu,
            pods_cpu=collected["cpu"],
            starved=max(0.0, starved),
            listing=listing,
            listing_requests=pods.call("collect")["requests"],
        )


def _timed(service: Alone, path: str) -> float:
    start = time.monotonic()
    response = service.request("GET", path)
    if response["errors"]:
        raise RuntimeError(f"not all pod managers were read: {response['errors'][0]}")
    return time.monotonic() - start
