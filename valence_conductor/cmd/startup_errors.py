# SPDX-License-Identifier: Apache-2.0

"""Errors of a command that cannot start: one line, and no traceback."""

from collections.abc import Callable
import functools
import sys

from oslo_config import cfg

from valence_conductor import errors

Main = Callable[..., int]


def reported(prog: str) -> Callable[[Main], Main]:
    """Decorate a command so that it prints the errors of its configuration and of its servers.

    It then exits with status 1.

    :param prog: the name of the command.
    """

    def decorate(main: Main) -> Main:
        @functools.wraps(main)
        def run(argv: list[str] | None = None) -> int:
            try:
                return main(argv)
            except (cfg.Error, errors.ConductorError) as exc:
                print(f"{prog}: {exc}", file=sys.stderr)
                return 1

        return run

    return decorate
