# SPDX-License-Identifier: Apache-2.0

"""A deployment of Valence for many machines, on one machine.

valence-api only submits: its flows are posted to the jobboard, as are those of the
plugin, and valence-conductor processes run all of them. Rows and flows are in
PostgreSQL, the jobboard is Redis, and every option that affects speed has its
default, except for the number of workers.
"""

from collections.abc import Sequence
import contextlib
import os
import pathlib
import subprocess
import sys
import time
from typing import Any

import fixtures
from oslo_config import cfg
from oslo_log import log

from tests.crash import peers
from tests.servers import boards
from tests.servers import databases
from tests.servers import process
from valence_integration import conf as integration_conf
from valence_integration.provisioner import Provisioner

#: Timeout, in seconds, of the start of each process.
TIMEOUT = 60.0

#: command -> its module.
COMMANDS = {
    "valence-dbsync": "valence.cmd.dbsync",
    "valence-api": "valence.cmd.api",
    "valence-conductor": "valence_conductor.cmd.conductor",
}

CONFIG = """\
[inventory]
interval = 0
[DEFAULT]
state_path = {folder}
port = {port}
default_log_levels = taskflow=WARNING
[database]
connection = {rows}
[conductor]
connection = {flows}
jobboard = {board}
workers = {workers}
[valence_integration]
state_path = {folder}
connection = {instances}
[valence]
endpoint_override = http://127.0.0.1:{port}
auth_type = none
[ironic]
endpoint_override = {ironic}
auth_type = none
"""

SUBMIT_ONLY = "[conductor]\nworkers = 0\n"


class Deployment(fixtures.Fixture):
    """valence-api and conductors, with a jobboard and databases of their own.

    :param urls: of the peers: that of ``ironic``, and those of ``podms``.
    :param conductors: number of processes.
    :param workers: flows of each ledger that each conductor runs at a time.
    """

    def __init__(
        self,
        postgresql: databases.PostgreSQL,
        urls: dict[str, Any],
        conductors: int,
        workers: int,
    ) -> None:
        self._postgresql = postgresql
        self._urls = urls
        self._conductors = conductors
        self._workers = workers

    def _setUp(self) -> None:
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.port = process.free_port()
        self._running: list[subprocess.Popen[bytes]] = []
        self.addCleanup(self._stop)
        self._write()
        self._run("valence-dbsync", "upgrade").wait(TIMEOUT)
        self.provisioner = self._plugin()
        api = self._run("valence-api", "--config-file", str(self.folder / "submits.conf"))
        self._wait_ready(api)
        for number, url in enumerate(self._urls["podms"]):
            access = {"username": "admin", "password": "admin"}
            body = {"name": f"pod-{number}", "url": url, **access}
            peers.request("POST", f"http://127.0.0.1:{self.port}/v1/podmanagers", body)
        conductors = [self._run("valence-conductor") for _n in range(self._conductors)]
        self.valence_processes = [api, *conductors]

    def cpu(self) -> float:
        """Return the CPU time of valence-api and the conductors, in seconds."""
        return sum(cpu_of(child.pid) for child in self.valence_processes)

    def _write(self) -> None:
        name = self.folder.name.lower()
        board = self.useFixture(boards.Redis()).url
        for kind in KINDS:
            self._postgresql.create(f"{name}-{kind}")
        text = CONFIG.format(
            folder=self.folder,
            port=self.port,
            board=board,
            workers=self._workers,
            ironic=self._urls["ironic"],
            **{kind: self._postgresql.url(f"{name}-{kind}") for kind in KINDS},
        )
        (self.folder / "valence.conf").write_text(text)
        (self.folder / "submits.conf").write_text(SUBMIT_ONLY)

    def _plugin(self) -> Provisioner:
        """Return a provisioner in this process, as the Nova driver has one."""
        conf = cfg.ConfigOpts()
        log.register_options(conf)
        files = [str(self.folder / name) for name in ("valence.conf", "submits.conf")]
        conf([], project="valence", default_config_files=files)
        integration_conf.register_opts(conf)
        provisioner = Provisioner(conf)
        provisioner.start()
        self.addCleanup(provisioner.stop)
        return provisioner

    def _run(self, command: str, *arguments: str) -> subprocess.Popen[bytes]:
        file = str(self.folder / "valence.conf")
        with (self.folder / f"{command}-{len(self._running)}.log").open("wb") as out:
            child = subprocess.Popen(
                [sys.executable, "-m", COMMANDS[command], "--config-file", file, *arguments],
                stdout=out,
                stderr=out,
            )
        self._running.append(child)
        return child

    def _wait_ready(self, api: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                peers.request("GET", f"http://127.0.0.1:{self.port}/healthcheck")
            except OSError:
                if api.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"valence-api does not respond: {self.logs()}") from None
                time.sleep(0.1)
            else:
                return

    def logs(self) -> str:
        """Return the end of every log."""
        tails = [file.read_text()[-1500:] for file in sorted(self.folder.glob("*.log"))]
        return "\n".join(tails)

    def _stop(self) -> None:
        for child in self._running:
            if child.poll() is None:
                child.terminate()
        for child in self._running:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


KINDS: Sequence[str] = ("rows", "flows", "instances")


def cpu_of(pid: int) -> float:
    """Return the CPU time of a process, in seconds: fields 14 and 15 of proc(5)."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def starved(pid: int) -> float:
    """Return for how many seconds the threads of a process were ready, but had no processor.

    The sum over its current threads: field 2 of schedstat (Linux, sched-stats.rst).
    """
    nanoseconds = 0
    for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # it has just ended
            nanoseconds += int(stat.read_text().split()[1])
    return nanoseconds / 1e9


def cpu_of_session(leader: int) -> float:
    """Return the CPU time of all processes of a session: field 6 of proc(5) names it."""
    seconds = 0.0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            if int(stat.read_text().rpartition(")")[2].split()[3]) == leader:
                seconds += cpu_of(int(stat.parent.name))
    return seconds
