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
from valence_integration.cmd.session import Session
from valence_integration.objects.instance import Instance


class ListInstances(lister.Lister):
    """List instances: their state, since when, their conductor, their last error."""

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

    def take_action(self, parsed_args: argparse.Namespace) -> output.Table:
        """Return the columns and rows."""
        session = session_of(self)
        if parsed_args.all or parsed_args.state:
            instances = session.instances.list(parsed_args.state or states.STATES)
        else:
            instances = session.not_deleted()
        columns = output.LONG_COLUMNS if parsed_args.long else output.COLUMNS
        return output.table(instances, columns)


class ShowInstance(show.ShowOne):
    """Show an instance, with the full reason why its last operation failed."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("instance", metavar="<instance>", help="Instance (UUID or name)")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[object, ...]]:
        """Return the names and values of the fields."""
        return output.details(session_of(self).find(parsed_args.instance))


class RetryInstances(lister.Lister):
    """Provision instances again that are in error and hold no resources any more."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        add_instances(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> output.Table:
        """Submit the requests."""
        session = session_of(self)
        instances = [session.find(ident) for ident in parsed_args.instances]
        return submit(self, instances, session.provisioner.retry)


class ReleaseInstances(lister.Lister):
    """Destroy instances: remove them from Ironic, release their hardware to the pool."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        add_instances(parser)
        parser.add_argument("--yes", action="store_true", help="Do not ask for confirmation")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> output.Table:
        """Submit the requests after confirmation."""
        session = session_of(self)
        instances = [session.find(ident) for ident in parsed_args.instances]
        if not parsed_args.yes:
            confirm(self, instances)
        return submit(self, instances, session.provisioner.destroy)


def session_of(cmd: command.Command) -> Session:
    """Return the session that the program opened for its commands."""
    session: Session = cmd.app.session  # type: ignore[attr-defined]  # cliff knows no session
    return session


def add_instances(parser: argparse.ArgumentParser) -> None:
    """Add the argument for one or more instances."""
    parser.add_argument(
        "instances", metavar="<instance>", nargs="+", help="Instances (UUIDs or names)"
    )


def confirm(cmd: command.Command, instances: Sequence[Instance]) -> None:
    """Ask the operator at the terminal whether to destroy these instances.

    :raises InvalidRequest: the operator declined, or there is no terminal.
    """
    if not sys.stdin.isatty():
        raise errors.InvalidRequest("No terminal to confirm on: pass --yes to destroy.")
    for instance in instances:
        cmd.app.stderr.write(
            f"{instance.uuid}  {output.printable(instance.name)}  {instance.state}\n"
        )
    cmd.app.stderr.write("All data on them will be lost. Destroy them? [y/N] ")
    cmd.app.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise errors.InvalidRequest("Nothing was changed.")


def submit(
    cmd: command.Command, instances: Sequence[Instance], request: Callable[[str], Instance]
) -> output.Table:
    """Submit the same request for each instance; a refused one does not stop the others.

    :raises InvalidRequest: some were refused; the reason of each is on stderr.
    """
    accepted, refused = [], 0
    for instance in instances:
        try:
            accepted.append(request(instance.uuid))
        except errors.IntegrationError as exc:
            cmd.app.stderr.write(f"{exc}\n")
            refused += 1
    if any(instance.state in states.OPERATIONS for instance in accepted):
        cmd.app.stderr.write(f"{session_of(cmd).pickup_hint()}\n")
    if refused:
        raise errors.InvalidRequest(f"{refused} of {len(instances)} instances were refused.")
    return output.table(accepted)
