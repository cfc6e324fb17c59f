# SPDX-License-Identifier: Apache-2.0

"""``finding list``."""

import argparse
from collections.abc import Iterable
import itertools
from typing import Any

from osc_lib.command import command

from valenceclient.commands import options
from valenceclient.commands import output

COLUMNS: output.Columns = (
    ("Kind", "kind"),
    ("Pod Manager", "podm_id"),
    ("Path", "path"),
    ("Node", "node_id"),
    ("First Seen", "first_seen_at"),
    ("Detail", "detail"),
    ("Remedy", "remedy"),
)

KINDS = (
    "composed-node",
    "ironic-node",
    "ironic-system",
    "missing-node",
    "identity-conflict",
    "unreleased-node",
)


class ListFinding(command.Lister):
    """List what audits have found, and what to do about it."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        options.add_podm(parser, "findings")
        parser.add_argument("--kind", choices=KINDS, help="Only findings of this kind")
        parser.add_argument(
            "--node", metavar="<uuid>", help="Only findings that name this node, which may be gone"
        )
        options.add_paging(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return the table."""
        client = options.client_of(self)
        findings = client.findings.list(
            podm_id=options.podm_id(client, parsed_args.podm),
            kind=parsed_args.kind,
            node_id=parsed_args.node,
            **options.paging_arguments(parsed_args),
        )
        return output.table(COLUMNS, itertools.islice(findings, parsed_args.limit))
