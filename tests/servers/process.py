# SPDX-License-Identifier: Apache-2.0

"""A server of somebody else's, started and stopped by a test."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import fixtures

from devstack.lab import processes

#: Seconds that a server may take to listen.
PATIENCE = 60.0


#: One below those of outgoing connections, so that it is there at a restart.
free_port = processes.free_port

#: Where distributions keep programs that are on nobody's path.
FOLDERS = ("usr/lib/postgresql/*/bin", "usr/sbin")


def find(program: str) -> str | None:
    """Find a program, by its name or its path; None if it is not installed."""
    found = shutil.which(program)
    for pattern in FOLDERS:
        found = found or next(map(str, pathlib.Path("/").glob(f"{pattern}/{program}")), None)
    return found or (program if pathlib.Path(program).exists() else None)


class Server(fixtures.Fixture):
    """One process that listens on a port of loopback."""

    #: The programs that must be installed, and the package that brings them.
    needs: tuple[str, ...] = ()

    #: What ends it when this process dies before it can.
    _reaper: processes.Reaper | None = None

    @classmethod
    def missing(cls) -> str | None:
        """Say which program is missing; None if none is."""
        return next((program for program in cls.needs if find(program) is None), None)

    def _setUp(self) -> None:
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.port = free_port()
        self.start()
        self.addCleanup(self.kill)

    def command(self) -> list[str]:
        """Give the command that starts it in the foreground."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it, and wait until it listens."""
        words = self.command()
        command = [(find(word) or word) if word in self.needs else word for word in words]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )
        self._charge(self.process.pid)
        deadline = time.monotonic() + PATIENCE
        while not self.listens():
            if self.process.poll() is not None or time.monotonic() > deadline:
                tail = (self.folder / "log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{self.command()[0]} does not listen: {tail}")
            time.sleep(0.05)

    def listens(self) -> bool:
        """Tell whether it takes connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End it at once."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self._reaper is not None:
            self._reaper.forget(self.process.pid)

    def _charge(self, pid: int) -> None:
        """Have the server ended with this process, however that ends."""
        if self._reaper is None:
            self._reaper = processes.Reaper()
            self.addCleanup(self._reaper.close)
        self._reaper.watch(pid)
