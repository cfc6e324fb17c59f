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
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--type", metavar="<type>", help="Only of this type: storage, FPGA, GPU, ..."
        )
        parser.add_argument(
            "--state", choices=("free", "allocated", "absent"), help="Only devices in this state"
        )
        options.add_listing(parser, "devices")
        parser.add_argument("--node", metavar="<node>", help="Only those it has (name or UUID)")
        parser.add_argument("--group", metavar="<id>", help="Only those of this pooled group")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """List them; what is wrong with pod managers goes to stderr."""
        client = options.client_of(self)
        node = client.nodes.get(parsed_args.node).uuid if parsed_args.node else None
        found = client.devices.list(
            type=parsed_args.type,
            state=parsed_args.state,
            node_id=node,
            pooled_group_id=parsed_args.group,
            **options.listing(self, parsed_args),
        )
        return output.listed(COLUMNS, itertools.islice(found, parsed_args.limit))


class ShowDevice(command.ShowOne):
    """Show a pooled device, as last known."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("device", metavar="<device>", help="Device (UUID)")
        options.add_refresh(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Show it."""
        devices = options.client_of(self).devices
        device = devices.get(parsed_args.device, refresh=parsed_args.refresh)
        return output.shown(FIELDS, device)


class SyncDevice(command.Lister):
    """Have Valence read what is pooled, of all pod managers or of one."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        options.add_podm(parser, "those")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """List who was read and who was not; why not goes to stderr."""
        found = options.client_of(self).devices.sync(parsed_args.podm)
        tell = options.Troubles(self)
        for trouble in found.errors:
            tell(trouble)
        rows = [(uuid, True) for uuid in found.synced]
        rows += [(trouble.podm_id, False) for trouble in found.errors]
        return ("Pod Manager", "Synced"), rows
