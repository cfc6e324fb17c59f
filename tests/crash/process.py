# SPDX-License-Identifier: Apache-2.0

"""Processes forked from a warm one, which receive commands over a pipe.

Everything is imported before the first fork, so that a process costs milliseconds;
the process that forks has one thread, so that a fork is safe.
"""

from collections.abc import Callable
import contextlib
import ctypes
import faulthandler
import json
import os
import pathlib
import select
import signal
import sys
import time
import traceback
from typing import Any

#: Timeout, in seconds, of the result of a command; long, since others use the machine too.
TIMEOUT = 120.0

#: Makes a process write the stacks of its threads to its log.
SHOW_STACKS = signal.SIGUSR1

#: Of prctl(2): send a signal to this process when its parent ends.
PR_SET_PDEATHSIG = 1

Commands = dict[str, Callable[..., Any]]


class ProcessDied(Exception):
    """The process died before it returned a result."""


class CommandFailed(Exception):
    """The command raised an exception in the process."""


class Process:
    """A forked process that runs commands.

    :param main: called in the child; returns its commands. Arguments and results of a
        command are JSON.
    :param log: file for the standard streams of the child.
    """

    def __init__(self, main: Callable[[], Commands], log: pathlib.Path) -> None:
        commands, results = os.pipe(), os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _serve(main, log, commands, results)
        os.close(commands[0])
        os.close(results[1])
        self._to, self._from = commands[1], results[0]
        self._log = log
        self._buffer = b""
        self._is_reaped = False

    def call(self, command: str, *, timeout: float = TIMEOUT, **arguments: Any) -> Any:
        """Run a command, and wait for its result.

        :raises ProcessDied: the process died before.
        :raises CommandFailed: the command raised an exception.
        :raises TimeoutError: there is no result in time.
        """
        self.send(command, **arguments)
        return self.result(timeout)

    def send(self, command: str, **arguments: Any) -> None:
        """Send a command; :meth:`result` waits for its result."""
        line = json.dumps([command, arguments]).encode() + b"\n"
        self._require_living()
        try:
            os.write(self._to, line)
        except BrokenPipeError:
            self._reap()
            raise ProcessDied from None

    def result(self, timeout: float = TIMEOUT) -> Any:
        """Wait for the result of the oldest command that has none yet."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self._buffer:
            self._require_living()
            ready, _, _ = select.select([self._from], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                os.kill(self.pid, SHOW_STACKS)
                raise TimeoutError(f"no result after {timeout} s; its stacks are in {self._log}")
            more = os.read(self._from, 65536)
            if not more:
                self._reap()
                raise ProcessDied
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        result = json.loads(line)
        if "error" in result:
            raise CommandFailed(result["error"])
        return result["result"]

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when there is a result."""
        return self._from

    def is_alive(self) -> bool:
        """Return whether the process is running; reap it when it is not."""
        if not self._is_reaped:
            pid, _ = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._close()
        return not self._is_reaped

    def kill(self) -> None:
        """Kill the process."""
        if not self._is_reaped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._reap()

    def _require_living(self) -> None:
        """Raise the error of a process whose death was noticed, and whose pipes are closed."""
        if self._is_reaped:
            raise ProcessDied

    def _reap(self) -> None:
        if not self._is_reaped:
            os.waitpid(self.pid, 0)
            self._close()

    def _close(self) -> None:
        self._is_reaped = True
        os.close(self._to)
        os.close(self._from)


def _serve(
    main: Callable[[], Commands],
    log: pathlib.Path,
    requests: tuple[int, int],
    results: tuple[int, int],
) -> None:
    """Run the child; never returns.

    :param requests: the pipe of the commands.
    """
    try:
        os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.close(requests[1])
        os.close(results[0])
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1)
        os.dup2(out, 2)
        faulthandler.register(SHOW_STACKS, file=out)
        commands = main()
        with os.fdopen(requests[0], "rb") as lines:
            for line in lines:
                name, arguments = json.loads(line)
                try:
                    result = {"result": commands[name](**arguments)}
                except Exception as exc:
                    traceback.print_exc()
                    result = {"error": f"{type(exc).__name__}: {exc}\n{traceback.format_exc()}"}
                os.write(results[1], json.dumps(result).encode() + b"\n")
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # running threads would delay a regular exit
