# SPDX-License-Identifier: Apache-2.0

"""A third-party server, started and stopped by a test."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import fixtures

from devstack.lab import processes

#: Timeout, in seconds, of the start of a server.
PATIENCE = 60.0


#: Below the range for outgoing connections, so that it is free at a restart.
free_port = processes.free_port

#: Folders of distributions with programs that are not in PATH.
FOLDERS = ("usr/lib/postgresql/*/bin", "usr/sbin")


def find(program: str) -> str | None:
    """Return the path of a program, given by name or path; None if it is not installed."""
    path = shutil.which(program)
    for pattern in FOLDERS:
        path = path or next(map(str, pathlib.Path("/").glob(f"{pattern}/{program}")), None)
    return path or (program if pathlib.Path(program).exists() else None)


class Server(fixtures.Fixture):
    """One process that listens on a port of loopback."""

    #: The programs that must be installed.
    needs: tuple[str, ...] = ()

    #: Ends the server when this process ends without doing so.
    _reaper: processes.Reaper | None = None

    @classmethod
    def missing(cls) -> str | None:
        """Return a program that is missing, or None."""
        return next((program for program in cls.needs if find(program) is None), None)

    def _setUp(self) -> None:
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.port = free_port()
        self.start()
        self.addCleanup(self.kill)

    def command(self) -> list[str]:
        """Return the command that starts it in the foreground."""
        raise NotImplementedError

    def start(self) -> None:
        """Start the server, and wait until it listens."""
        words = self.command()
        command = [(find(word) or word) if word in self.needs else word for word in words]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )
        self._watch(self.process.pid)
        deadline = time.monotonic() + PATIENCE
        while not self.listens():
            if self.process.poll() is not None or time.monotonic() > deadline:
                tail = (self.folder / "log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{self.command()[0]} does not listen: {tail}")
            time.sleep(0.05)

    def listens(self) -> bool:
        """Return whether it accepts connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """Kill the server."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self._reaper is not None:
            self._reaper.forget(self.process.pid)

    def _watch(self, pid: int) -> None:
        """End the server with this process, however that ends."""
        if self._reaper is None:
            self._reaper = processes.Reaper()
            self.addCleanup(self._reaper.close)
        self._reaper.watch(pid)
