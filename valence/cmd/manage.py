# SPDX-License-Identifier: Apache-2.0

"""``valence-manage``: occasional tasks of operators."""

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

#: step of ``rotate-keys`` -> its function
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
        help="rotate-keys: encrypt the credentials of pod managers with a new key. Running "
        "processes read the new key by themselves.",
    ),
    cfg.StrOpt(
        "step",
        default="all",
        choices=list(STEPS),
        help="Part of rotate-keys, for hosts that each have a copy of the key file: add a key, "
        "use it, and drop the old keys. Copy the file to every host after each step.",
    ),
]


@startup_errors.reported("valence-manage")
def main(argv: list[str] | None = None) -> int:
    """Run a command; 0: done, 1: failed."""
    arguments = sys.argv[1:] if argv is None else argv
    conf = service_conf.read(arguments, prog="valence-manage", options=OPTIONS)
    logging.setup(conf, "valence")
    return rotate_keys(conf)


def rotate_keys(conf: cfg.ConfigOpts) -> int:
    """Encrypt the credentials of pod managers with a new key."""
    if not pathlib.Path(conf.key_file).exists():
        print(f"valence-manage: the key file {conf.key_file} does not exist", file=sys.stderr)
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
