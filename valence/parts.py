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


"""The parts of the service that its API and its flows both work with."""

import dataclasses
import pathlib

from oslo_config import cfg

from valence import drivers as known_drivers
from valence import ironic as ironic_client
from valence import keyring
from valence import migrations
from valence import podmanagers
from valence.objects import base
from valence_conductor import database


class SchemaBehind(Exception):
    """The tables are not those that this release works with."""


@dataclasses.dataclass(frozen=True)
class Parts:
    """The database, and the way to pod managers and to Ironic."""

    conf: cfg.ConfigOpts
    db: database.Database
    drivers: known_drivers.Drivers
    ironic: ironic_client.Ironic


def make(conf: cfg.ConfigOpts, ironic: ironic_client.Ironic | None = None) -> Parts:
    """Make the parts that a configuration asks for; nothing is opened yet.

    :param ironic: tests have their own.
    """
    prepare_state_path(conf)
    db = database.Database(conf.database.connection)
    keys = keyring.load(conf.key_file)
    drivers = known_drivers.Drivers(db, keys, podmanagers.PodManagers(conf))
    return Parts(conf, db, drivers, ironic or ironic_client.Ironic(conf))


def prepare_state_path(conf: cfg.ConfigOpts) -> None:
    """Make the folder for what the service keeps, for its user alone."""
    pathlib.Path(conf.state_path).mkdir(mode=0o700, parents=True, exist_ok=True)


def prepare_schema(db: database.Database) -> None:
    """See that the tables are those of this release; make them in SQLite.

    A database server is shared by several processes: an operator upgrades it.

    :raises SchemaBehind: ``valence-dbsync upgrade`` has to be run.
    """
    if db.engine.dialect.name == "sqlite":
        upgrade(db)
    else:
        see_that_schema_is_ours(db)


def see_that_schema_is_ours(db: database.Database) -> None:
    """See that the tables are those of this release.

    :raises SchemaBehind: ``valence-dbsync upgrade`` has to be run.
    """
    is_at, wanted = db.version(base.VERSION_TABLE), database.head(migrations.LOCATION)
    if is_at != wanted:
        raise SchemaBehind(
            f"The tables are at revision {is_at}, this release works with {wanted}. "
            "Run valence-dbsync upgrade with the same configuration."
        )


def upgrade(db: database.Database, revision: str = "head") -> None:
    """Bring the tables to a revision."""
    db.upgrade(migrations.LOCATION, base.VERSION_TABLE, revision)
