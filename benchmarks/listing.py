# SPDX-License-Identifier: Apache-2.0

"""How quickly nodes are listed, beside a real Ironic, and how quickly they are composed."""

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
from valence.objects import node as node_objects
from valence_conductor import waiting

#: How often each request is sent; the median counts.
TIMES = 15

#: Who lists at the same time when the rate is measured.
CROWD = 4

ROOT = pathlib.Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True)
class Listing:
    """One number of nodes.

    :ivar seconds: of listing all of them, page by page.
    :ivar rate: nodes listed in a second by several who ask at the same time.
    :ivar one: seconds of reading one node.
    """

    count: int
    seconds: float
    rate: float
    one: float


@dataclasses.dataclass(frozen=True)
class Took:
    """What a listing took: the median, and seconds of a core of the server's on average."""

    seconds: float
    cpu: float


@dataclasses.dataclass(frozen=True)
class Beside:
    """The same number of nodes listed by both in turns: Ironic's short list, and its details."""

    count: int
    ours: Took
    short: Took
    detailed: Took


@dataclasses.dataclass(frozen=True)
class Composed:
    """Nodes composed at the same time."""

    count: int
    pod_managers: int
    latency: float
    seconds: float
    requests: int


def ours(counts: list[int]) -> list[Listing]:
    """List nodes of a service that has more and more of them."""
    found = []
    with Alone() as service:
        there = 0
        for count in sorted(counts):
            one = _fill(service, there, count)
            found.append(_listing(service, count, one))
            there = count
    return found


def beside(count: int) -> Beside:
    """List nodes of the service and of a real Ironic, one after the other, in turns.

    :raises IronicMissing: there is none to be had here.
    """
    with fixtures.Fixture() as stage:
        folder = pathlib.Path(stage.useFixture(fixtures.TempDir()).path)
        ironic = lab_ironic.Ironic(folder, ROOT / ".lab" / "cache")
        ironic.prepare()
        reaper = processes.Reaper()
        stage.addCleanup(reaper.close)
        ironic.process.start(reaper)
        stage.addCleanup(ironic.process.stop)
        ironic.process.wait_ready()
        # One after the other: its SQLite has one writer at a time.
        for number in range(count):
            alone.ask("POST", f"{ironic.url}/v1/nodes", _enrolled(number))
        service = stage.useFixture(Alone())
        _fill(service, 0, count)
        asked = [
            (f"{service.url}/v1/nodes?limit={count}", service.cpu),
            *(
                (
                    f"{ironic.url}/v1/{path}?limit={count}",
                    lambda: cpu_of_session(ironic.process.pid),
                )
                for path in ("nodes", "nodes/detail")
            ),
        ]
        return Beside(count, *_in_turns(asked, count))


def _in_turns(asked: list[tuple[str, Callable[[], float]]], count: int) -> list[Took]:
    """Send each request again and again, in turns: what disturbs one disturbs the others."""
    taken: list[list[tuple[float, float]]] = [[] for _ in asked]
    for _ in range(TIMES):
        for (url, cpu), times in zip(asked, taken, strict=True):
            used, began = cpu(), time.monotonic()
            found = len(alone.ask("GET", url)["nodes"])
            times.append((time.monotonic() - began, cpu() - used))
            if found != count:
                raise RuntimeError(f"{url} lists {found} nodes instead of {count} in one page")
    return [
        Took(
            statistics.median(seconds for seconds, _ in times),
            statistics.fmean(cpu for _, cpu in times),
        )
        for times in taken
    ]


def _fill(service: Alone, there: int, count: int) -> str:
    """Put nodes into the service's database until there are so many.

    :returns: the uuid of one of them.
    """
    fresh = [_row(number) for number in range(there, count)]
    engine = sa.create_engine(service.rows)
    with engine.begin() as connection:
        connection.execute(sa.insert(node_objects.Node), fresh)
    engine.dispose()
    return str(fresh[0]["uuid"])


def compose(count: int, pod_managers: int, latency: float) -> Composed:
    """Compose nodes at the same time."""
    with fixtures.Fixture() as stage:
        folder = pathlib.Path(stage.useFixture(fixtures.TempDir()).path)
        systems = -(-count // pod_managers)
        serve = Pods(pod_managers, systems, latency, expand=True, assemble=0.0)
        pods = Process(serve, folder / "pods.log")
        stage.addCleanup(pods.kill)
        service = stage.useFixture(Alone())
        service.know(pods.call("where"))
        service.ask("GET", "/v1/systems?refresh=true&limit=1")
        pods.call("take")
        wanted = {"properties": {"processor": {"total_cores": 8}}}
        began = time.monotonic()
        with futures.ThreadPoolExecutor(CROWD) as crowd:
            list(crowd.map(lambda _: service.ask("POST", "/v1/nodes", wanted), range(count)))
        while service.ask("GET", "/v1/nodes?state=composing&limit=1")["nodes"]:
            time.sleep(0.1)
        seconds = time.monotonic() - began
        there = len(service.everything("/v1/nodes?state=composed"))
        if there != count:
            raise RuntimeError(f"{there} of {count} nodes were composed")
        return Composed(count, pod_managers, latency, seconds, pods.call("take")["requests"])


def _listing(service: Alone, count: int, uuid: str) -> Listing:
    if len(service.everything("/v1/nodes")) != count:
        raise RuntimeError(f"not all of {count} nodes were listed")
    times = TIMES if count <= 1000 else 3
    seconds = _median(lambda: service.everything("/v1/nodes"), times)
    began = time.monotonic()
    with futures.ThreadPoolExecutor(CROWD) as crowd:
        list(crowd.map(lambda _: service.everything("/v1/nodes"), range(CROWD)))
    rate = CROWD * count / (time.monotonic() - began)
    one = _median(lambda: service.ask("GET", f"/v1/nodes/{uuid}"))
    return Listing(count, seconds, rate, one)


def _median(ask: Callable[[], Any], times: int = TIMES) -> float:
    taken = []
    for _ in range(times):
        began = time.monotonic()
        ask()
        taken.append(time.monotonic() - began)
    return statistics.median(taken)


def _row(number: int) -> dict[str, Any]:
    """Give the row of a composed node, such as a flow leaves it."""
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


def _enrolled(number: int) -> dict[str, Any]:
    """Give the request for a node of Ironic, such as the service registers it."""
    return {
        "driver": "redfish",
        "name": f"node-{number}",
        "driver_info": {"redfish_address": "http://127.0.0.1:9", "redfish_system_id": "/1"},
        "properties": {"cpus": 8, "memory_mb": 16384},
    }
