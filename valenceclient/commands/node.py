# SPDX-License-Identifier: Apache-2.0

"""``node list|show|create|set|delete|register|unregister``."""

import argparse
from collections.abc import Iterable
import itertools
from typing import Any

from osc_lib import exceptions
from osc_lib.cli import parseractions
from osc_lib.command import command

from valenceclient import errors
from valenceclient.commands import options
from valenceclient.commands import output
from valenceclient.commands import requirements

COLUMNS: output.Columns = (
    ("UUID", "uuid"),
    ("Name", "name"),
    ("State", "state"),
    ("Task", "task"),
    ("Power", "power_state"),
    ("Managed By", "managed_by"),
    ("Properties", "properties"),
)
LONG_COLUMNS: output.Columns = (
    *COLUMNS,
    ("Pod Manager", "podm_id"),
    ("Stale", "stale"),
    ("Flavor", "flavor_id"),
    ("Ironic Node", "ironic_uuid"),
    ("Interfaces", "interfaces"),
    ("Fault", "fault"),
    ("Created", "created_at"),
)
FIELDS = (
    "uuid",
    "name",
    "description",
    "adopted",
    "state",
    "task",
    "task_since",
    "fault",
    "power_state",
    "managed_by",
    "ironic_uuid",
    "podm_id",
    "stale",
    "flavor_id",
    "properties",
    "interfaces",
    "path",
    "system_path",
    "identity",
    "generation",
    "created_at",
    "updated_at",
)


class ListNode(command.Lister):
    """List nodes."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--long", action="store_true", help="Show more columns")
        parser.add_argument("--name", metavar="<name>", help="Only the node of this name")
        parser.add_argument("--state", metavar="<state>", help="Only nodes in this state")
        options.add_podm(parser, "nodes")
        parser.add_argument(
            "--flavor", metavar="<flavor>", help="Only nodes of this flavor (name or UUID)"
        )
        parser.add_argument(
            "--ironic-node",
            metavar="<uuid>",
            help="Only the node that is registered in Ironic under this UUID",
        )
        options.add_paging(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return the table; pod managers that are in trouble are logged to stderr."""
        client = options.client_of(self)
        nodes = client.nodes.list(
            name=parsed_args.name,
            state=parsed_args.state,
            podm_id=options.podm_id(client, parsed_args.podm),
            flavor_id=_flavor_id(client, parsed_args.flavor),
            ironic_uuid=parsed_args.ironic_node,
            on_trouble=options.TroubleLog(self),
            **options.paging_arguments(parsed_args),
        )
        columns = LONG_COLUMNS if parsed_args.long else COLUMNS
        return output.table(columns, itertools.islice(nodes, parsed_args.limit))


class ShowNode(command.ShowOne):
    """Show a node."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        add_node(parser)
        parser.add_argument(
            "--refresh", action="store_true", help="Make Valence read the pod manager first"
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return its fields."""
        node = options.client_of(self).nodes.get(parsed_args.node, refresh=parsed_args.refresh)
        return output.details(FIELDS, node)


class CreateNode(command.ShowOne):
    """Compose a node from a flavor or from the requirements given."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--name", metavar="<name>", help="Name of the node")
        parser.add_argument("--uuid", metavar="<uuid>", help="UUID of the node")
        parser.add_argument("--description", metavar="<text>", help="Description")
        parser.add_argument(
            "--podm",
            metavar="<podmanager>",
            help="Pod manager to compose it on (name or UUID); by default Valence chooses one",
        )
        parser.add_argument(
            "--flavor", metavar="<flavor>", help="Flavor to compose it from (name or UUID)"
        )
        requirements.add_options(parser)
        options.add_wait(parser, "is composed")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Compose it and return its fields."""
        properties = requirements.from_options(parsed_args)
        if (parsed_args.flavor is None) == (properties is None):
            raise exceptions.CommandError(
                "Use either --flavor, or --cores, --memory, --storage, --nic, --pci or "
                "--properties."
            )
        client = options.client_of(self)
        node = client.nodes.create(
            name=parsed_args.name,
            uuid=parsed_args.uuid,
            description=parsed_args.description,
            podm_id=options.podm_id(client, parsed_args.podm),
            flavor_id=parsed_args.flavor,
            properties=properties,
            **_wait_arguments(self, parsed_args),
        )
        return output.details(FIELDS, node)


