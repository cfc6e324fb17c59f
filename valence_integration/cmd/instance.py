# SPDX-License-Identifier: Apache-2.0

"""The command ``valence-instance``: what becomes of instances, and what can be done."""

import argparse
import importlib.metadata
import logging
import sys
from typing import Any
from typing import TextIO

from cliff import app
from cliff import command
from cliff import commandmanager

from valence_integration.cmd import session

#: Entry points of this group are the subcommands.
NAMESPACE = "valence_integration.cli"

#: What libraries say less than this is left out.
LIBRARIES = {"alembic": logging.WARNING, "ironicclient": logging.CRITICAL}

DESCRIPTION = (
    "Look at instances, and have them provisioned anew or destroyed. Works beside the process "
    "that provisions, on the same configuration, and needs nothing of it."
)


class Shell(app.App):
    """Look at instances, beside the process that works on them."""

    NAME = "valence-instance"
    session: session.Desk

    def __init__(self, stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        super().__init__(
            description=DESCRIPTION,
            version=importlib.metadata.version("valence"),
            command_manager=commandmanager.CommandManager(NAMESPACE),
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
        """Add where the configuration is to the options of every command."""
        parser = super().build_option_parser(description, version, argparse_kwargs)
        for option, what in (("--config-file", "A file"), ("--config-dir", "A directory")):
            parser.add_argument(
                option,
                action="append",
                default=[],
                metavar="<path>",
                help=f"{what} of the configuration that the plugin uses (may be repeated)",
            )
        return parser

    def configure_logging(self) -> None:
        """Let libraries speak only when asked to: what they have to say is in our errors."""
        super().configure_logging()
        if not self.options.debug:
            for library, level in LIBRARIES.items():
                logging.getLogger(library).setLevel(level)

    def initialize_app(self, argv: list[str]) -> None:
        """Have a desk at hand for the commands; nothing is opened yet."""
        super().initialize_app(argv)
        self.desk = session.Desk(self.options.config_file, self.options.config_dir)

    def clean_up(self, cmd: command.Command, result: int, err: BaseException | None) -> None:
        """Close what the command has opened."""
        super().clean_up(cmd, result, err)
        self.desk.close()


def main(argv: list[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return Shell().run(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
