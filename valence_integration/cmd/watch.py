# SPDX-License-Identifier: Apache-2.0

"""``valence-instance watch``: what becomes of instances, as it happens."""

import argparse
from collections.abc import Sequence
import datetime
import shutil
import time
from typing import Protocol
from typing import TextIO

from cliff import command
from oslo_db import exception as db_errors

from valence_conductor import waiting
from valence_integration import states
from valence_integration.cmd import commands
from valence_integration.cmd import output
from valence_integration.cmd import session
from valence_integration.objects.instance import Instance


class View(Protocol):
    """What the instances are shown on."""

    def show(self, seen: Sequence[Instance]) -> None:
        """Show them as they are now."""


class Watch(command.Command):
    """Show what becomes of instances as it happens: all of them, or those named.

    On a terminal the table refreshes in place; elsewhere every change is a line.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "instances", metavar="<instance>", nargs="*", help="Instances (UUIDs or names)"
        )
        parser.add_argument(
            "--interval",
            type=seconds,
            default=1.0,
            metavar="<seconds>",
            help="How often to look (default: 1)",
        )
        parser.add_argument(
            "--until-settled",
            action="store_true",
            help="End when nothing happens to any of them any more, with status 1 if one is in "
            "error",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Watch until interrupted, or until all is settled."""
        watched = Watched(commands.desk_of(self), parsed_args.instances)
        stream = self.app.stdout
        view: View = Table(stream) if stream.isatty() else Lines(stream)
        try:
            while True:
                seen = watched.look()
                view.show(seen)
                if parsed_args.until_settled and all(it.state in states.SETTLED for it in seen):
                    return int(any(it.state == states.ERROR for it in seen))
                time.sleep(parsed_args.interval)
        except KeyboardInterrupt:
            return 0


class Watched:
    """The instances that are looked at.

    Of all, those that are not deleted, and those that were not when they were
    first seen.

    :param idents: uuids or names; none for all.
    """

    def __init__(self, sat: session.Desk, idents: Sequence[str]) -> None:
        self._desk = sat
        self._named = [sat.find(ident).uuid for ident in idents]
        self._seen: dict[str, Instance] = {}

    def look(self) -> list[Instance]:
        """Read them; as they were, when the database does not answer."""
        try:
            read = [self._desk.instances.get(uuid) for uuid in self._named]
            read = read or self._desk.living()
            now = {it.uuid: it for it in read}
            for uuid, old in self._seen.items():
                if uuid not in now:
                    settled = old.state == states.DELETED
                    now[uuid] = old if settled else self._desk.instances.get(uuid)
        except db_errors.DBError:
            return list(self._seen.values())
        self._seen = now
        return list(now.values())


class Lines:
    """A line for each change, for a file or a pipe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._told: dict[str, str] = {}

    def show(self, seen: Sequence[Instance]) -> None:
        """Write what is new."""
        for it in seen:
            now = line(it)
            if self._told.get(it.uuid) != now:
                self._told[it.uuid] = now
                self._stream.write(f"{waiting.now():%H:%M:%S}  {now}\n")
        self._stream.flush()


class Table:
    """A table that is drawn over itself."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._height = 0

    def show(self, seen: Sequence[Instance]) -> None:
        """Draw it; what does not fit on the terminal is counted."""
        width, height = shutil.get_terminal_size()
        room = max(height - 2, 1)
        lines = [f"{age(it.since):>8}  {line(it)}" for it in seen]
        if len(lines) > room:
            # What is under way is what one watches for.
            moving = [it.state in states.OPERATIONS for it in seen]
            order = sorted(range(len(lines)), key=lambda n: not moving[n])
            hidden = len(lines) - room + 1
            lines = [lines[n] for n in order[: room - 1]] + [f"and {hidden} more"]
        up = f"\x1b[{self._height}F" if self._height else ""
        drawn = "".join(f"{text[: max(width - 1, 1)]}\n" for text in lines)
        self._stream.write(f"{up}\x1b[J{drawn}")
        self._stream.flush()
        self._height = len(lines)


def line(it: Instance) -> str:
    """Say in a line where an instance is."""
    said: list[str | None] = [it.uuid, output.printable(it.name), it.state]
    if it.state in states.OPERATIONS:
        said += [it.task or "waits to be taken up", it.conductor and f"on {it.conductor}"]
    elif it.fault is not None:
        said.append(output.printable(str(it.fault.get("detail") or "")))
    return "  ".join(filter(None, said))


def age(since: datetime.datetime) -> str:
    """Say how long ago something was: ``0:00:07``."""
    passed = max(0, int((waiting.now() - since).total_seconds()))
    return str(datetime.timedelta(seconds=passed))


def seconds(text: str) -> float:
    """Read a number of seconds above zero."""
    value = float(text)
    if not 0.05 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not 0.05 or more")
    return value
