# SPDX-License-Identifier: Apache-2.0

"""``rack list|show``."""

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
    ("Systems", "systems"),
    ("Pod Manager", "podm_id"),
    ("Health", "health"),
    ("Stale", "stale"),
)
FIELDS = (
    "uuid",
    "name",
    "podm_id",
    "systems",
    "stale",
    "seen_at",
    "age",
    "chassis_type",
    "manufacturer",
    "model",
    "serial_number",
    "health",
    "path",
    "created_at",
)


class ListRack(command.Lister):
    """List the racks of all pod managers, as last known."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        options.add_list(parser, "racks")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return the table; pod managers that are in trouble are logged to stderr."""
        racks = options.client_of(self).racks.list(**options.list_arguments(self, parsed_args))
        return output.table(COLUMNS, itertools.islice(racks, parsed_args.limit))


class ShowRack(command.ShowOne):
    """Show a rack, as last known."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("rack", metavar="<rack>", help="Rack (UUID, or a unique name)")
        options.add_refresh(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return its fields."""
        racks = options.client_of(self).racks
        return output.details(FIELDS, racks.get(parsed_args.rack, refresh=parsed_args.refresh))
