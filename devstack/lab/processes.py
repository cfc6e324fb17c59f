# SPDX-License-Identifier: Apache-2.0

"""Children of a lab: start, wait until they answer, stop.

Every child leads a session of its own, so that a terminal's Ctrl-C reaches the
lab alone and the lab decides the order of the end; a reaper (see
:mod:`devstack.lab.reaper`) ends them should the lab's own process be killed.
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
"""Lines of a dead child's log that its error carries."""

PORTS = range(20000, 32000)
"""Below what the kernel gives to outgoing connections: a free port stays free."""

_given: set[int] = set()


class ProcessFailed(Exception):
    """A child died or did not become ready in time; says so with its last words."""

    def __init__(self, name: str, what: str, log: Path) -> None:
        self.name = name
        self.log = log
        super().__init__(f"{name} {what}. The end of {log}:\n{tail(log)}")


def tail(log: Path, lines: int = TAIL) -> str:
    """Return the last lines of a log file, indented."""
    try:
        text = log.read_text(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        text = []
    return "\n".join(f"    {line}" for line in text) or "    (nothing was written)"


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on; never the same twice."""
    # Of the system's own chance: children of one parent would draw the same ports.
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise RuntimeError(f"no free port of 127.0.0.1 between {PORTS.start} and {PORTS.stop}")


def answers(url: str) -> Callable[[], bool]:
    """Return a readiness check: ``GET url`` is answered with 2xx."""

    def check() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 (our own URL)
                return bool(200 <= answer.status < 300)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    return check


class Reaper:
    """The watchdog of one lab; it outlives the lab by the time it needs to clean."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", reaper.__file__],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def watch(self, pgid: int) -> None:
        """Take a process group in charge."""
        self._tell(f"+{pgid}")

    def forget(self, pgid: int) -> None:
        """Lift the charge: the group has ended, or is meant to stay."""
        self._tell(f"-{pgid}")

    def close(self) -> None:
        """End the reaper, and with it every group still in its charge."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=reaper.GRACE + 5)


class Process:
    """One child process with a log file.

    :param name: what people call it, in progress lines and errors.
    :param argv: the program and its arguments.
    :param log: where its standard output and error go.
    :param ready: readiness check, called until it returns True.
    :param deadline: seconds it has to become ready.
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
        """Return the child's process id, which is its group's and session's too."""
        assert self._child is not None, f"{self.name} was not started"
        return self._child.pid

    def start(self, reaper: Reaper) -> None:
        """Start the child; return at once.

        :raises ProcessFailed: the program cannot be run at all.
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
        """Wait until the child answers; return the seconds that it took.

        :raises ProcessFailed: it died, or the deadline passed.
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
        """Return the exit code, None while the child runs."""
        return None if self._child is None else self._child.poll()

    def leave(self) -> None:
        """Let the child outlive this process."""
        if self._reaper is not None:
            self._reaper.forget(self.pid)
            self._reaper = None

    def stop(self, grace: float = 15.0) -> None:
        """End the child and all it started: politely, then for good. May be repeated."""
        if self._child is None:
            return
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=grace)
        reaper.signal_group(self.pid, signal.SIGKILL)
        self._child.wait()
        self.leave()
        self._child = None

    def kill(self) -> None:
        """End the child and all it started without a word, as a crash would."""
        reaper.signal_group(self.pid, signal.SIGKILL)
        self.stop()
