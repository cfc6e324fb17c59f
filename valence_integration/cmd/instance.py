# SPDX-License-Identifier: Apache-2.0

"""The program ``valence-instance``: show instances, retry and release them."""

import argparse
import importlib.metadata
import logging
import sys
from typing import Any
from typing import TextIO

from cliff import app
from cliff import command
from cliff import commandmanager

from valence_integration.cmd.session import Session

#: Group of the entry points of the subcommands.
NAMESPACE = "valence_integration.cli"

#: Lowest level at which messages of these libraries are shown.
LIBRARIES = {"alembic": logging.WARNING, "ironicclient": logging.CRITICAL}

DESCRIPTION = (
    "Show instances, retry failed ones, and release them. Works beside the process that runs "
    "the flows, with the same configuration, whether that process is running or not."
)


class Shell(app.App):
    """The program, with one session for all of its commands."""

    NAME = "valence-instance"
    session: Session

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
        """Add the options that every command has: the location of the configuration."""
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
        """Hide messages of libraries without --debug: the plugin's errors repeat them."""
        super().configure_logging()
        if not self.options.debug:
            for library, level in LIBRARIES.items():
                logging.getLogger(library).setLevel(level)

    def initialize_app(self, argv: list[str]) -> None:
        """Create the session of the commands; nothing is opened yet."""
        super().initialize_app(argv)
        self.session = Session(self.options.config_file, self.options.config_dir)

    def clean_up(self, cmd: command.Command, result: int, err: BaseException | None) -> None:
        """Close what the command opened."""
        super().clean_up(cmd, result, err)
        self.session.close()


def main(argv: list[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return Shell().run(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
