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
        """Return the parser."""
        parser = super().get_parser(prog_name)
        options.add_paging(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return the table."""
        flavors = options.client_of(self).flavors.list(**options.paging_arguments(parsed_args))
        return output.table(COLUMNS, itertools.islice(flavors, parsed_args.limit))


class ShowFlavor(command.ShowOne):
    """Show a flavor."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("flavor", metavar="<flavor>", help="Flavor (name or UUID)")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return its fields."""
        flavor = options.client_of(self).flavors.get(parsed_args.flavor)
        return output.details(FIELDS, flavor)


class CreateFlavor(command.ShowOne):
    """Create a flavor: requirements of a node, under a name."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("name", metavar="<name>", help="Name of the flavor")
        parser.add_argument("--uuid", metavar="<uuid>", help="UUID of the flavor")
        parser.add_argument("--description", metavar="<text>", help="Description")
        requirements.add_options(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Create it and return its fields."""
        properties = requirements.from_options(parsed_args)
        if properties is None:
            raise exceptions.CommandError(
                "A flavor needs requirements: use --cores, --memory, --storage, --nic, --pci or "
                "--properties."
            )
        flavor = options.client_of(self).flavors.create(
            name=parsed_args.name,
            uuid=parsed_args.uuid,
            description=parsed_args.description,
            properties=properties,
        )
        return output.details(FIELDS, flavor)


class SetFlavor(command.ShowOne):
    """Change a flavor. Nodes that were composed from it do not change."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("flavor", metavar="<flavor>", help="Flavor (name or UUID)")
        parser.add_argument("--name", metavar="<name>", help="New name")
        parser.add_argument("--description", metavar="<text>", help="New description")
        requirements.add_options(parser)
        parser.epilog = "The requirements replace all requirements that the flavor had."
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Change it and return its fields."""
        changes = {
            "name": parsed_args.name,
            "description": parsed_args.description,
            "properties": requirements.from_options(parsed_args),
        }
        flavor = options.client_of(self).flavors.update(
            parsed_args.flavor, **options.require_changes(changes)
        )
        return output.details(FIELDS, flavor)


class DeleteFlavor(command.Command):
    """Delete flavors. Nodes that were composed from them remain."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "flavors", metavar="<flavor>", nargs="+", help="Flavors (names or UUIDs)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Delete them."""
        delete = options.client_of(self).flavors.delete
        failures = options.for_each(self, "delete flavor", parsed_args.flavors, delete)
        options.raise_if_failed("delete flavors:", failures, parsed_args.flavors)
