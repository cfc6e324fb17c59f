# SPDX-License-Identifier: Apache-2.0

"""Options that several commands share, and the handling of their values."""

import argparse
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import getpass
import os
import sys
import time
from typing import Any
from typing import TYPE_CHECKING

from osc_lib import exceptions
from osc_lib.command import command

from valenceclient import _collection
from valenceclient import _nodes
from valenceclient import _reported
from valenceclient import errors
from valenceclient.commands import requirements
from valenceclient.node import Node

if TYPE_CHECKING:
    from valenceclient.client import Client

#: Environment variable for the password at a pod manager.
PASSWORD_VARIABLE = "VALENCE_PODM_PASSWORD"  # noqa: S105  # a name, not a secret


class Secret(str):
    """A text that the debug log of the arguments does not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def client_of(cmd: command.Command) -> "Client":
    """Return the client that the program made for its commands."""
    client: Client = cmd.app.client_manager.valence  # type: ignore[attr-defined]  # by plugin
    return client


def add_wait(parser: argparse.ArgumentParser, goal: str) -> None:
    """Add ``--wait`` and ``--timeout``.

    :param goal: completes "when the node ...".
    """
    parser.add_argument(
        "--wait",
        action="store_true",
        help=f"Return only when the node {goal}; its progress goes to stderr",
    )
    parser.add_argument(
        "--timeout",
        type=requirements.number,
        default=int(_nodes.TIMEOUT),
        metavar="<seconds>",
        help=f"Timeout of the wait, for each node (default: {_nodes.TIMEOUT:g})",
    )


def add_paging(parser: argparse.ArgumentParser) -> None:
    """Add ``--limit``, ``--marker`` and ``--sort``."""
    parser.add_argument(
        "--limit", type=requirements.number, metavar="<n>", help="Show at most this many"
    )
    parser.add_argument("--marker", metavar="<uuid>", help="Begin after the member with this UUID")
    parser.add_argument("--sort", metavar="<field>[:asc|desc]", help="Sort by a field")


def paging_arguments(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of ``list`` for the options of :func:`add_paging`."""
    return {"limit": parsed_args.limit, "marker": parsed_args.marker, "sort": parsed_args.sort}


def add_podm(parser: argparse.ArgumentParser, nouns: str) -> None:
    """Add ``--podm``."""
    parser.add_argument(
        "--podm", metavar="<podmanager>", help=f"Only {nouns} of this pod manager (name or UUID)"
    )


def podm_id(client: "Client", ident: str | None) -> str | None:
    """Return the uuid of a pod manager given by name or uuid."""
    return client.podmanagers.get(ident).uuid if ident else None


def add_refresh(parser: argparse.ArgumentParser) -> None:
    """Add ``--refresh``."""
    parser.add_argument(
        "--refresh", action="store_true", help="Make Valence read the pod managers first"
    )


def add_list(parser: argparse.ArgumentParser, nouns: str) -> None:
    """Add the options of a list of resources that pod managers report."""
    add_podm(parser, nouns)
    add_refresh(parser)
    add_paging(parser)


def list_arguments(cmd: command.Command, parsed_args: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of ``list`` for the options of :func:`add_list`."""
    return {
        "podm_id": podm_id(client_of(cmd), parsed_args.podm),
        "refresh": parsed_args.refresh,
        "on_trouble": TroubleLog(cmd),
        **paging_arguments(parsed_args),
    }


class TroubleLog:
    """Logs to stderr the pod managers that a list is not current for."""

    def __init__(self, cmd: command.Command) -> None:
        self._log = cmd.log

    def __call__(self, trouble: _reported.Trouble) -> None:
        self._log.warning("Pod manager %s: %s", trouble.podm_name, trouble.detail)


class Progress:
    """Prints the progress of a node on stderr: elapsed seconds, node, state, task."""

    def __init__(self, cmd: command.Command) -> None:
        self._stream = cmd.app.stderr
        self._quiet = getattr(cmd.app.options, "verbose_level", 1) == 0
        self._start = time.monotonic()

    def __call__(self, node: Node) -> None:
        if self._quiet:
            return
        task = f" ({node.task})" if node.task else ""
        elapsed = time.monotonic() - self._start
        self._stream.write(f"{elapsed:6.1f}s  {node.label}  {node.state}{task}\n")
        self._stream.flush()


def for_each(
    cmd: command.Command, action: str, idents: Sequence[str], do: Callable[[str], object]
) -> list[str]:
    """Call ``do`` for each ident and return the idents for which it failed.

    A failure is logged to stderr; the other idents are still processed.

    :param action: completes "Could not ...", with the ident.
    """
    failures = []
    for ident in idents:
        try:
            do(ident)
        except errors.ValenceError as exc:
            cmd.log.error("Could not %s %s: %s", action, ident, exc)
            failures.append(ident)
    return failures


def raise_if_failed(action: str, failures: Sequence[str], idents: Sequence[str]) -> None:
    """End a command with an error if it failed for any ident.

    :param action: completes "Could not ...", with the counts.
    :raises CommandError: there are failures.
    """
    if failures:
        raise exceptions.CommandError(f"Could not {action} {len(failures)} of {len(idents)}.")


def require_changes(changes: Mapping[str, Any], clear: Iterable[str] = ()) -> dict[str, Any]:
    """Return the changes that are not None, and None for each field to clear.

    :raises CommandError: there are none.
    """
    required = {**_collection.without_none(changes), **dict.fromkeys(clear)}
    if not required:
        raise exceptions.CommandError("Nothing to change: --help lists the fields.")
    return required


def add_password(parser: argparse.ArgumentParser) -> None:
    """Add ``--password``."""
    parser.add_argument(
        "--password",
        type=Secret,
        metavar="<password>",
        help="Password at the pod manager. Other users of this machine can see it in the list of "
        f"processes: prefer {PASSWORD_VARIABLE} or the prompt",
    )


def read_password(argument: str | None) -> str:
    """Return the password of the argument, of the environment, or of a prompt.

    :raises CommandError: there is none, and stdin is not a terminal.
    """
    password = argument or os.environ.get(PASSWORD_VARIABLE)
    if not password and sys.stdin.isatty():
        password = getpass.getpass("Password at the pod manager: ")
    if not password:
        raise exceptions.CommandError(
            f"No password: set {PASSWORD_VARIABLE}, or run this in a terminal."
        )
    return password
