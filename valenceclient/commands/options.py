# SPDX-License-Identifier: Apache-2.0

"""Options that several commands share, and what they do."""

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

from valenceclient import _reported
from valenceclient import errors
from valenceclient import node
from valenceclient.commands import requirements

if TYPE_CHECKING:
    from valenceclient.client import Client

#: Where a pod manager's password may come from, instead of the command line.
PASSWORD_VARIABLE = "VALENCE_PODM_PASSWORD"  # noqa: S105  # a name, no secret


class Secret(str):
    """A text that a log of arguments does not give away."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def client_of(cmd: command.Command) -> "Client":
    """Return the client that the program made for its commands."""
    found: Client = cmd.app.client_manager.valence  # type: ignore[attr-defined]  # by plugin
    return found


def add_wait(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--wait`` and ``--timeout``."""
    parser.add_argument(
        "--wait",
        action="store_true",
        help=f"Return only when the node {what}; its progress goes to stderr",
    )
    parser.add_argument(
        "--timeout",
        type=requirements.number,
        default=int(node.TIMEOUT),
        metavar="<seconds>",
        help=f"How long to wait at most, for each node (default: {node.TIMEOUT:g})",
    )


def add_paging(parser: argparse.ArgumentParser) -> None:
    """Add ``--limit``, ``--marker`` and ``--sort``."""
    parser.add_argument(
        "--limit", type=requirements.number, metavar="<n>", help="Show no more than this many"
    )
    parser.add_argument("--marker", metavar="<uuid>", help="Begin after this one")
    parser.add_argument("--sort", metavar="<field>[:asc|desc]", help="Sort by a field")


def paging(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of ``list`` that were asked for."""
    return {"limit": options.limit, "marker": options.marker, "sort": options.sort}


def add_podm(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--podm``."""
    parser.add_argument(
        "--podm", metavar="<podmanager>", help=f"Only {what} of this pod manager (name or UUID)"
    )


def podm_id(client: "Client", ident: str | None) -> str | None:
    """Return the uuid of the pod manager that a person named."""
    return client.podmanagers.get(ident).uuid if ident else None


def add_refresh(parser: argparse.ArgumentParser) -> None:
    """Add ``--refresh``."""
    parser.add_argument(
        "--refresh", action="store_true", help="Have Valence read the pod managers first"
    )


def add_listing(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the options of a list of what pod managers have, to be read by :func:`listing`."""
    add_podm(parser, what)
    add_refresh(parser)
    add_paging(parser)


def listing(cmd: command.Command, options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of such a ``list``; what is wrong with pod managers goes to stderr."""
    return {
        "podm_id": podm_id(client_of(cmd), options.podm),
        "refresh": options.refresh,
        "on_trouble": Troubles(cmd),
        **paging(options),
    }


class Troubles:
    """Tell on stderr of which pod managers a list does not tell as they are now."""

    def __init__(self, cmd: command.Command) -> None:
        self._log = cmd.log

    def __call__(self, trouble: _reported.Trouble) -> None:
        self._log.warning("Pod manager %s: %s", trouble.podm_name, trouble.detail)


class Progress:
    """Tell on stderr what becomes of a node: elapsed seconds, node, state, task."""

    def __init__(self, cmd: command.Command) -> None:
        self._stream = cmd.app.stderr
        self._quiet = getattr(cmd.app.options, "verbose_level", 1) == 0
        self._began = time.monotonic()

    def __call__(self, seen: node.Node) -> None:
        if self._quiet:
            return
        task = f" ({seen.task})" if seen.task else ""
        elapsed = time.monotonic() - self._began
        self._stream.write(f"{elapsed:6.1f}s  {seen.label}  {seen.state}{task}\n")
        self._stream.flush()


def each(
    cmd: command.Command, what: str, idents: Sequence[str], do: Callable[[str], object]
) -> list[str]:
    """Do something to each of several and return the ones it failed for.

    One that fails is told on stderr and does not keep the others from their turn.
    """
    failed = []
    for ident in idents:
        try:
            do(ident)
        except errors.ValenceError as exc:
            cmd.log.error("Could not %s %s: %s", what, ident, exc)
            failed.append(ident)
    return failed


def report(what: str, failed: Iterable[str], idents: Sequence[str]) -> None:
    """End a command over several with an error if any failed."""
    count = len(list(failed))
    if count:
        raise exceptions.CommandError(f"Could not {what} {count} of {len(idents)}.")


def changed(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes that were asked for; at least one must be."""
    asked = {name: value for name, value in changes.items() if value is not None}
    if not asked:
        raise exceptions.CommandError("Nothing to change: see --help for what can be.")
    return asked


def add_password(parser: argparse.ArgumentParser) -> None:
    """Add ``--password``, for those who must."""
    parser.add_argument(
        "--password",
        type=Secret,
        metavar="<password>",
        help="Password at the pod manager. Others can see it in the list of processes: rather "
        f"set {PASSWORD_VARIABLE}, or be asked for it",
    )


def password(given: str | None) -> str:
    """Return the password given, or that of the environment, or ask for it."""
    found = given or os.environ.get(PASSWORD_VARIABLE)
    if not found and sys.stdin.isatty():
        found = getpass.getpass("Password at the pod manager: ")
    if not found:
        raise exceptions.CommandError(
            f"No password: set {PASSWORD_VARIABLE}, or run this in a terminal to be asked."
        )
    return found
