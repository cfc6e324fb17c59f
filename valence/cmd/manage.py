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


"""``valence-manage``: what an operator does now and then."""

from collections.abc import Callable
from collections.abc import Mapping
import pathlib
import sys

from oslo_config import cfg
from oslo_log import log as logging

from valence import conf as service_conf
from valence import parts
from valence import rotation
from valence_conductor import database
from valence_conductor.cmd import refusals

#: What ``rotate-keys`` does, by step.
STEPS: Mapping[str, Callable[[database.Database, str], str]] = {
    "all": rotation.rotate,
    "add": rotation.add,
    "use": rotation.use,
    "drop": rotation.drop,
}

OPTIONS = [
    cfg.StrOpt(
        "command",
        positional=True,
        choices=["rotate-keys"],
        help="rotate-keys: encrypt the credentials of pod managers with a new key. Processes that "
        "run notice by themselves.",
    ),
    cfg.StrOpt(
        "step",
        default="all",
        choices=list(STEPS),
        help="Part of rotate-keys, for hosts that each have a copy of the key file: add a key, "
        "copy the file to every host; use it, copy; drop the old ones, copy.",
    ),
]


@refusals.told("valence-manage")
def main(argv: list[str] | None = None) -> int:
    """Do what the command line asks; 0: done, 1: it could not be done."""
    arguments = sys.argv[1:] if argv is None else argv
    conf = service_conf.read(arguments, prog="valence-manage", options=OPTIONS)
    if conf.command is None:
        print("valence-manage: say rotate-keys", file=sys.stderr)
        return 1
    logging.setup(conf, "valence")
    return rotate_keys(conf)


def rotate_keys(conf: cfg.ConfigOpts) -> int:
    """Change the key that credentials are encrypted with."""
    if not pathlib.Path(conf.key_file).exists():
        print(f"valence-manage: there is no {conf.key_file} to rotate", file=sys.stderr)
        return 1
    db = database.Database(conf.database.connection)
    try:
        db.reach(0)
        parts.see_that_schema_is_ours(db)
        print(STEPS[conf.step](db, conf.key_file))
    except (parts.SchemaBehind, rotation.Unreadable, OSError, ValueError) as exc:
        print(f"valence-manage: {exc}", file=sys.stderr)
        return 1
    finally:
        db.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
