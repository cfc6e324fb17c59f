# SPDX-License-Identifier: Apache-2.0

"""``valence-instance watch``: show the progress of instances."""

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
from valence_integration.cmd.session import Session
from valence_integration.objects.instance import Instance


class View(Protocol):
    """The display of the instances."""

    def show(self, instances: Sequence[Instance]) -> None:
        """Show their present state."""


class Watch(command.Command):
    """Show the progress of instances: all of them, or those named.

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
            help="Time between two refreshes (default: 1)",
        )
        parser.add_argument(
            "--until-settled",
            action="store_true",
            help="Exit when no operation runs on any of them any more, with status 1 if one is "
            "in error",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Refresh until interrupted, or until every instance is settled."""
        selection = Selection(commands.session_of(self), parsed_args.instances)
        stream = self.app.stdout
        view: View = Table(stream) if stream.isatty() else Lines(stream)
        try:
            while True:
                instances = selection.read()
                view.show(instances)
                settled = all(instance.state in states.SETTLED for instance in instances)
                if parsed_args.until_settled and settled:
                    return int(any(instance.state == states.ERROR for instance in instances))
                # Not wait_until: a display has no deadline, its pause never grows, and no
                # conductor can halt it.
                time.sleep(parsed_args.interval)
        except KeyboardInterrupt:
            return 0


class Selection:
    """The instances to watch.

    Without idents: those that are not deleted, and those that were not when they were
    first read.

    :param idents: uuids or names; none for all.
    """

    def __init__(self, session: Session, idents: Sequence[str]) -> None:
        self._session = session
        self._uuids = [session.find(ident).uuid for ident in idents]
        self._previous: dict[str, Instance] = {}

    def read(self) -> list[Instance]:
        """Return the instances; the previous ones when the database does not answer."""
        try:
            named = [self._session.instances.get(uuid) for uuid in self._uuids]
            present = {row.uuid: row for row in named or self._session.not_deleted()}
            for uuid, old in self._previous.items():
                if uuid not in present:
                    is_final = old.state == states.DELETED
                    present[uuid] = old if is_final else self._session.instances.get(uuid)
        except db_errors.DBError:
            return list(self._previous.values())
        self._previous = present
        return list(present.values())


class Lines:
    """A line for each change, for a file or a pipe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._written: dict[str, str] = {}

    def show(self, instances: Sequence[Instance]) -> None:
        """Write the lines that have changed."""
        for instance in instances:
            text = line(instance)
            if self._written.get(instance.uuid) != text:
                self._written[instance.uuid] = text
                self._stream.write(f"{waiting.now():%H:%M:%S}  {text}\n")
        self._stream.flush()


class Table:
    """A table on a terminal, redrawn in place."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._height = 0

    def show(self, instances: Sequence[Instance]) -> None:
        """Redraw the table; lines that do not fit on the terminal are only counted."""
        width, height = shutil.get_terminal_size()
        room = max(height - 2, 1)
        lines = [f"{age(instance.since):>8}  {line(instance)}" for instance in instances]
        if len(lines) > room:
            # Running operations are what an operator watches: they come first.
            running = [instance.state in states.OPERATIONS for instance in instances]
            order = sorted(range(len(lines)), key=lambda n: not running[n])
            hidden = len(lines) - room + 1
            lines = [lines[n] for n in order[: room - 1]] + [f"and {hidden} more"]
        up = f"\x1b[{self._height}F" if self._height else ""
        text = "".join(f"{row[: max(width - 1, 1)]}\n" for row in lines)
        self._stream.write(f"{up}\x1b[J{text}")
        self._stream.flush()
        self._height = len(lines)


def line(instance: Instance) -> str:
    """Return one line with the progress of an instance."""
    parts: list[str | None] = [instance.uuid, output.printable(instance.name), instance.state]
    if instance.state in states.OPERATIONS:
        parts.append(instance.task or "waiting for a conductor")
        parts.append(instance.conductor and f"on {instance.conductor}")
    elif instance.fault is not None:
        parts.append(output.printable(str(instance.fault.get("detail") or "")))
        cleanup = output.cleanup(instance.fault.get("cleanup"))
        parts.append(cleanup and output.printable(cleanup))
    return "  ".join(filter(None, parts))


def age(since: datetime.datetime) -> str:
    """Return the time that has passed since then: ``0:00:07``."""
    passed = max(0, int((waiting.now() - since).total_seconds()))
    return str(datetime.timedelta(seconds=passed))


def seconds(text: str) -> float:
    """Parse a number of seconds above zero.

    :raises ArgumentTypeError: it is less than 0.05, or infinite.
    """
    value = float(text)
    if not 0.05 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not 0.05 or more")
    return value
