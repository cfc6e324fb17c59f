# SPDX-License-Identifier: Apache-2.0

"""``node manage|reset|boot``: what is asked of a pod manager at once."""

import argparse
from typing import Any

from osc_lib.command import command

from valenceclient.commands import node
from valenceclient.commands import options
from valenceclient.commands import output


class ManageNode(command.ShowOne):
    """Take on a node that a pod manager has already. Nothing of it is changed."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("podm", metavar="<podmanager>", help="Its pod manager (name or UUID)")
        parser.add_argument(
            "path", metavar="<path>", help="Where it is there, such as /redfish/v1/Nodes/7"
        )
        parser.add_argument("--name", metavar="<name>", help="Name of the node")
        parser.add_argument("--description", metavar="<text>", help="What it is for")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Take it on."""
        client = options.client_of(self)
        found = client.nodes.manage(
            podm_id=client.podmanagers.get(parsed_args.podm).uuid,
            path=parsed_args.path,
            name=parsed_args.name,
            description=parsed_args.description,
        )
        return output.shown(node.FIELDS, found)


class ResetNode(command.ShowOne):
    """Switch a node on or off, or restart it."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        node.add_node(parser)
        parser.add_argument(
            "type", metavar="<type>", help="On, ForceOff, GracefulShutdown, ForceRestart, ..."
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Ask its pod manager for it."""
        found = options.client_of(self).nodes.reset(parsed_args.node, parsed_args.type)
        return output.shown(node.FIELDS, found)


class BootNode(command.ShowOne):
    """Say what a node boots from. It is not restarted."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        node.add_node(parser)
        parser.add_argument("target", metavar="<target>", help="Pxe, Hdd, Cd, None, ...")
        parser.add_argument(
            "--enabled",
            default="Once",
            metavar="<when>",
            help="Once (the default), Continuous or Disabled",
        )
        parser.add_argument("--mode", metavar="<mode>", help="UEFI or Legacy")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Ask its pod manager for it."""
        found = options.client_of(self).nodes.set_boot(
            parsed_args.node,
            parsed_args.target,
            enabled=parsed_args.enabled,
            mode=parsed_args.mode,
        )
        return output.shown(node.FIELDS, found)
