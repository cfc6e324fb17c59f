# SPDX-License-Identifier: Apache-2.0

"""Child processes of a lab: start, wait until ready, stop.

Every child leads a session of its own, so that the Ctrl-C of a terminal reaches
only the lab, which decides the order of the shutdown. A reaper (see
:mod:`devstack.lab.reaper`) ends the children when the process of the lab is killed.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import os
from pathlib import Path
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from devstack.lab import reaper

TAIL = 25
"""Number of lines of a child's log in the error about it."""

PORTS = range(20000, 32000)
"""Below the range for outgoing connections, so that a free port stays free."""

_reserved: set[int] = set()


class ProcessFailed(Exception):
    """A child ended, or was not ready in time; the message has the end of its log."""

    def __init__(self, name: str, reason: str, log: Path) -> None:
        self.name = name
        self.log = log
        super().__init__(f"{name} {reason}. The end of {log}:\n{tail(log)}")


def tail(log: Path, lines: int = TAIL) -> str:
    """Return the last lines of a log file, indented."""
    try:
        text = log.read_text(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        text = []
    return "\n".join(f"    {line}" for line in text) or "    (empty)"


def free_port() -> int:
    """Return a free port of 127.0.0.1; never the same twice."""
    # Not seeded: forked children would choose the same ports.
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        if port in _reserved:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _reserved.add(port)
        return port
    raise RuntimeError(f"no free port of 127.0.0.1 between {PORTS.start} and {PORTS.stop}")


def answers(url: str) -> Callable[[], bool]:
    """Return a readiness check: the response to ``GET url`` has a status of 2xx."""

    def check() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 (loopback)
                return bool(200 <= response.status < 300)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    return check


class Reaper:
    """The watchdog of one lab; it ends after it has ended the processes of the lab."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", reaper.__file__],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def watch(self, pgid: int) -> None:
        """End a process group when the owner ends."""
        self._send(f"+{pgid}")

    def forget(self, pgid: int) -> None:
        """Leave a process group alone: it has ended, or runs on."""
        self._send(f"-{pgid}")

    def close(self) -> None:
        """End the reaper, which first ends every group that it still watches."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=reaper.GRACE + 5)


class Process:
    """One child process with a log file.

    :param name: in progress lines and errors.
    :param argv: the program and its arguments.
    :param log: file for its standard output and error.
    :param ready: readiness check, called until it returns True.
    :param deadline: seconds after which it must be ready.
    :param environment: variables added to those of this process.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        log: Path,
        *,
        ready: Callable[[], bool],
        deadline: float = 60.0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.argv = [str(part) for part in argv]
        self.log = log
        self._ready = ready
        self._deadline = deadline
        self._environment = environment
        self._reaper: Reaper | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    @property
    def pid(self) -> int:
        """The child's process id, which is also that of its group and its session."""
        assert self._child is not None, f"{self.name} was not started"
        return self._child.pid

    def start(self, reaper: Reaper) -> None:
        """Start the child; return at once.

        :raises ProcessFailed: the program cannot be executed.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._started = time.monotonic()
        try:
            with self.log.open("ab") as log:
                self._child = subprocess.Popen(
                    self.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=None if self._environment is None else {**os.environ, **self._environment},
                    start_new_session=True,
                )
        except OSError as exc:
            raise ProcessFailed(self.name, f"cannot be started: {exc}", self.log) from exc
        self._reaper = reaper
        reaper.watch(self.pid)

    def wait_ready(self) -> float:
        """Wait until the child is ready; return the seconds since its start.

        :raises ProcessFailed: it ended, or the deadline passed.
        """
        while not self._ready():
            if (code := self.poll()) is not None:
                raise ProcessFailed(self.name, f"ended with {code} before it was ready", self.log)
            if time.monotonic() - self._started > self._deadline:
                raise ProcessFailed(
                    self.name, f"was not ready after {self._deadline:.0f} s", self.log
                )
            time.sleep(0.05)
        return time.monotonic() - self._started

    def poll(self) -> int | None:
        """Return the exit code, or None while the child is running."""
        return None if self._child is None else self._child.poll()

    def detach(self) -> None:
        """Leave the child running when this process ends."""
        if self._reaper is not None:
            self._reaper.forget(self.pid)
            self._reaper = None

    def stop(self, grace: float = 15.0) -> None:
        """End the child and its group: SIGTERM, then SIGKILL. May be repeated.

        :param grace: seconds between the two signals.
        """
        if self._child is None:
            return
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=grace)
        reaper.signal_group(self.pid, signal.SIGKILL)
        self._child.wait()
        self.detach()
        self._child = None

    def kill(self) -> None:
        """Kill the child and its group with SIGKILL, as a crash would."""
        reaper.signal_group(self.pid, signal.SIGKILL)
        self.stop()
