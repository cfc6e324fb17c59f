# SPDX-License-Identifier: Apache-2.0

"""Provision instances against peers of a fixed slowness, and say what we cost.

``python -m benchmarks.provision``; what the figures mean is told in
doc/source/contributor/benchmarks.rst.
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
from benchmarks.peers import Peers
from benchmarks.peers import Slow
from tests.crash.process import Process
from tests.servers import boards
from tests.servers import databases
from valence_integration import states

REQUIREMENTS = {"processor": {"total_cores": 8}, "memory": {"capacity_mib": 16384}}

DEPLOY = {"instance_info": {"image_source": "http://127.0.0.1/image"}}

#: Seconds between two looks at what has become of the instances.
LOOK = 0.2

#: Seconds in which all instances must be there.
PATIENCE = 1800.0

#: What overhead at zero contention is still good.
GOAL = 1.10


@dataclasses.dataclass(frozen=True)
class Single:
    """One instance, and nobody else."""

    seconds: float
    taken: figures.Taken

    @property
    def ratio(self) -> float:
        """Total time, by what the peers took of it."""
        return self.seconds / self.taken.together


@dataclasses.dataclass(frozen=True)
class Crowd:
    """Many instances at the same time."""

    conductors: int
    instances: int
    seconds: float
    cpu: float
    taken: figures.Taken


class Stage:
    """One deployment, and peers that nobody else uses."""

    def __init__(
        self, options: argparse.Namespace, postgresql: databases.PostgreSQL, conductors: int
    ) -> None:
        self._options, self._postgresql, self._conductors = options, postgresql, conductors

    def __enter__(self) -> "Stage":
        options = self._options
        self._fixtures = fixtures.Fixture()
        self._fixtures.setUp()
        folder = self._fixtures.useFixture(fixtures.TempDir())
        serve = Peers(
            podm=Slow(options.podm_latency, options.assemble),
            ironic=Slow(options.ironic_latency, options.ironic_state),
            pod_managers=options.pod_managers,
            bays=options.bays,
            systems=options.instances + options.singles + 1,
        )
        self._peers = Process(serve, pathlib.Path(folder.path) / "peers.log")
        self._fixtures.addCleanup(self._peers.kill)
        where = self._peers.call("where")
        deployed = Deployment(self._postgresql, where, self._conductors, options.workers)
        self._deployed = self._fixtures.useFixture(deployed)
        # Whoever is asked first opens connections and learns where things are.
        self._provision(1)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._fixtures.cleanUp()

    def single(self) -> Single:
        """Provision one instance."""
        self._peers.call("take")
        return Single(self._provision(1), figures.taken(self._peers.call("take")))

    def crowd(self, instances: int) -> Crowd:
        """Provision many instances at the same time."""
        self._peers.call("take")
        cpu = self._deployed.cpu()
        seconds = self._provision(instances)
        cpu = self._deployed.cpu() - cpu
        taken = figures.taken(self._peers.call("take"))
        return Crowd(self._conductors, instances, seconds, cpu, taken)

    def _provision(self, instances: int) -> float:
        """Ask for instances, and wait until all are active.

        :returns: seconds from the first request to the moment that the last of
            the rows bears.
        """
        provisioner = self._deployed.provisioner
        began = datetime.datetime.now(datetime.UTC)
        asked = {str(uuids.uuid4()) for _n in range(instances)}
        for uuid in asked:
            provisioner.provision(
                uuid=uuid, name=f"i-{uuid[:8]}", requirements=REQUIREMENTS, deploy=DEPLOY
            )
        deadline = time.monotonic() + PATIENCE
        while True:
            found = [one for one in provisioner.list() if one.uuid in asked]
            failed = [one for one in found if one.state == states.ERROR]
            if failed or time.monotonic() > deadline:
                what = failed[0].fault if failed else "too late"
                raise RuntimeError(f"not provisioned: {what}\n{self._deployed.logs()}")
            if all(one.state == states.ACTIVE for one in found):
                ended = max(one.updated_at or began for one in found)
                return (ended - began).total_seconds()
            time.sleep(LOOK)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 2 when a server that it needs is not installed."""
    options = parser().parse_args(argv)
    for server in (boards.Redis, databases.PostgreSQL):
        missing = server.missing()
        if missing:
            needs = "needs Redis and PostgreSQL (packages redis-server and postgresql)"
            print(f"{missing} is not installed: the benchmark {needs}", file=sys.stderr)
            return 2
    logging.disable(logging.INFO)
    singles: list[Single] = []
    crowds: list[Crowd] = []
    with databases.PostgreSQL() as postgresql:
        for conductors in options.conductors:
            with Stage(options, postgresql, conductors) as stage:
                if not crowds:
                    singles = [stage.single() for _n in range(options.singles)]
                crowds.append(stage.crowd(options.instances))
    show(options, singles, crowds)
    return 0


