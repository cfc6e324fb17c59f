# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

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
from benchmarks.pods import Pods
from devstack.lab import ironic as lab_ironic
from devstack.lab import processes
from tests.crash.process import Process
from valence.objects import node as nodes
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
class Theirs:
    """What Ironic took for the same number of nodes: its short list, and with details."""

    count: int
    short: float
    detailed: float


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
        engine = sa.create_engine(service.rows)
        there = 0
        for count in sorted(counts):
            fresh = [_row(number) for number in range(there, count)]
            with engine.begin() as connection:
                connection.execute(sa.insert(nodes.Node), fresh)
            there = count
            found.append(_listing(service, count, fresh[0]["uuid"]))
        engine.dispose()
    return found


def theirs(count: int) -> Theirs:
    """List nodes of a real Ironic.

    :raises IronicMissing: there is none to be had here.
    """
    with fixtures.TempDir() as folder:
        server = lab_ironic.Ironic(pathlib.Path(folder.path), ROOT / ".lab" / "cache")
        server.prepare()
        reaper = processes.Reaper()
        server.process.start(reaper)
        try:
            server.process.wait_ready()
            with futures.ThreadPoolExecutor(CROWD) as crowd:
                list(crowd.map(lambda number: _enroll(server.url, number), range(count)))
            short = f"{server.url}/v1/nodes?limit={count}"
            detailed = f"{server.url}/v1/nodes/detail?limit={count}"
            if len(alone.ask("GET", short)["nodes"]) != count:
                raise RuntimeError("Ironic does not list all of its nodes in one page")
            return Theirs(
                count,
                _median(lambda: alone.ask("GET", short)),
                _median(lambda: alone.ask("GET", detailed)),
            )
        finally:
            server.process.stop()
            reaper.close()


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


def _enroll(url: str, number: int) -> None:
    body = {"driver": "redfish", "name": f"node-{number}"}
    alone.ask("POST", f"{url}/v1/nodes", body)
