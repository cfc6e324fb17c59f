# SPDX-License-Identifier: Apache-2.0

"""End the processes of a lab whose owner has died.

The lab starts one reaper and keeps the write end of a pipe to it. ``+PGID`` on
the pipe makes a process group the reaper's charge, ``-PGID`` lifts it. When the
pipe ends, the owner is gone, however it went: whatever is still in charge is
ended. A parent-death signal would not do, because it follows the thread that
started the child, and reaches no grandchildren.

The standard library alone, so that it starts in some ten milliseconds.
"""

from collections.abc import Iterable
import os
import signal
import sys
import time

GRACE = 5.0
"""Seconds between the polite signal and the last one."""


def signal_group(pgid: int, number: int) -> bool:
    """Send a signal to a process group; False when there is no such group."""
    try:
        os.killpg(pgid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def listen(lines: Iterable[str]) -> set[int]:
    """Follow the owner's lines to the end; return what it left running."""
    charges: set[int] = set()
    for line in lines:
        sign, pgid = line[0], int(line[1:])
        if sign == "+":
            charges.add(pgid)
        else:
            charges.discard(pgid)
    return charges


def end(charges: set[int]) -> None:
    """Terminate process groups, and kill those that do not listen."""
    for pgid in charges:
        signal_group(pgid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while charges and time.monotonic() < deadline:
        time.sleep(0.1)
        charges = {pgid for pgid in charges if signal_group(pgid, 0)}
    for pgid in charges:
        signal_group(pgid, signal.SIGKILL)


if __name__ == "__main__":
    end(listen(sys.stdin))
