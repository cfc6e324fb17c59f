# SPDX-License-Identifier: Apache-2.0

"""Processes that are forked off a warm one, and told over a pipe what to do.

Everything is imported before the first fork, so that a process costs
milliseconds; whoever forks has one thread, so that a fork is safe.
"""

from collections.abc import Callable
import contextlib
import ctypes
import json
import os
import pathlib
import select
import signal
import sys
import time
import traceback
from typing import Any

#: Seconds in which a command must have been answered.
PATIENCE = 30.0

#: Of prctl(2): a signal to this process when its parent dies.
PR_SET_PDEATHSIG = 1

Commands = dict[str, Callable[..., Any]]


class Died(Exception):
    """The process died before it answered."""


class Failed(Exception):
    """The process answered that a command failed."""


class Process:
    """A forked process that obeys commands.

    :param main: called in the child with the directory of its log; gives its
        commands. A command's arguments and its answer are JSON.
    :param log: file for what the child writes to its standard streams.
    """

    def __init__(self, main: Callable[[], Commands], log: pathlib.Path) -> None:
        self._ask, asked = os.pipe(), os.pipe()
        self._answers = asked
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _serve(main, log, self._ask, asked)
        os.close(self._ask[0])
        os.close(asked[1])
        self._to, self._from = self._ask[1], asked[0]
        self._buffer = b""
        self.dead = False

    def call(self, command: str, *, patience: float = PATIENCE, **arguments: Any) -> Any:
        """Have a command done, and wait for its answer.

        :raises Died: the process died before it answered.
        :raises Failed: the command raised.
        """
        self.send(command, **arguments)
        return self.answer(patience)

    def send(self, command: str, **arguments: Any) -> None:
        """Have a command done; :meth:`answer` waits for what comes of it."""
        line = json.dumps([command, arguments]).encode() + b"\n"
        try:
            os.write(self._to, line)
        except BrokenPipeError:
            self._reap()
            raise Died from None

    def answer(self, patience: float = PATIENCE) -> Any:
        """Wait for the answer to the oldest command that has none yet."""
        deadline = time.monotonic() + patience
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError("no answer")
            more = os.read(self._from, 65536)
            if not more:
                self._reap()
                raise Died
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer = json.loads(line)
        if "failed" in answer:
            raise Failed(answer["failed"])
        return answer["done"]

    def fileno(self) -> int:
        """Give what becomes readable when there is an answer."""
        return self._from

    def alive(self) -> bool:
        """Tell whether it lives; one that does not is buried."""
        if not self.dead:
            pid, _ = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._close()
        return not self.dead

    def kill(self) -> None:
        """Kill it."""
        if not self.dead:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._reap()

    def _reap(self) -> None:
        if not self.dead:
            os.waitpid(self.pid, 0)
            self._close()

    def _close(self) -> None:
        self.dead = True
        os.close(self._to)
        os.close(self._from)


def _serve(
    main: Callable[[], Commands], log: pathlib.Path, ask: tuple[int, int], answers: tuple[int, int]
) -> None:
    """Be the child: never returns."""
    try:
        os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.close(ask[1])
        os.close(answers[0])
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1)
        os.dup2(out, 2)
        commands = main()
        with os.fdopen(ask[0], "rb") as lines:
            for line in lines:
                name, arguments = json.loads(line)
                try:
                    answer = {"done": commands[name](**arguments)}
                except Exception as exc:
                    traceback.print_exc()
                    answer = {"failed": f"{type(exc).__name__}: {exc}"}
                os.write(answers[1], json.dumps(answer).encode() + b"\n")
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # threads in the middle of something would keep it
