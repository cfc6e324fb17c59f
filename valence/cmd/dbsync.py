# SPDX-License-Identifier: Apache-2.0

"""``valence-dbsync``: upgrade the tables to the revision of this release."""

from collections.abc import Callable
from collections.abc import Mapping
import sys

from oslo_config import cfg
from oslo_log import log as logging

from valence import conf as service_conf
from valence import migrations
from valence import wiring
from valence.objects import base as objects_base
from valence_conductor.cmd import startup_errors
from valence_conductor.db import engine as db_engine
from valence_conductor.db import migrations as db_migrations


@startup_errors.reported("valence-dbsync")
def main(argv: list[str] | None = None) -> int:
    """Run a command; 0: done, 1: failed, 2: ``check`` found that an upgrade is needed."""
    options = [
        cfg.StrOpt(
            "command",
            positional=True,
            choices=sorted(COMMANDS),
            help="upgrade: upgrade the tables to the revision of this release. version: print "
            "their revision. check: exit with status 2 if an upgrade is needed.",
        )
    ]
    arguments = sys.argv[1:] if argv is None else argv
    conf = service_conf.read(arguments, prog="valence-dbsync", options=options)
    logging.setup(conf, "valence")
    wiring.prepare_state_path(conf)
    db = db_engine.Database(conf.database.connection)
    try:
        db.reach(0)
        return COMMANDS[conf.command](db)
    finally:
        db.close()


def upgrade(db: db_engine.Database) -> int:
    """Upgrade the tables to the revision of this release."""
    wiring.upgrade(db)
    return version(db)


def version(db: db_engine.Database) -> int:
    """Print the revision of the tables.

    :raises TablesNewer: after it was printed: it is that of a later release.
    """
    print(db_migrations.version(db, objects_base.VERSION_TABLE) or "none")
    db_migrations.ensure_not_newer(db, migrations.LOCATION, objects_base.VERSION_TABLE)
    return 0


def check(db: db_engine.Database) -> int:
    """Print whether an upgrade is needed; 0: no, 2: yes.

    :raises TablesNewer: the tables are at the revision of a later release.
    """
    db_migrations.ensure_not_newer(db, migrations.LOCATION, objects_base.VERSION_TABLE)
    revision = db_migrations.version(db, objects_base.VERSION_TABLE)
    latest = db_migrations.latest_revision(migrations.LOCATION)
    if revision == latest:
        print(f"The tables are at revision {revision}, which this release requires.")
        return 0
    print(f"The tables are at revision {revision or 'none'}. Run upgrade to reach {latest}.")
    return 2


COMMANDS: Mapping[str, Callable[[db_engine.Database], int]] = {
    "upgrade": upgrade,
    "version": version,
    "check": check,
}

if __name__ == "__main__":
    sys.exit(main())
