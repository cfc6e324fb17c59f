# SPDX-License-Identifier: Apache-2.0

"""``node manage|adopt-path|forget|reset|boot``: carried out within the request."""

import argparse
from typing import Any

from osc_lib import exceptions
from osc_lib.command import command

from valenceclient.commands import node as node_commands
from valenceclient.commands import options
from valenceclient.commands import output


class ManageNode(command.ShowOne):
    """Adopt a node that exists on a pod manager, without changing it."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("podm", metavar="<podmanager>", help="Its pod manager (name or UUID)")
        parser.add_argument(
            "path",
            metavar="<path>",
            help="Its path on the pod manager, such as /redfish/v1/Nodes/7",
        )
        parser.add_argument("--name", metavar="<name>", help="Name of the node")
        parser.add_argument("--description", metavar="<text>", help="Description")
        parser.add_argument(
            "--assemble",
            action="store_true",
            help="Assemble the node first, if it is only allocated",
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Adopt it and return its fields."""
        client = options.client_of(self)
        node = client.nodes.manage(
            podm_id=client.podmanagers.get(parsed_args.podm).uuid,
            path=parsed_args.path,
            name=parsed_args.name,
            description=parsed_args.description,
            assemble=parsed_args.assemble,
        )
        return output.details(node_commands.FIELDS, node)


class AdoptNodePath(command.ShowOne):
    """State that a node is what is at a path of its pod manager now.

    The way out of a conflict of facts, if the machine is the node. Nothing is changed on
    the pod manager. A missing node is composed again.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        node_commands.add_node(parser)
        parser.add_argument(
            "path",
            metavar="<path>",
            help="Its path on the pod manager, such as /redfish/v1/Nodes/7",
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Record the path and return its fields."""
        node = options.client_of(self).nodes.adopt_path(parsed_args.node, parsed_args.path)
        return output.details(node_commands.FIELDS, node)


class ForgetNode(command.Command):
    """Delete the row of a node that is gone, without a request to its pod manager.

    The way out of a conflict of facts, if the machine is not the node. Whatever the pod
    manager still holds for the node is not released.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        node_commands.add_node(parser)
        parser.add_argument(
            "--i-know-it-is-gone",
            action="store_true",
            help="Required: the machine is gone, or is no longer to be managed",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Delete the row."""
        if not parsed_args.i_know_it_is_gone:
            raise exceptions.CommandError(
                "Hardware that its pod manager still holds would not be released. Repeat the "
                "command with --i-know-it-is-gone if the node is gone."
            )
        options.client_of(self).nodes.forget(parsed_args.node)


class ResetNode(command.ShowOne):
    """Switch a node on or off, or restart it."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        node_commands.add_node(parser)
        parser.add_argument(
            "type", metavar="<type>", help="On, ForceOff, GracefulShutdown, ForceRestart, ..."
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Reset it and return its fields."""
        node = options.client_of(self).nodes.reset(parsed_args.node, parsed_args.type)
        return output.details(node_commands.FIELDS, node)


class BootNode(command.ShowOne):
    """Set the boot device of a node. The node is not restarted."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        node_commands.add_node(parser)
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
        """Set its boot device and return its fields."""
        node = options.client_of(self).nodes.set_boot(
            parsed_args.node,
            parsed_args.target,
            enabled=parsed_args.enabled,
            mode=parsed_args.mode,
        )
        return output.details(node_commands.FIELDS, node)
