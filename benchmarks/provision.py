# SPDX-License-Identifier: Apache-2.0

"""Provision instances against peers with fixed latencies, and print the overhead.

``python -m benchmarks.provision``; doc/source/contributor/benchmarks.rst explains the
figures.
"""

import argparse
from collections.abc import Sequence
import dataclasses
import datetime
import logging
import os
import pathlib
import statistics
import sys
import time
import uuid as uuids

import fixtures
from rich import console
from rich import table

from benchmarks import figures
from benchmarks.deployment import Deployment
from benchmarks.peers import Latency
from benchmarks.peers import Peers
from tests.crash.process import Process
from tests.servers import boards
from tests.servers import databases
from valence_integration import states

REQUIREMENTS = {"processor": {"total_cores": 8}, "memory": {"capacity_mib": 16384}}

DEPLOY = {"instance_info": {"image_source": "http://127.0.0.1/image"}}

#: Seconds between two polls of the instances.
POLL_INTERVAL = 0.2

#: Timeout, in seconds, of all instances.
TIMEOUT = 1800.0

#: The goal for the overhead without contention: at most this ratio.
GOAL = 1.10


@dataclasses.dataclass(frozen=True)
class Single:
    """One instance, without contention."""

    seconds: float
    peers: figures.PeerTime

    @property
    def ratio(self) -> float:
        """Total time divided by the time during which a peer was busy."""
        return self.seconds / self.peers.any_peer


@dataclasses.dataclass(frozen=True)
class Concurrent:
    """Many instances at the same time."""

    conductors: int
    instances: int
    seconds: float
    cpu: float
    peers: figures.PeerTime


