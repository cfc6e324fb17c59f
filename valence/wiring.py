# SPDX-License-Identifier: Apache-2.0

"""The context that the API, the flows and the audits share, and how it is made."""

import dataclasses
import pathlib

from oslo_config import cfg

from valence import migrations
from valence import podmanagers
from valence.credentials import keyring
from valence.drivers import Drivers
from valence.ironic import Ironic
from valence.objects import base
from valence.scheduler import Scheduler
from valence_conductor.db import engine as db_engine
from valence_conductor.db import migrations as db_migrations


class SchemaBehind(Exception):
    """The tables are at another revision than this release requires."""


@dataclasses.dataclass(frozen=True)
class Context:
    """What tasks and long-lived objects need, made once in a process.

    :ivar conf: with every option of :mod:`valence.conf`.
    :ivar db: the database of the service.
    :ivar drivers: of the pod managers in that database.
    :ivar ironic: the client of Ironic.
    :ivar scheduler: chooses pod managers for new nodes.
    """

    conf: cfg.ConfigOpts
    db: db_engine.Database
    drivers: Drivers
    ironic: Ironic
    scheduler: Scheduler


def make(conf: cfg.ConfigOpts, ironic: Ironic | None = None) -> Context:
    """Return the context of a configuration; no connection is opened yet.

    :param ironic: replaces the client of Ironic in tests.
    :raises ValueError: the key file holds no key, or ``[scheduler]`` names an unknown
        filter or weigher.
    """
    prepare_state_path(conf)
    db = db_engine.Database(conf.database.connection)
    keys = keyring.load(conf.key_file)
    drivers = Drivers(db, keys, podmanagers.PodManagers(conf))
    return Context(conf, db, drivers, ironic or Ironic(conf), Scheduler(conf))


def prepare_state_path(conf: cfg.ConfigOpts) -> None:
    """Create the state directory, readable by the user of the service alone."""
    pathlib.Path(conf.state_path).mkdir(mode=0o700, parents=True, exist_ok=True)


def prepare_schema(db: db_engine.Database) -> None:
    """Upgrade the tables in SQLite; check their revision in a database server.

    Several processes share a database server: an operator upgrades it.

    :raises SchemaBehind: ``valence-dbsync upgrade`` has to be run.
    :raises TablesNewer: they are at the revision of a later release.
    """
    if db.engine.dialect.name == "sqlite":
        upgrade(db)
    else:
        check_schema(db)


def check_schema(db: db_engine.Database) -> None:
    """Check that the tables are at the revision of this release.

    :raises SchemaBehind: ``valence-dbsync upgrade`` has to be run.
    :raises TablesNewer: they are at that of a later release.
    """
    db_migrations.ensure_not_newer(db, migrations.LOCATION, base.VERSION_TABLE)
    current = db_migrations.version(db, base.VERSION_TABLE)
    required = db_migrations.latest_revision(migrations.LOCATION)
    if current != required:
        raise SchemaBehind(
            f"The tables are at revision {current}, this release requires {required}. "
            "Run valence-dbsync upgrade with the same configuration."
        )


def upgrade(db: db_engine.Database, revision: str = "head") -> None:
    """Upgrade the tables to a revision."""
    db_migrations.upgrade(db, migrations.LOCATION, base.VERSION_TABLE, revision)
