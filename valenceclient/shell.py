# SPDX-License-Identifier: Apache-2.0

"""The standalone program ``valence``."""

import argparse
import functools
import getpass
import importlib.metadata
import sys
from typing import Any
from typing import TextIO
from typing import TYPE_CHECKING

from cliff import app
from cliff import commandmanager

from valenceclient import errors

if TYPE_CHECKING:
    from valenceclient.client import Client


class ClientManager:
    """Holds the client for the commands, as osc-lib's ClientManager does."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options

    @functools.cached_property
    def valence(self) -> "Client":
        """The client, made when a command first uses it."""
        from valenceclient import login

        return login.make_client(self._options, prompt_password)


def prompt_password(prompt: str | None = None) -> str:
    """Return a password typed by the user.

    :raises ValenceError: stdin is not a terminal.
    """
    if not sys.stdin.isatty():
        raise errors.ValenceError("No password: use --os-password or set OS_PASSWORD.")
    return getpass.getpass(prompt or "Password: ")


class Shell(app.App):
    """Compose bare metal: nodes, flavors, and the pod managers they come from."""

    NAME = "valence"
    client_manager: ClientManager

    def __init__(self, stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        super().__init__(
            description="Compose bare metal: nodes, flavors, and the pod managers they come from.",
            version=importlib.metadata.version("valence"),
            command_manager=commandmanager.CommandManager("valence.cli.v1"),
            stdout=stdout,
            stderr=stderr,
            deferred_help=True,
        )

    def build_option_parser(
        self,
        description: str | None,
        version: str | None,
        argparse_kwargs: dict[str, Any] | None = None,
    ) -> argparse.ArgumentParser:
        """Return the parser of the global options, with the endpoint and authentication."""
        from valenceclient import login

        parser = super().build_option_parser(description, version, argparse_kwargs)
        login.add_options(parser)
        return parser

    def configure_logging(self) -> None:
        """Log the requests too with ``--debug``, as the OpenStackClient does."""
        if self.options.debug:
            self.options.verbose_level = 3
        super().configure_logging()

    def initialize_app(self, argv: list[str]) -> None:
        """Make the client manager of the commands."""
        super().initialize_app(argv)
        self.client_manager = ClientManager(self.options)


def main(argv: list[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return Shell().run(sys.argv[1:] if argv is None else argv)