class Setup:
    """One deployment, with peers of its own."""

    def __init__(
        self, options: argparse.Namespace, postgresql: databases.PostgreSQL, conductors: int
    ) -> None:
        self._options, self._postgresql, self._conductors = options, postgresql, conductors

    def __enter__(self) -> "Setup":
        options = self._options
        self._fixtures = fixtures.Fixture()
        self._fixtures.setUp()
        folder = self._fixtures.useFixture(fixtures.TempDir())
        serve = Peers(
            podm=Latency(options.podm_latency, options.assemble),
            ironic=Latency(options.ironic_latency, options.ironic_state),
            pod_managers=options.pod_managers,
            bays=options.bays,
            systems=options.instances + options.singles + 1,
        )
        self._peers = Process(serve, pathlib.Path(folder.path) / "peers.log")
        self._fixtures.addCleanup(self._peers.kill)
        urls = self._peers.call("urls")
        self._deployment = self._fixtures.useFixture(
            Deployment(self._postgresql, urls, self._conductors, options.workers)
        )
        # The first instance is not measured: it opens connections and fills caches.
        self._provision(1)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._fixtures.cleanUp()

    def single(self) -> Single:
        """Provision one instance."""
        self._peers.call("collect")
        return Single(self._provision(1), figures.peer_time(self._peers.call("collect")))

    def concurrent(self, instances: int) -> Concurrent:
        """Provision many instances at the same time."""
        self._peers.call("collect")
        cpu = self._deployment.cpu()
        seconds = self._provision(instances)
        cpu = self._deployment.cpu() - cpu
        peers = figures.peer_time(self._peers.call("collect"))
        return Concurrent(self._conductors, instances, seconds, cpu, peers)

    def _provision(self, instances: int) -> float:
        """Request instances, and wait until all are active.

        :returns: seconds from the first request to the latest ``updated_at`` of the rows.
        :raises RuntimeError: an instance failed, or the timeout passed.
        """
        provisioner = self._deployment.provisioner
        start = datetime.datetime.now(datetime.UTC)
        requested = {str(uuids.uuid4()) for _n in range(instances)}
        for uuid in requested:
            provisioner.provision(
                uuid=uuid, name=f"i-{uuid[:8]}", requirements=REQUIREMENTS, deploy=DEPLOY
            )
        deadline = time.monotonic() + TIMEOUT
        while True:
            rows = [instance for instance in provisioner.list() if instance.uuid in requested]
            failed = [instance for instance in rows if instance.state == states.ERROR]
            if failed or time.monotonic() > deadline:
                reason = failed[0].fault if failed else f"not active after {TIMEOUT} s"
                raise RuntimeError(f"not provisioned: {reason}\n{self._deployment.logs()}")
            if all(instance.state == states.ACTIVE for instance in rows):
                end = max(instance.updated_at or start for instance in rows)
                return (end - start).total_seconds()
            time.sleep(POLL_INTERVAL)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return 2 when a server that it needs is not installed."""
    options = parser().parse_args(argv)
    for server in (boards.Redis, databases.PostgreSQL):
        missing = server.missing()
        if missing:
            needs = "needs Redis and PostgreSQL (packages redis-server and postgresql)"
            print(f"{missing} is not installed: the benchmark {needs}", file=sys.stderr)
            return 2
    logging.disable(logging.INFO)
    singles: list[Single] = []
    results: list[Concurrent] = []
    with databases.PostgreSQL() as postgresql:
        for conductors in options.conductors:
            with Setup(options, postgresql, conductors) as setup:
                if not results:
                    singles = [setup.single() for _n in range(options.singles)]
                results.append(setup.concurrent(options.instances))
    show(options, singles, results)
    return 0


def show(options: argparse.Namespace, singles: list[Single], results: list[Concurrent]) -> None:
    """Print the figures."""
    out = console.Console(width=None if sys.stdout.isatty() else 110)
    out.print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; a pod manager takes "
        f"{options.podm_latency:g} s a request and {options.assemble:g} s to assemble, "
        f"{options.bays} at a time; Ironic {options.ironic_latency:g} s a request and "
        f"{options.ironic_state:g} s a change of state",
        highlight=False,
    )
    if singles:
        out.print(_singles(singles))
    out.print(_concurrent_table(options, results))


def _singles(singles: list[Single]) -> table.Table:
    rows = table.Table(title=f"One instance, no contention (goal: at most {GOAL})")
    for heading in ("", "total s", "pod manager s", "Ironic s", "peers s", "ratio"):
        rows.add_column(heading, justify="right")
    rows.add_column("requests to pod manager, Ironic", justify="right")
    for number, single in enumerate(singles, 1):
        peers = single.peers
        seconds = (single.seconds, peers.podm, peers.ironic, peers.any_peer)
        requests = f"{peers.podm_requests}, {peers.ironic_requests}"
        cells = [f"{each:.2f}" for each in seconds]
        rows.add_row(str(number), *cells, f"{single.ratio:.3f}", requests)
    ratio = statistics.median(single.ratio for single in singles)
    rows.add_row("median", "", "", "", "", f"{ratio:.3f}", "", end_section=True)
    return rows


def _concurrent_table(options: argparse.Namespace, results: list[Concurrent]) -> table.Table:
    rows = table.Table(title=f"{options.instances} instances, {options.workers} workers each")
    headings = ("conductors", "total s", "instances/min", "speed-up", "of the pods' limit")
    for heading in (*headings, "requests each: podm", "Ironic", "Valence CPU s each"):
        rows.add_column(heading, justify="right")
    limit = options.pod_managers * options.bays / options.assemble if options.assemble else 0.0
    for result in results:
        rate = result.instances / result.seconds
        rows.add_row(
            str(result.conductors),
            f"{result.seconds:.1f}",
            f"{rate * 60:.1f}",
            f"{results[0].seconds / result.seconds:.2f}",
            f"{rate / limit:.0%}" if limit else "-",
            f"{result.peers.podm_requests / result.instances:.1f}",
            f"{result.peers.ironic_requests / result.instances:.1f}",
            f"{result.cpu / result.instances:.2f}",
        )
    return rows


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    cli = argparse.ArgumentParser(
        prog="python -m benchmarks.provision",
        description="Provision instances through several conductors, against peers with fixed "
        "latencies, and print the overhead.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = cli.add_argument
    add("--instances", type=int, default=24, help="at the same time")
    add("--conductors", type=int, nargs="+", default=[1, 2, 4], help="numbers of processes")
    add("--workers", type=int, default=2, help="instances of each conductor at a time")
    add("--singles", type=int, default=3, help="instances one after the other, before the others")
    add("--pod-managers", type=int, default=2, help="number of pod managers")
    add("--bays", type=int, default=8, help="nodes that a pod manager assembles at a time")
    add("--podm-latency", type=float, default=0.03, help="seconds of a request")
    add("--assemble", type=float, default=6.0, help="seconds to assemble a node")
    add("--ironic-latency", type=float, default=0.03, help="seconds of a request")
    add("--ironic-state", type=float, default=3.0, help="seconds of a change of state")
    return cli


if __name__ == "__main__":
    sys.exit(main())