def show(options: argparse.Namespace, singles: list[Single], crowds: list[Crowd]) -> None:
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
    out.print(_crowds(options, crowds))


def _singles(singles: list[Single]) -> table.Table:
    made = table.Table(title=f"One instance, zero contention (goal: at most {GOAL})")
    for heading in ("", "total s", "pod manager s", "Ironic s", "peers s", "ratio"):
        made.add_column(heading, justify="right")
    made.add_column("requests to pod manager, Ironic", justify="right")
    for number, one in enumerate(singles, 1):
        taken = one.taken
        seconds = (one.seconds, taken.podm, taken.ironic, taken.together)
        requests = f"{taken.podm_requests}, {taken.ironic_requests}"
        cells = [f"{each:.2f}" for each in seconds]
        made.add_row(str(number), *cells, f"{one.ratio:.3f}", requests)
    ratio = statistics.median(one.ratio for one in singles)
    made.add_row("median", "", "", "", "", f"{ratio:.3f}", "", end_section=True)
    return made


def _crowds(options: argparse.Namespace, crowds: list[Crowd]) -> table.Table:
    made = table.Table(title=f"{options.instances} instances, {options.workers} workers each")
    headings = ("conductors", "total s", "instances/min", "speed-up", "of the pods' limit")
    for heading in (*headings, "requests each: podm", "Ironic", "our CPU s each"):
        made.add_column(heading, justify="right")
    limit = options.pod_managers * options.bays / options.assemble if options.assemble else 0.0
    for one in crowds:
        rate = one.instances / one.seconds
        made.add_row(
            str(one.conductors),
            f"{one.seconds:.1f}",
            f"{rate * 60:.1f}",
            f"{crowds[0].seconds / one.seconds:.2f}",
            f"{rate / limit:.0%}" if limit else "-",
            f"{one.taken.podm_requests / one.instances:.1f}",
            f"{one.taken.ironic_requests / one.instances:.1f}",
            f"{one.cpu / one.instances:.2f}",
        )
    return made


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.provision",
        description="Provision instances through several conductors, against peers of a fixed "
        "slowness, and print what we cost.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = made.add_argument
    add("--instances", type=int, default=24, help="at the same time")
    add("--conductors", type=int, nargs="+", default=[1, 2, 4], help="numbers of processes")
    add("--workers", type=int, default=2, help="instances that each conductor does at a time")
    add("--singles", type=int, default=3, help="instances one after the other, to begin with")
    add("--pod-managers", type=int, default=2, help="how many there are")
    add("--bays", type=int, default=8, help="nodes that a pod manager assembles at a time")
    add("--podm-latency", type=float, default=0.03, help="seconds of a request")
    add("--assemble", type=float, default=6.0, help="seconds to assemble a node")
    add("--ironic-latency", type=float, default=0.03, help="seconds of a request")
    add("--ironic-state", type=float, default=3.0, help="seconds of a change of state")
    return made


if __name__ == "__main__":
    sys.exit(main())
