# SPDX-License-Identifier: Apache-2.0

"""``podmanager list|show|create|set|accept-identity|delete``."""

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
    "service_uuid",
    "usage",
    "kept_facts",
    "limitations",
    "username",
    "verify_ca",
    "ca",
    "client_cert",
    "enabled",
    "tags",
    "created_at",
    "updated_at",
)


class ListPodManager(command.Lister):
    """List pod managers."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        options.add_paging(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return the table."""
        podmanagers = options.client_of(self).podmanagers.list(
            **options.paging_arguments(parsed_args)
        )
        return output.table(COLUMNS, itertools.islice(podmanagers, parsed_args.limit))


class ShowPodManager(command.ShowOne):
    """Show a pod manager."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        _add_podmanager(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return its fields."""
        podmanager = options.client_of(self).podmanagers.get(parsed_args.podmanager)
        return output.details(FIELDS, podmanager)


class CreatePodManager(command.ShowOne):
    """Register a pod manager. Valence logs in to it first."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("name", metavar="<name>", help="Name of the pod manager")
        parser.add_argument(
            "--url", metavar="<url>", required=True, help="Its address: https://host:port"
        )
        parser.add_argument("--uuid", metavar="<uuid>", help="UUID of the pod manager")
        parser.add_argument(
            "--driver", metavar="<driver>", help="Its driver (the service's default: rsd)"
        )
        parser.add_argument("--username", metavar="<name>", help="User at the pod manager")
        options.add_password(parser)
        _add_verify(parser)
        _add_use(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Register it and return its fields."""
        password = None
        if parsed_args.username or parsed_args.password:
            password = options.read_password(parsed_args.password)
        podmanager = options.client_of(self).podmanagers.create(
            name=parsed_args.name,
            url=parsed_args.url,
            uuid=parsed_args.uuid,
            driver=parsed_args.driver,
            username=parsed_args.username,
            password=password,
            **_trust_and_use(parsed_args),
        )
        return output.details(FIELDS, podmanager)


class SetPodManager(command.ShowOne):
    """Change a pod manager. Valence first logs in to it with the changes."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        _add_podmanager(parser)
        parser.add_argument("--name", metavar="<name>", help="New name")
        parser.add_argument("--url", metavar="<url>", help="New address")
        parser.add_argument("--driver", metavar="<driver>", help="New driver")
        parser.add_argument("--username", metavar="<name>", help="User at the pod manager")
        options.add_password(parser)
        parser.add_argument(
            "--password-prompt",
            action="store_true",
            help=f"Change the password to that of {options.PASSWORD_VARIABLE}, or prompt for it",
        )
        _add_verify(parser)
        parser.add_argument(
            "--no-ca",
            action="store_true",
            help="Remove the certificates that --ca-file set",
        )
        parser.add_argument(
            "--no-client-cert",
            action="store_true",
            help="Remove the client certificate and its key",
        )
        _add_use(parser)
        parser.add_argument("--no-tags", action="store_true", help="Remove its tags")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Change it and return its fields."""
        password = parsed_args.password
        if parsed_args.password_prompt:
            password = options.read_password(password)
        changes = {
            "name": parsed_args.name,
            "url": parsed_args.url,
            "driver": parsed_args.driver,
            "username": parsed_args.username,
            "password": password,
            **_trust_and_use(parsed_args),
        }
        clear = [
            *(["ca"] if parsed_args.no_ca else []),
            *(["client_cert", "client_key"] if parsed_args.no_client_cert else []),
        ]
        podmanager = options.client_of(self).podmanagers.update(
            parsed_args.podmanager, **options.require_changes(changes, clear)
        )
        return output.details(FIELDS, podmanager)


class AcceptPodManagerIdentity(command.ShowOne):
    """Accept that what answers at the URL of a pod manager is that pod manager.

    Use it when its hardware or its UUID was replaced.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        _add_podmanager(parser)
        parser.add_argument("--url", metavar="<url>", help="New address")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Accept it and return its fields."""
        changes = {} if parsed_args.url is None else {"url": parsed_args.url}
        podmanager = options.client_of(self).podmanagers.accept_identity(
            parsed_args.podmanager, **changes
        )
        return output.details(FIELDS, podmanager)


class DeletePodManager(command.Command):
    """Remove pod managers. One that has nodes is refused."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "podmanagers", metavar="<podmanager>", nargs="+", help="Pod managers (names or UUIDs)"
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="Remove a pod manager that no longer exists, with its nodes, and print them. "
            "Refused while a server answers at its URL or one of the nodes is in Ironic",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Remove them."""
        podmanagers = options.client_of(self).podmanagers

        def forget(ident: str) -> None:
            for node in podmanagers.forget(ident).nodes:
                self.app.stdout.write(f"forgot node {node.uuid} ({node.name or 'no name'})\n")

        delete = forget if parsed_args.force else podmanagers.delete
        failures = options.for_each(self, "delete pod manager", parsed_args.podmanagers, delete)
        options.raise_if_failed("delete pod managers:", failures, parsed_args.podmanagers)


def _add_podmanager(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("podmanager", metavar="<podmanager>", help="Pod manager (name or UUID)")


def _add_use(parser: argparse.ArgumentParser) -> None:
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
        help="Compose no nodes on it; its nodes remain and are managed",
    )
    parser.add_argument(
        "--tag",
        dest="tags",
        metavar="<tag>",
        action="append",
        help="Tag that requests may require (may be repeated); replaces all earlier tags",
    )


def _trust_and_use(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of the options that _add_verify and _add_use added.

    :raises CommandError: a file cannot be read.
    """
    tags = [] if getattr(parsed_args, "no_tags", False) else parsed_args.tags
    fields = {"verify_ca": parsed_args.verify_ca, "enabled": parsed_args.enabled, "tags": tags}
    for field, path, content in (
        ("ca", parsed_args.ca_file, "certificates"),
        ("client_cert", parsed_args.client_cert, "certificates"),
        ("client_key", parsed_args.client_key, "private key"),
    ):
        if path is not None:
            try:
                fields[field] = pathlib.Path(path).read_text()
            except (OSError, ValueError) as exc:
                raise exceptions.CommandError(
                    f"Cannot read the {content} in {path}: {exc}"
                ) from exc
    return fields


def _add_verify(parser: argparse.ArgumentParser) -> None:
    # Not --verify: that is a global option of the OpenStackClient.
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
        help="Verify its certificate with these CAs only: a PEM file on this machine, whose "
        "contents are sent to the service",
    )
    group.add_argument(
        "--ca-bundle",
        dest="verify_ca",
        metavar="<path>",
        help="Verify its certificate with these CAs: a file on the host of the service",
    )
    group.add_argument(
        "--no-verify-ca",
        dest="verify_ca",
        action="store_false",
        default=None,
        help="Do not verify its certificate",
    )
    parser.add_argument(
        "--client-cert",
        metavar="<path>",
        help="Certificate that it demands of its clients: a PEM file on this machine, whose "
        "contents are sent to the service",
    )
    parser.add_argument(
        "--client-key",
        metavar="<path>",
        help="Private key of the client certificate, without a passphrase: a PEM file on this "
        "machine, whose contents are sent to the service and encrypted there",
    )
