# SPDX-License-Identifier: Apache-2.0

"""Valence as an operator runs it on many machines, on one.

valence-api only takes requests: its flows are posted to the jobboard, as are those
of the plugin, and valence-conductor processes do all the work. Rows and flows are
in PostgreSQL, the jobboard is Redis, and every option that has a bearing on speed
has its default, except for the number of workers.
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

#: Seconds in which a process must be ready.
PATIENCE = 60.0

#: command -> its module.
COMMANDS = {
    "valence-dbsync": "valence.cmd.dbsync",
    "valence-api": "valence.cmd.api",
    "valence-conductor": "valence_conductor.cmd.conductor",
}

FILE = """\
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

ONLY_SUBMITS = "[conductor]\nworkers = 0\n"


class Deployment(fixtures.Fixture):
    """valence-api and so many conductors, with a jobboard and databases of their own.

    :param where: of the peers: the URL of ``ironic``, and those of ``podms``.
    :param workers: flows of each ledger that each conductor runs at a time.
    """

    def __init__(
        self,
        postgresql: databases.PostgreSQL,
        where: dict[str, Any],
        conductors: int,
        workers: int,
    ) -> None:
        self._postgresql = postgresql
        self._where = where
        self._conductors = conductors
        self._workers = workers

    def _setUp(self) -> None:
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.port = process.free_port()
        self._running: list[subprocess.Popen[bytes]] = []
        self.addCleanup(self._end)
        self._write()
        self._run("valence-dbsync", "upgrade").wait(PATIENCE)
        self.provisioner = self._plugin()
        api = self._run("valence-api", "--config-file", str(self.folder / "submits.conf"))
        self._until_it_answers(api)
        for number, url in enumerate(self._where["podms"]):
            access = {"username": "admin", "password": "admin"}
            body = {"name": f"pod-{number}", "url": url, **access}
            peers.ask("POST", f"http://127.0.0.1:{self.port}/v1/podmanagers", body)
        conductors = [self._run("valence-conductor") for _n in range(self._conductors)]
        self.ours = [api, *conductors]

    def cpu(self) -> float:
        """Tell how many seconds of a core our processes have used."""
        return sum(cpu_of(one.pid) for one in self.ours)

    def _write(self) -> None:
        name = self.folder.name.lower()
        board = self.useFixture(boards.Redis()).url
        for kind in KINDS:
            self._postgresql.create(f"{name}-{kind}")
        text = FILE.format(
            folder=self.folder,
            port=self.port,
            board=board,
            workers=self._workers,
            ironic=self._where["ironic"],
            **{kind: self._postgresql.url(f"{name}-{kind}") for kind in KINDS},
        )
        (self.folder / "valence.conf").write_text(text)
        (self.folder / "submits.conf").write_text(ONLY_SUBMITS)

    def _plugin(self) -> Provisioner:
        """Take requests for instances in this process, as a hook of Nova's does."""
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
            one = subprocess.Popen(
                [sys.executable, "-m", COMMANDS[command], "--config-file", file, *arguments],
                stdout=out,
                stderr=out,
            )
        self._running.append(one)
        return one

    def _until_it_answers(self, api: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                peers.ask("GET", f"http://127.0.0.1:{self.port}/healthcheck")
            except OSError:
                if api.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"valence-api does not answer: {self.logs()}") from None
                time.sleep(0.1)
            else:
                return

    def logs(self) -> str:
        """Give the end of every log."""
        tails = [file.read_text()[-1500:] for file in sorted(self.folder.glob("*.log"))]
        return "\n".join(tails)

    def _end(self) -> None:
        for one in self._running:
            if one.poll() is None:
                one.terminate()
        for one in self._running:
            try:
                one.wait(20)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()


KINDS: Sequence[str] = ("rows", "flows", "instances")


def cpu_of(pid: int) -> float:
    """Read the processor time of a process: fields 14 and 15 of proc(5)."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def starved(pid: int) -> float:
    """Read for how long the threads of a process were ready, and had no processor, seconds.

    All that live now, together: field 2 of schedstat (Linux, sched-stats.rst).
    """
    nanoseconds = 0
    for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # it ended just now
            nanoseconds += int(stat.read_text().split()[1])
    return nanoseconds / 1e9


def cpu_of_session(leader: int) -> float:
    """Read the processor time of all processes of a session: field 6 of proc(5) names it."""
    seconds = 0.0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended just now
            if int(stat.read_text().rpartition(")")[2].split()[3]) == leader:
                seconds += cpu_of(int(stat.parent.name))
    return seconds
