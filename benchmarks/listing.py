# SPDX-License-Identifier: Apache-2.0

"""Measure the speed of listing nodes, compared with a real Ironic, and of composing them."""

from collections.abc import Callable
from concurrent import futures
import dataclasses
import pathlib
import statistics
import time
from typing import Any
import uuid as uuids

import fixtures
import sqlalchemy as sa

from benchmarks import alone
from benchmarks.alone import Alone
from benchmarks.deployment import cpu_of_session
from benchmarks.pods import Pods
from devstack.lab import ironic as lab_ironic
from devstack.lab import processes
from tests.crash.process import Process
from valence.objects.node import Node
from valence_conductor import waiting

#: Number of repetitions of each request; the median counts.
REPETITIONS = 15

#: Number of concurrent clients when the rate is measured.
CLIENTS = 4

ROOT = pathlib.Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True)
class Listing:
    """Figures for one number of nodes.

    :ivar seconds: of listing all of them, page by page.
    :ivar rate: nodes listed in a second, by several concurrent clients.
    :ivar one: seconds of reading one node.
    """

    count: int
    seconds: float
    rate: float
    one: float


@dataclasses.dataclass(frozen=True)
class Cost:
    """Cost of a listing: median of the seconds, mean of the server's CPU seconds."""

    seconds: float
    cpu: float


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The same number of nodes, listed alternately by Valence and by Ironic.

    :ivar short: Ironic's short list.
    :ivar detailed: Ironic's list with details.
    """

    count: int
    valence: Cost
    short: Cost
    detailed: Cost


@dataclasses.dataclass(frozen=True)
class Composed:
    """Figures of nodes that were composed at the same time."""

    count: int
    pod_managers: int
    latency: float
    seconds: float
    requests: int


def list_nodes(counts: list[int]) -> list[Listing]:
    """Measure listings of a service with increasing numbers of nodes."""
    listings = []
    with Alone() as service:
        existing = 0
        for count in sorted(counts):
            uuid = _fill(service, existing, count)
            listings.append(_listing(service, count, uuid))
            existing = count
    return listings


def compare(count: int) -> Comparison:
    """List nodes of the service and of a real Ironic, alternately.

    :raises IronicMissing: no Ironic is installed.
    """
    with fixtures.Fixture() as setup:
        folder = pathlib.Path(setup.useFixture(fixtures.TempDir()).path)
        ironic = lab_ironic.Ironic(folder, ROOT / ".lab" / "cache")
        ironic.prepare()
        reaper = processes.Reaper()
        setup.addCleanup(reaper.close)
        ironic.process.start(reaper)
        setup.addCleanup(ironic.process.stop)
        ironic.process.wait_ready()
        # Not concurrently: its SQLite has one writer at a time.
        for number in range(count):
            alone.request("POST", f"{ironic.url}/v1/nodes", _ironic_node(number))
        service = setup.useFixture(Alone())
        _fill(service, 0, count)
        requests = [
            (f"{service.url}/v1/nodes?limit={count}", service.cpu),
            *(
                (
                    f"{ironic.url}/v1/{path}?limit={count}",
                    lambda: cpu_of_session(ironic.process.pid),
                )
                for path in ("nodes", "nodes/detail")
            ),
        ]
        return Comparison(count, *_alternate(requests, count))


def _alternate(requests: list[tuple[str, Callable[[], float]]], count: int) -> list[Cost]:
    """Repeat the requests alternately, so that other load affects all of them alike.

    :param requests: URL of each, and the function that reads the CPU time of its server.
    """
    samples: list[list[tuple[float, float]]] = [[] for _ in requests]
    for _ in range(REPETITIONS):
        for (url, cpu), costs in zip(requests, samples, strict=True):
            cpu_before, start = cpu(), time.monotonic()
            listed = len(alone.request("GET", url)["nodes"])
            costs.append((time.monotonic() - start, cpu() - cpu_before))
            if listed != count:
                raise RuntimeError(f"{url} lists {listed} nodes instead of {count} in one page")
    return [
        Cost(
            statistics.median(seconds for seconds, _ in costs),
            statistics.fmean(cpu for _, cpu in costs),
        )
        for costs in samples
    ]


def _fill(service: Alone, existing: int, count: int) -> str:
    """Insert nodes into the service's database, up to a number.

    :param existing: number of nodes in it.
    :returns: the uuid of one of the new ones.
    """
    rows = [_row(number) for number in range(existing, count)]
    engine = sa.create_engine(service.rows)
    with engine.begin() as connection:
        connection.execute(sa.insert(Node), rows)
    engine.dispose()
    return str(rows[0]["uuid"])


def compose(count: int, pod_managers: int, latency: float) -> Composed:
    """Compose nodes concurrently, and measure it."""
    with fixtures.Fixture() as setup:
        folder = pathlib.Path(setup.useFixture(fixtures.TempDir()).path)
        systems = -(-count // pod_managers)
        serve = Pods(pod_managers, systems, latency, expand=True, assemble=0.0)
        pods = Process(serve, folder / "pods.log")
        setup.addCleanup(pods.kill)
        service = setup.useFixture(Alone())
        service.register(pods.call("urls"))
        service.request("GET", "/v1/systems?refresh=true&limit=1")
        pods.call("collect")
        body = {"properties": {"processor": {"total_cores": 8}}}
        start = time.monotonic()
        with futures.ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(lambda _: service.request("POST", "/v1/nodes", body), range(count)))
        while service.request("GET", "/v1/nodes?state=composing&limit=1")["nodes"]:
            time.sleep(0.1)
        seconds = time.monotonic() - start
        composed = len(service.list_all("/v1/nodes?state=composed"))
        if composed != count:
            raise RuntimeError(f"{composed} of {count} nodes were composed")
        return Composed(count, pod_managers, latency, seconds, pods.call("collect")["requests"])


def _listing(service: Alone, count: int, uuid: str) -> Listing:
    if len(service.list_all("/v1/nodes")) != count:
        raise RuntimeError(f"not all of {count} nodes were listed")
    repetitions = REPETITIONS if count <= 1000 else 3
    seconds = _median(lambda: service.list_all("/v1/nodes"), repetitions)
    start = time.monotonic()
    with futures.ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda _: service.list_all("/v1/nodes"), range(CLIENTS)))
    rate = CLIENTS * count / (time.monotonic() - start)
    one = _median(lambda: service.request("GET", f"/v1/nodes/{uuid}"))
    return Listing(count, seconds, rate, one)


def _median(request: Callable[[], Any], repetitions: int = REPETITIONS) -> float:
    seconds = []
    for _ in range(repetitions):
        start = time.monotonic()
        request()
        seconds.append(time.monotonic() - start)
    return statistics.median(seconds)


def _row(number: int) -> dict[str, Any]:
    """Return the row of a composed node, as a flow leaves it."""
    now = waiting.now()
    interfaces = [
        {"mac": f"52:54:00:00:{number >> 8 & 255:02x}:{number & 255:02x}", "path": "/redfish/v1"}
    ]
    return {
        "uuid": str(uuids.uuid4()),
        "name": f"node-{number}",
        "generation": 1,
        "state": "composed",
        "state_since": now,
        "fingerprint": "-",
        "properties": {"processor": {"total_cores": 8}, "memory": {"capacity_mib": 16384}},
        "allocating": False,
        "path": f"/redfish/v1/Nodes/{number}",
        "system_path": f"/redfish/v1/Systems/{number}",
        "interfaces": interfaces,
        "power_state": "Off",
        "release_requested": False,
        "created_at": now,
        "updated_at": now,
    }


def _ironic_node(number: int) -> dict[str, Any]:
    """Return the body that creates a node in Ironic, as the service sends it."""
    return {
        "driver": "redfish",
        "name": f"node-{number}",
        "driver_info": {"redfish_address": "http://127.0.0.1:9", "redfish_system_id": "/1"},
        "properties": {"cpus": 8, "memory_mb": 16384},
    }
