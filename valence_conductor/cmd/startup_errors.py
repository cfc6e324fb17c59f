# SPDX-License-Identifier: Apache-2.0

"""A command that cannot begin says why, in one line."""

from collections.abc import Callable
import functools
import sys

from oslo_config import cfg

from valence_conductor import errors

Main = Callable[..., int]


def reported(prog: str) -> Callable[[Main], Main]:
    """Have a command tell without a traceback what is wrong with its configuration, or away.

    The exit status is 1 then.

    :param prog: the name of the command.
    """

    def around(main: Main) -> Main:
        @functools.wraps(main)
        def run(argv: list[str] | None = None) -> int:
            try:
                return main(argv)
            except (cfg.Error, errors.ConductorError) as exc:
                print(f"{prog}: {exc}", file=sys.stderr)
                return 1

        return run

    return around
