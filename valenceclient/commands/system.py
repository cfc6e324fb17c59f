# SPDX-License-Identifier: Apache-2.0

"""``system list|show``."""

import argparse
from collections.abc import Iterable
import itertools
from typing import Any

from osc_lib.command import command

from valenceclient.commands import options
from valenceclient.commands import output
from valenceclient.commands import requirements

COLUMNS: output.Columns = (
    ("UUID", "uuid"),
    ("Name", "name"),
    ("State", "state"),
    ("Cores", "cores"),
    ("Memory MiB", "memory_mib"),
    ("Pod Manager", "podm_id"),
    ("Node", "node_id"),
    ("Stale", "stale"),
)
LONG_COLUMNS: output.Columns = (
    *COLUMNS,
    ("Rack", "rack_id"),
    ("Model", "model"),
    ("Processor", "processor_model"),
    ("Drives", "drives"),
    ("NICs", "nics"),
    ("Health", "health"),
    ("Power", "power_state"),
    ("Seen", "seen_at"),
)
FIELDS = (
    "uuid",
    "name",
    "state",
    "stale",
    "seen_at",
    "age",
    "podm_id",
    "rack_id",
    "node_id",
    "node_path",
    "cores",
    "memory_mib",
    "processor_count",
    "processor_model",
    "processors",
    "drives",
    "nics",
    "manufacturer",
    "model",
    "serial_number",
    "redfish_uuid",
    "health",
    "power_state",
    "path",
    "chassis_path",
    "created_at",
)


class ListSystem(command.Lister):
    """List the systems of all pod managers, as last known."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--long", action="store_true", help="Show more columns")
        parser.add_argument(
            "--state", choices=("free", "used", "absent"), help="Only systems in this state"
        )
        options.add_list(parser, "systems")
        parser.add_argument(
            "--rack", metavar="<rack>", help="Only systems in this rack (name or UUID)"
        )
        parser.add_argument(
            "--min-cores",
            type=requirements.number,
            metavar="<n>",
            help="Only systems with at least this many cores",
        )
        parser.add_argument(
            "--min-memory",
            type=requirements.mebibytes,
            metavar="<size>",
            help="Only systems with at least this much memory, such as 64G",
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return the table; pod managers that are in trouble are logged to stderr."""
        client = options.client_of(self)
        rack = client.racks.get(parsed_args.rack).uuid if parsed_args.rack else None
        systems = client.systems.list(
            state=parsed_args.state,
            rack_id=rack,
            min_cores=parsed_args.min_cores,
            min_memory_mib=parsed_args.min_memory,
            **options.list_arguments(self, parsed_args),
        )
        columns = LONG_COLUMNS if parsed_args.long else COLUMNS
        return output.table(columns, itertools.islice(systems, parsed_args.limit))


class ShowSystem(command.ShowOne):
    """Show a system, as last known."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("system", metavar="<system>", help="System (UUID, or a unique name)")
        options.add_refresh(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return its fields."""
        systems = options.client_of(self).systems
        system = systems.get(parsed_args.system, refresh=parsed_args.refresh)
        return output.details(FIELDS, system)
