# SPDX-License-Identifier: Apache-2.0

"""``valence-instance list | show | retry | release``."""

import argparse
from collections.abc import Callable
from collections.abc import Sequence
import sys

from cliff import command
from cliff import lister
from cliff import show

from valence_integration import errors
from valence_integration import states
from valence_integration.cmd import output
from valence_integration.cmd import session
from valence_integration.objects.instance import Instance


class ListInstances(lister.Lister):
    """List instances: where each is, since when, who works on it, what went wrong."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--long", action="store_true", help="Show more columns")
        parser.add_argument(
            "--state",
            choices=states.STATES,
            action="append",
            help="Only instances in this state (may be repeated)",
        )
        parser.add_argument("--all", action="store_true", help="Show deleted instances too")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> output.Listed:
        """List them."""
        sat = desk_of(self)
        found = sat.living()
        if parsed_args.all or parsed_args.state:
            found = sat.instances.list(parsed_args.state or states.STATES)
        return output.listed(found, output.LONG_COLUMNS if parsed_args.long else output.COLUMNS)


class ShowInstance(show.ShowOne):
    """Show an instance, and in full why its last operation failed."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("instance", metavar="<instance>", help="Instance (UUID or name)")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[object, ...]]:
        """Show it."""
        return output.shown(desk_of(self).find(parsed_args.instance))


class RetryInstances(lister.Lister):
    """Provision instances anew that are in error and hold nothing any more."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        add_instances(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> output.Listed:
        """Ask for it."""
        sat = desk_of(self)
        found = [sat.find(ident) for ident in parsed_args.instances]
        return ask_for(self, found, sat.provisioner.retry)


class ReleaseInstances(lister.Lister):
    """Destroy instances: out of Ironic, and back to the pool they were composed from."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        add_instances(parser)
        parser.add_argument("--yes", action="store_true", help="Do not ask whether it is meant")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> output.Listed:
        """Make sure, and ask for it."""
        sat = desk_of(self)
        found = [sat.find(ident) for ident in parsed_args.instances]
        if not parsed_args.yes:
            confirm(self, found)
        return ask_for(self, found, sat.provisioner.destroy)


def desk_of(cmd: command.Command) -> session.Desk:
    """Give the desk that the program has for its commands."""
    found: session.Desk = cmd.app.desk  # type: ignore[attr-defined]  # cliff knows no desk
    return found


def add_instances(parser: argparse.ArgumentParser) -> None:
    """Add the instances that a command is about."""
    parser.add_argument(
        "instances", metavar="<instance>", nargs="+", help="Instances (UUIDs or names)"
    )


def confirm(cmd: command.Command, found: Sequence[Instance]) -> None:
    """Ask a person whether these instances are to go.

    :raises InvalidRequest: they are not, or there is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise errors.InvalidRequest("Nobody is there to be asked: say --yes if it is meant.")
    for it in found:
        cmd.app.stderr.write(f"{it.uuid}  {output.printable(it.name)}  {it.state}\n")
    cmd.app.stderr.write("Whatever runs on them is lost. Destroy them? [y/N] ")
    cmd.app.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise errors.InvalidRequest("Nothing was changed.")


def ask_for(
    cmd: command.Command, found: Sequence[Instance], ask: Callable[[str], Instance]
) -> output.Listed:
    """Ask for the same of each; one that is refused does not keep the others from it.

    :raises InvalidRequest: some were refused; each was told on stderr.
    """
    taken, refused = [], []
    for it in found:
        try:
            taken.append(ask(it.uuid))
        except errors.IntegrationError as exc:
            cmd.app.stderr.write(f"{exc}\n")
            refused.append(it)
    if any(it.state in states.OPERATIONS for it in taken):
        cmd.app.stderr.write(f"{desk_of(cmd).taken_up()}\n")
    if refused:
        raise errors.InvalidRequest(f"{len(refused)} of {len(found)} instances were refused.")
    return output.listed(taken)
