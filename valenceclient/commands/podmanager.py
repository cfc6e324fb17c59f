# SPDX-License-Identifier: Apache-2.0

"""``podmanager list|show|create|set|delete``."""

import argparse
from collections.abc import Iterable
import itertools
import pathlib
from typing import Any

from osc_lib import exceptions
from osc_lib.command import command

from valenceclient.commands import options
from valenceclient.commands import output

COLUMNS: output.Columns = (
    ("UUID", "uuid"),
    ("Name", "name"),
    ("Status", "status"),
    ("Enabled", "enabled"),
    ("Driver", "driver"),
    ("URL", "url"),
    ("Usage", "usage"),
)
FIELDS = (
    "uuid",
    "name",
    "url",
    "driver",
    "status",
    "status_reason",
    "status_since",
    "usage",
    "username",
    "verify_ca",
    "ca",
    "enabled",
    "tags",
    "created_at",
    "updated_at",
)


class ListPodManager(command.Lister):
    """List pod managers."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        options.add_paging(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """List them."""
        found = options.client_of(self).podmanagers.list(**options.paging(parsed_args))
        return output.listed(COLUMNS, itertools.islice(found, parsed_args.limit))


class ShowPodManager(command.ShowOne):
    """Show a pod manager."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        _add_podmanager(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Show it."""
        podmanager = options.client_of(self).podmanagers.get(parsed_args.podmanager)
        return output.shown(FIELDS, podmanager)


class CreatePodManager(command.ShowOne):
    """Register a pod manager. Valence logs in to it first."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("name", metavar="<name>", help="Name of the pod manager")
        parser.add_argument(
            "--url", metavar="<url>", required=True, help="Where it is: https://host:port"
        )
        parser.add_argument("--uuid", metavar="<uuid>", help="UUID of the pod manager")
        parser.add_argument(
            "--driver", metavar="<driver>", help="How to speak to it (the service's default: rsd)"
        )
        parser.add_argument("--username", metavar="<name>", help="User at the pod manager")
        options.add_password(parser)
        _add_verify(parser)
        _add_choice(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Register it."""
        password = None
        if parsed_args.username or parsed_args.password:
            password = options.password(parsed_args.password)
        podmanager = options.client_of(self).podmanagers.create(
            name=parsed_args.name,
            url=parsed_args.url,
            uuid=parsed_args.uuid,
            driver=parsed_args.driver,
            username=parsed_args.username,
            password=password,
            **_chosen(parsed_args),
        )
        return output.shown(FIELDS, podmanager)


class SetPodManager(command.ShowOne):
    """Change a pod manager. Valence logs in to it as changed first."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        _add_podmanager(parser)
        parser.add_argument("--name", metavar="<name>", help="New name")
        parser.add_argument("--url", metavar="<url>", help="New address")
        parser.add_argument("--driver", metavar="<driver>", help="How to speak to it")
        parser.add_argument("--username", metavar="<name>", help="User at the pod manager")
        options.add_password(parser)
        parser.add_argument(
            "--password-prompt",
            action="store_true",
            help=f"Change the password: that of {options.PASSWORD_VARIABLE}, or ask for it",
        )
        _add_verify(parser)
        parser.add_argument(
            "--no-ca",
            action="store_true",
            help="Trust the certificates that --ca-file gave no more",
        )
        _add_choice(parser)
        parser.add_argument("--no-tags", action="store_true", help="Take its tags away")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Change it."""
        password = parsed_args.password
        if parsed_args.password_prompt:
            password = options.password(password)
        changes = {
            "name": parsed_args.name,
            "url": parsed_args.url,
            "driver": parsed_args.driver,
            "username": parsed_args.username,
            "password": password,
            **_chosen(parsed_args),
        }
        asked = {name: value for name, value in changes.items() if value is not None}
        if parsed_args.no_ca:
            asked["ca"] = None
        podmanager = options.client_of(self).podmanagers.update(
            parsed_args.podmanager, **(asked or options.changed(changes))
        )
        return output.shown(FIELDS, podmanager)


class DeletePodManager(command.Command):
    """Forget pod managers. One that nodes stand on stays."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "podmanagers", metavar="<podmanager>", nargs="+", help="Pod managers (names or UUIDs)"
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="Forget one that is gone for good, with the nodes that stood on it; it says "
            "which. Refused while anything answers at its URL, and while Ironic has such a node",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Forget them."""
        podmanagers = options.client_of(self).podmanagers

        def forget(ident: str) -> None:
            forgotten = podmanagers.forget(ident)
            for node in forgotten.nodes:
                self.app.stdout.write(f"forgot node {node.uuid} ({node.name or 'no name'})\n")

        delete = forget if parsed_args.force else podmanagers.delete
        failed = options.each(self, "delete pod manager", parsed_args.podmanagers, delete)
        options.report("delete pod managers:", failed, parsed_args.podmanagers)


def _add_podmanager(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("podmanager", metavar="<podmanager>", help="Pod manager (name or UUID)")


def _add_choice(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--enable",
        dest="enabled",
        action="store_true",
        default=None,
        help="Compose nodes on it (the service's default)",
    )
    group.add_argument(
        "--disable",
        dest="enabled",
        action="store_false",
        default=None,
        help="Compose no nodes on it; those that stand there are looked after",
    )
    parser.add_argument(
        "--tag",
        dest="tags",
        metavar="<tag>",
        action="append",
        help="Tag that requests may ask for; may be repeated, and replaces all there were",
    )


def _chosen(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """Return whom to trust, and what to use it for, as far as that is said."""
    tags = [] if getattr(parsed_args, "no_tags", False) else parsed_args.tags
    chosen = {"verify_ca": parsed_args.verify_ca, "enabled": parsed_args.enabled, "tags": tags}
    if parsed_args.ca_file is not None:
        try:
            chosen["ca"] = pathlib.Path(parsed_args.ca_file).read_text()
        except (OSError, ValueError) as exc:
            raise exceptions.CommandError(
                f"Cannot read the certificates in {parsed_args.ca_file}: {exc}"
            ) from exc
    return chosen


def _add_verify(parser: argparse.ArgumentParser) -> None:
    # Not --verify: the OpenStackClient has that for itself.
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--verify-ca",
        action="store_true",
        default=None,
        help="Verify its certificate with the system's CAs (the service's default)",
    )
    group.add_argument(
        "--ca-file",
        metavar="<path>",
        help="Verify its certificate with these CAs and no others: a file with PEM on this "
        "machine, which is sent",
    )
    group.add_argument(
        "--ca-bundle",
        dest="verify_ca",
        metavar="<path>",
        help="Verify its certificate with these CAs: a file on the service's machine",
    )
    group.add_argument(
        "--no-verify-ca",
        dest="verify_ca",
        action="store_false",
        default=None,
        help="Do not verify its certificate",
    )