class SetNode(command.ShowOne):
    """Change the name or the description of a node."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        add_node(parser)
        parser.add_argument("--name", metavar="<name>", help="New name")
        parser.add_argument("--description", metavar="<text>", help="Description")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Change it and return its fields."""
        changes = {"name": parsed_args.name, "description": parsed_args.description}
        nodes = options.client_of(self).nodes
        return output.details(
            FIELDS, nodes.update(parsed_args.node, **options.require_changes(changes))
        )


class DeleteNode(command.Command):
    """Release nodes to their pod managers."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("nodes", metavar="<node>", nargs="+", help="Nodes (names or UUIDs)")
        parser.add_argument(
            "--force",
            action="store_true",
            help="Remove missing nodes from Ironic, whatever their state there",
        )
        options.add_wait(parser, "is released")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Request all deletions first, then wait for each."""
        nodes = options.client_of(self).nodes
        arguments = _wait_arguments(self, parsed_args)

        def wait(ident: str) -> None:
            try:
                nodes.wait(
                    ident,
                    operation="release",
                    timeout=arguments["timeout"],
                    on_progress=arguments["on_progress"],
                )
            except errors.NotFound:
                return

        def delete(ident: str) -> None:
            nodes.delete(ident, force=parsed_args.force)

        failures = options.for_each(self, "delete node", parsed_args.nodes, delete)
        if parsed_args.wait:
            pending = [ident for ident in parsed_args.nodes if ident not in failures]
            failures += options.for_each(self, "delete node", pending, wait)
        options.raise_if_failed("delete nodes:", failures, parsed_args.nodes)


class RegisterNode(command.ShowOne):
    """Register a node in Ironic, where it stays in provision state enroll."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        add_node(parser)
        parser.add_argument("--uuid", metavar="<uuid>", help="UUID of the node in Ironic")
        parser.add_argument("--name", metavar="<name>", help="Name of the node in Ironic")
        parser.add_argument("--resource-class", metavar="<class>", help="Its resource class")
        parser.add_argument(
            "--trait",
            dest="traits",
            action="append",
            metavar="<trait>",
            help="A trait (may be repeated)",
        )
        for option, noun in (("--property", "A property"), ("--extra", "Extra metadata")):
            parser.add_argument(
                option,
                dest={"--property": "properties"}.get(option, "extra"),
                action=parseractions.KeyValueAction,
                metavar="<key=value>",
                help=f"{noun} (may be repeated)",
            )
        parser.add_argument("--conductor-group", metavar="<group>", help="Its conductor group")
        parser.add_argument("--owner", metavar="<project>", help="Its owner")
        parser.add_argument(
            "--instance-uuid", metavar="<uuid>", help="UUID of the instance that the node is for"
        )
        options.add_wait(parser, "is registered")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Register it and return its fields."""
        node = options.client_of(self).nodes.register(
            parsed_args.node,
            uuid=parsed_args.uuid,
            name=parsed_args.name,
            resource_class=parsed_args.resource_class,
            traits=parsed_args.traits,
            properties=parsed_args.properties,
            extra=parsed_args.extra,
            conductor_group=parsed_args.conductor_group,
            owner=parsed_args.owner,
            instance_uuid=parsed_args.instance_uuid,
            **_wait_arguments(self, parsed_args),
        )
        return output.details(FIELDS, node)


class UnregisterNode(command.ShowOne):
    """Remove a node from Ironic. It stays composed."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser."""
        parser = super().get_parser(prog_name)
        add_node(parser)
        options.add_wait(parser, "is unregistered")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Remove it from Ironic and return its fields."""
        node = options.client_of(self).nodes.unregister(
            parsed_args.node, **_wait_arguments(self, parsed_args)
        )
        return output.details(FIELDS, node)


def add_node(parser: argparse.ArgumentParser) -> None:
    """Add the argument for one node."""
    parser.add_argument("node", metavar="<node>", help="Node (name or UUID)")


def _flavor_id(client: Any, ident: str | None) -> str | None:
    """Return the uuid of a flavor given by name or uuid."""
    return client.flavors.get(ident).uuid if ident else None


def _wait_arguments(cmd: command.Command, parsed_args: argparse.Namespace) -> dict[str, Any]:
    return {
        "wait": parsed_args.wait,
        "timeout": parsed_args.timeout,
        "on_progress": options.Progress(cmd),
    }
