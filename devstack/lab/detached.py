# SPDX-License-Identifier: Apache-2.0

"""A lab that runs on without its process: record its processes, find them, stop them."""

import dataclasses
import json
import os
from pathlib import Path
import shutil
import signal
import time

from devstack.lab import reaper
from devstack.lab.lab import Lab
from devstack.lab.lab import LABS

LINK = LABS / "demo"
"""Link to the directory of the detached lab."""

RECORD = "processes.json"


@dataclasses.dataclass(frozen=True)
class DetachedProcess:
    """A process that runs on.

    :ivar pid: its id, which is also that of its group.
    :ivar start: as :func:`_start_time` returned it; an id can be reused.
    """

    name: str
    pid: int
    start: str

    def is_running(self) -> bool:
        """Return whether the recorded process is still running."""
        return _start_time(self.pid) == self.start


def _start_time(pid: int) -> str:
    """Return the start of a process (clock ticks since boot); empty when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state == "Z" else fields[18]


def detach(lab: Lab) -> None:
    """Leave a lab running, and record how to find and to stop it."""
    rc = {
        "VALENCE_ENDPOINT": lab.service.url,
        "OS_AUTH_TYPE": "none",
        "OS_ENDPOINT": lab.ironic.url,
    }
    lines = [f"export {name}={value}\n" for name, value in rc.items()]
    (lab.directory / "rc").write_text("".join(lines))
    processes = [
        DetachedProcess(process.name, process.pid, _start_time(process.pid))
        for process in lab.processes
    ]
    record = json.dumps([dataclasses.asdict(process) for process in processes])
    (lab.directory / RECORD).write_text(record)
    LINK.unlink(missing_ok=True)
    LINK.symlink_to(lab.directory.name)
    lab.detach()


def running() -> list[DetachedProcess]:
    """Return the processes of the detached lab that are still running."""
    try:
        record = json.loads((LINK / RECORD).read_text())
    except OSError:
        return []
    processes = [DetachedProcess(**fields) for fields in record]
    return [process for process in processes if process.is_running()]


def stop() -> int:
    """Stop the detached lab and remove its directory; return the number of its processes."""
    processes = running()
    for process in reversed(processes):
        os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + 15
    while any(process.is_running() for process in processes) and time.monotonic() < deadline:
        time.sleep(0.1)
    for process in processes:
        reaper.signal_group(process.pid, signal.SIGKILL)
    if LINK.is_symlink():
        shutil.rmtree(LINK.resolve(), ignore_errors=True)
        LINK.unlink()
    return len(processes)
