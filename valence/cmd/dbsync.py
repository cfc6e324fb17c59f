# SPDX-License-Identifier: Apache-2.0

"""``valence-dbsync``: bring the tables to the revision of this release."""

from collections.abc import Callable
from collections.abc import Mapping
import sys

from oslo_config import cfg
from oslo_log import log as logging

from valence import conf as service_conf
from valence import migrations
from valence import wiring
from valence.objects import base
from valence_conductor.cmd import startup_errors
from valence_conductor.db import engine as db_engine
from valence_conductor.db import migrations as db_migrations


@startup_errors.reported("valence-dbsync")
def main(argv: list[str] | None = None) -> int:
    """Do what the command line asks; 0: done, 1: it could not be, 2: ``check`` found work."""
    options = [
        cfg.StrOpt(
            "command",
            positional=True,
            choices=sorted(COMMANDS),
            help="upgrade: make the tables those of this release. version: print the revision "
            "that they are at. check: fail if upgrade has something to do.",
        )
    ]
    arguments = sys.argv[1:] if argv is None else argv
    conf = service_conf.read(arguments, prog="valence-dbsync", options=options)
    if conf.command is None:
        print("valence-dbsync: say upgrade, version or check", file=sys.stderr)
        return 1
    logging.setup(conf, "valence")
    wiring.prepare_state_path(conf)
    db = db_engine.Database(conf.database.connection)
    try:
        db.reach(0)
        return COMMANDS[conf.command](db)
    finally:
        db.close()


def upgrade(db: db_engine.Database) -> int:
    """Make the tables those of this release."""
    wiring.upgrade(db)
    return version(db)


def version(db: db_engine.Database) -> int:
    """Print the revision that the tables are at."""
    print(db_migrations.version(db, base.VERSION_TABLE) or "none")
    return 0


def check(db: db_engine.Database) -> int:
    """Tell whether upgrade has something to do."""
    is_at, wanted = (
        db_migrations.version(db, base.VERSION_TABLE),
        db_migrations.latest_revision(migrations.LOCATION),
    )
    if is_at == wanted:
        print(f"The tables are at revision {is_at}, as this release needs them.")
        return 0
    print(f"The tables are at revision {is_at or 'none'}; run upgrade to bring them to {wanted}.")
    return 2


COMMANDS: Mapping[str, Callable[[db_engine.Database], int]] = {
    "upgrade": upgrade,
    "version": version,
    "check": check,
}

if __name__ == "__main__":
    sys.exit(main())
