# SPDX-License-Identifier: Apache-2.0

"""``flavor list|show|create|set|delete``."""

import argparse
from collections.abc import Iterable
import itertools
from typing import Any

from osc_lib import exceptions
from osc_lib.command import command

from valenceclient.commands import options
from valenceclient.commands import output
from valenceclient.commands import requirements

COLUMNS: output.Columns = (
    ("UUID", "uuid"),
    ("Name", "name"),
    ("Description", "description"),
    ("Properties", "properties"),
)
FIELDS = ("uuid", "name", "description", "properties", "created_at", "updated_at")


class ListFlavor(command.Lister):
    """List flavors."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        options.add_paging(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """List them."""
        found = options.client_of(self).flavors.list(**options.paging(parsed_args))
        return output.listed(COLUMNS, itertools.islice(found, parsed_args.limit))


class ShowFlavor(command.ShowOne):
    """Show a flavor."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("flavor", metavar="<flavor>", help="Flavor (name or UUID)")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Show it."""
        flavor = options.client_of(self).flavors.get(parsed_args.flavor)
        return output.shown(FIELDS, flavor)


class CreateFlavor(command.ShowOne):
    """Create a flavor: what to compose, under a name."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("name", metavar="<name>", help="Name of the flavor")
        parser.add_argument("--uuid", metavar="<uuid>", help="UUID of the flavor")
        parser.add_argument("--description", metavar="<text>", help="What it is for")
        requirements.add_options(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Create it."""
        properties = requirements.from_options(parsed_args)
        if properties is None:
            raise exceptions.CommandError(
                "Say what to compose: --cores, --memory, --storage, --nic, --pci or --properties."
            )
        flavor = options.client_of(self).flavors.create(
            name=parsed_args.name,
            uuid=parsed_args.uuid,
            description=parsed_args.description,
            properties=properties,
        )
        return output.shown(FIELDS, flavor)


class SetFlavor(command.ShowOne):
    """Change a flavor. Nodes that were composed from it stay as they are."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("flavor", metavar="<flavor>", help="Flavor (name or UUID)")
        parser.add_argument("--name", metavar="<name>", help="New name")
        parser.add_argument("--description", metavar="<text>", help="New description")
        requirements.add_options(parser)
        parser.epilog = "What is said about what to compose replaces all that was said before."
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Change it."""
        changes = {
            "name": parsed_args.name,
            "description": parsed_args.description,
            "properties": requirements.from_options(parsed_args),
        }
        flavor = options.client_of(self).flavors.update(
            parsed_args.flavor, **options.changed(changes)
        )
        return output.shown(FIELDS, flavor)


class DeleteFlavor(command.Command):
    """Delete flavors. Nodes that were composed from them stay."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "flavors", metavar="<flavor>", nargs="+", help="Flavors (names or UUIDs)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Delete them."""
        delete = options.client_of(self).flavors.delete
        failed = options.each(self, "delete flavor", parsed_args.flavors, delete)
        options.report("delete flavors:", failed, parsed_args.flavors)
