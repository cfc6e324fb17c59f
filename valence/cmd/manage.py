# SPDX-License-Identifier: Apache-2.0

"""``valence-manage``: what an operator does now and then."""

from collections.abc import Callable
from collections.abc import Mapping
import pathlib
import sys

from oslo_config import cfg
from oslo_log import log as logging

from valence import conf as service_conf
from valence import wiring
from valence.credentials import rotation
from valence_conductor.cmd import startup_errors
from valence_conductor.db.engine import Database

#: What ``rotate-keys`` does, by step.
STEPS: Mapping[str, Callable[[Database, str], str]] = {
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


@startup_errors.reported("valence-manage")
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
    db = Database(conf.database.connection)
    try:
        db.reach(0)
        wiring.check_schema(db)
        print(STEPS[conf.step](db, conf.key_file))
    except (wiring.SchemaBehind, rotation.Unreadable, OSError, ValueError) as exc:
        print(f"valence-manage: {exc}", file=sys.stderr)
        return 1
    finally:
        db.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
