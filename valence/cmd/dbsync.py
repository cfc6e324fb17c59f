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


"""``valence-dbsync``: bring the tables to the revision of this release."""

from collections.abc import Callable
from collections.abc import Mapping
import sys

from oslo_config import cfg
from oslo_log import log as logging

from valence import conf as service_conf
from valence import migrations
from valence import parts
from valence.objects import base
from valence_conductor import database
from valence_conductor.cmd import refusals


@refusals.told("valence-dbsync")
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
    parts.prepare_state_path(conf)
    db = database.Database(conf.database.connection)
    try:
        db.reach(0)
        return COMMANDS[conf.command](db)
    finally:
        db.close()


def upgrade(db: database.Database) -> int:
    """Make the tables those of this release."""
    parts.upgrade(db)
    return version(db)


def version(db: database.Database) -> int:
    """Print the revision that the tables are at."""
    print(db.version(base.VERSION_TABLE) or "none")
    return 0


def check(db: database.Database) -> int:
    """Tell whether upgrade has something to do."""
    is_at, wanted = db.version(base.VERSION_TABLE), database.head(migrations.LOCATION)
    if is_at == wanted:
        print(f"The tables are at revision {is_at}, as this release needs them.")
        return 0
    print(f"The tables are at revision {is_at or 'none'}; run upgrade to bring them to {wanted}.")
    return 2


COMMANDS: Mapping[str, Callable[[database.Database], int]] = {
    "upgrade": upgrade,
    "version": version,
    "check": check,
}

if __name__ == "__main__":
    sys.exit(main())
