# SPDX-License-Identifier: Apache-2.0

"""A lab that was left running, to look at: note what runs, tell how to look, stop it."""

import dataclasses
import json
import os
from pathlib import Path
import shutil
import signal
import time

from devstack.lab import lab as labs
from devstack.lab import reaper

LINK = labs.LABS / "demo"
"""Leads to the directory of the lab that was left running."""

NOTE = "processes.json"


@dataclasses.dataclass(frozen=True)
class Kept:
    """A process that runs on: its group, and when it began, should the id be given again."""

    name: str
    pid: int
    began: str

    def runs(self) -> bool:
        """Say whether the process is still the one that was noted."""
        return _began(self.pid) == self.began


def _began(pid: int) -> str:
    """Return when a process began (clock ticks since boot); empty when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state == "Z" else fields[18]


def keep(lab: labs.Lab) -> None:
    """Leave a lab running, and note what is needed to find and to stop it."""
    rc = {
        "VALENCE_ENDPOINT": lab.service.url,
        "OS_AUTH_TYPE": "none",
        "OS_ENDPOINT": lab.ironic.url,
    }
    lines = [f"export {name}={value}\n" for name, value in rc.items()]
    (lab.directory / "rc").write_text("".join(lines))
    notes = [Kept(part.name, part.pid, _began(part.pid)) for part in lab.processes]
    (lab.directory / NOTE).write_text(json.dumps([dataclasses.asdict(note) for note in notes]))
    LINK.unlink(missing_ok=True)
    LINK.symlink_to(lab.directory.name)
    lab.leave()


def running() -> list[Kept]:
    """Return the processes of the kept lab that still run."""
    try:
        notes = json.loads((LINK / NOTE).read_text())
    except OSError:
        return []
    return [kept for kept in (Kept(**note) for note in notes) if kept.runs()]


def stop() -> int:
    """Stop the kept lab and remove its directory; return how many processes ran."""
    found = running()
    for kept in reversed(found):
        os.kill(kept.pid, signal.SIGTERM)
    deadline = time.monotonic() + 15
    while any(kept.runs() for kept in found) and time.monotonic() < deadline:
        time.sleep(0.1)
    for kept in found:
        reaper.signal_group(kept.pid, signal.SIGKILL)
    if LINK.is_symlink():
        shutil.rmtree(LINK.resolve(), ignore_errors=True)
        LINK.unlink()
    return len(found)
