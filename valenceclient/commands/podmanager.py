# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""``podmanager list|show|create|set|delete``."""

import argparse
from collections.abc import Iterable
import itertools
from typing import Any

from osc_lib.command import command

from valenceclient.commands import options
from valenceclient.commands import output

COLUMNS: output.Columns = (
    ("UUID", "uuid"),
    ("Name", "name"),
    ("Status", "status"),
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
            verify_ca=parsed_args.verify_ca,
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
            "verify_ca": parsed_args.verify_ca,
        }
        podmanager = options.client_of(self).podmanagers.update(
            parsed_args.podmanager, **options.changed(changes)
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
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Forget them."""
        delete = options.client_of(self).podmanagers.delete
        failed = options.each(self, "delete pod manager", parsed_args.podmanagers, delete)
        options.report("delete pod managers:", failed, parsed_args.podmanagers)


def _add_podmanager(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("podmanager", metavar="<podmanager>", help="Pod manager (name or UUID)")


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
