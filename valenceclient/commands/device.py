# SPDX-License-Identifier: Apache-2.0

"""``device list|show|sync``."""

import argparse
from collections.abc import Iterable
import itertools
from typing import Any

from osc_lib.command import command

from valenceclient.commands import options
from valenceclient.commands import output

COLUMNS: output.Columns = (
    ("UUID", "uuid"),
    ("Type", "type"),
    ("State", "state"),
    ("Pod Manager", "podm_id"),
    ("Group", "pooled_group_id"),
    ("Node", "node_id"),
    ("Stale", "stale"),
)
FIELDS = (
    "uuid",
    "type",
    "state",
    "stale",
    "seen_at",
    "age",
    "podm_id",
    "pooled_group_id",
    "node_id",
    "node_path",
    "properties",
    "resource_uri",
    "extra",
    "created_at",
    "updated_at",
)


class ListDevice(command.Lister):
    """List the pooled devices of all pod managers, as last known."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--type", metavar="<type>", help="Only devices of this type: storage, FPGA, GPU, ..."
        )
        parser.add_argument(
            "--state", choices=("free", "allocated", "absent"), help="Only devices in this state"
        )
        options.add_list(parser, "devices")
        parser.add_argument(
            "--node", metavar="<node>", help="Only devices of this node (name or UUID)"
        )
        parser.add_argument("--group", metavar="<id>", help="Only devices of this pooled group")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return the table; pod managers that are in trouble are logged to stderr."""
        client = options.client_of(self)
        node = client.nodes.get(parsed_args.node).uuid if parsed_args.node else None
        devices = client.devices.list(
            type=parsed_args.type,
            state=parsed_args.state,
            node_id=node,
            pooled_group_id=parsed_args.group,
            **options.list_arguments(self, parsed_args),
        )
        return output.table(COLUMNS, itertools.islice(devices, parsed_args.limit))


class ShowDevice(command.ShowOne):
    """Show a pooled device, as last known."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("device", metavar="<device>", help="Device (UUID)")
        options.add_refresh(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return its fields."""
        devices = options.client_of(self).devices
        device = devices.get(parsed_args.device, refresh=parsed_args.refresh)
        return output.details(FIELDS, device)


class SyncDevice(command.Lister):
    """Make Valence read the pooled devices of all pod managers or of one."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        options.add_podm(parser, "devices")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return which pod managers were read; why others were not is logged to stderr."""
        result = options.client_of(self).devices.sync(parsed_args.podm)
        log_trouble = options.TroubleLog(self)
        for trouble in result.errors:
            log_trouble(trouble)
        rows = [(uuid, True) for uuid in result.synced]
        rows += [(trouble.podm_id, False) for trouble in result.errors]
        return ("Pod Manager", "Synced"), rows
