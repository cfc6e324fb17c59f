# SPDX-License-Identifier: Apache-2.0

"""The parts of the service that its API and its flows both work with."""

import dataclasses
import pathlib

from oslo_config import cfg

from valence import migrations
from valence import podmanagers
from valence.credentials import keyring
from valence.drivers import Drivers
from valence.ironic import Ironic
from valence.objects import base
from valence_conductor.db import engine as db_engine
from valence_conductor.db import migrations as db_migrations


class SchemaBehind(Exception):
    """The tables are not those that this release works with."""


@dataclasses.dataclass(frozen=True)
class Context:
    """The database, and the way to pod managers and to Ironic."""

    conf: cfg.ConfigOpts
    db: db_engine.Database
    drivers: Drivers
    ironic: Ironic


def make(conf: cfg.ConfigOpts, ironic: Ironic | None = None) -> Context:
    """Make the parts that a configuration asks for; nothing is opened yet.

    :param ironic: tests have their own.
    """
    prepare_state_path(conf)
    db = db_engine.Database(conf.database.connection)
    keys = keyring.load(conf.key_file)
    drivers = Drivers(db, keys, podmanagers.PodManagers(conf))
    return Context(conf, db, drivers, ironic or Ironic(conf))


def prepare_state_path(conf: cfg.ConfigOpts) -> None:
    """Make the folder for what the service keeps, for its user alone."""
    pathlib.Path(conf.state_path).mkdir(mode=0o700, parents=True, exist_ok=True)


def prepare_schema(db: db_engine.Database) -> None:
    """See that the tables are those of this release; make them in SQLite.

    A database server is shared by several processes: an operator upgrades it.

    :raises SchemaBehind: ``valence-dbsync upgrade`` has to be run.
    """
    if db.engine.dialect.name == "sqlite":
        upgrade(db)
    else:
        check_schema(db)


def check_schema(db: db_engine.Database) -> None:
    """See that the tables are those of this release.

    :raises SchemaBehind: ``valence-dbsync upgrade`` has to be run.
    """
    is_at, wanted = (
        db_migrations.version(db, base.VERSION_TABLE),
        db_migrations.latest_revision(migrations.LOCATION),
    )
    if is_at != wanted:
        raise SchemaBehind(
            f"The tables are at revision {is_at}, this release works with {wanted}. "
            "Run valence-dbsync upgrade with the same configuration."
        )


def upgrade(db: db_engine.Database, revision: str = "head") -> None:
    """Bring the tables to a revision."""
    db_migrations.upgrade(db, migrations.LOCATION, base.VERSION_TABLE, revision)
