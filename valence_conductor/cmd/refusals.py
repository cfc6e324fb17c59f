# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""A command that cannot begin says why, in one line."""

from collections.abc import Callable
import functools
import sys

from oslo_config import cfg

from valence_conductor import errors

Main = Callable[..., int]


def told(prog: str) -> Callable[[Main], Main]:
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
