# SPDX-License-Identifier: Apache-2.0

"""``valence-status upgrade check``: whether this release can start on the present data."""

from collections.abc import Iterator
import contextlib
import functools
import pathlib
import sys
from typing import Any

from oslo_config import cfg
from oslo_db import exception as db_errors
from oslo_log import log as logging
from oslo_upgradecheck import upgradecheck
import sqlalchemy as sa
from stevedore import extension

from valence import conf as service_conf
from valence import errors
from valence import migrations
from valence import podmanagers
from valence.credentials import keyring
from valence.objects import base as objects_base
from valence.objects import podmanager as podmanager_objects
from valence_conductor import errors as conductor_errors
from valence_conductor.cmd import startup_errors
from valence_conductor.db import engine as db_engine
from valence_conductor.db import migrations as db_migrations

Result = upgradecheck.Result
Code = upgradecheck.Code


def _warns_if_unreadable(check: Any) -> Any:
    """Make a check return a warning if it cannot read the tables."""

    @functools.wraps(check)
    def run(self: Any) -> Any:
        try:
            return check(self)
        except (db_errors.DBError, *db_engine.UNREACHABLE) as exc:
            return Result(Code.WARNING, f"The tables cannot be read: {exc}")

    return run


class Checks(upgradecheck.UpgradeCommands):
    """The checks; each of them only reads.

    :param conf: with every option of :mod:`valence.conf`.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf

    @_warns_if_unreadable
    def schema(self) -> Any:
        """Check that the tables are at the revision of this release."""
        with _database(self._conf) as db:
            revision = db_migrations.version(db, objects_base.VERSION_TABLE)
            try:
                db_migrations.ensure_not_newer(db, migrations.LOCATION, objects_base.VERSION_TABLE)
            except conductor_errors.TablesNewer as exc:
                return Result(Code.FAILURE, str(exc))
        latest = db_migrations.latest_revision(migrations.LOCATION)
        if revision == latest:
            return Result(Code.SUCCESS)
        state = f"The tables are at revision {revision or 'none'}, this release requires {latest}"
        if db.is_sqlite:
            return Result(Code.WARNING, f"{state}: valence-api upgrades them when it starts.")
        return Result(Code.FAILURE, f"{state}: run valence-dbsync upgrade.")

    @_warns_if_unreadable
    def keys(self) -> Any:
        """Check that the keys decrypt every password."""
        if not pathlib.Path(self._conf.key_file).exists():
            return Result(Code.WARNING, f"{self._conf.key_file} is missing; it will be created.")
        keys, unreadable = keyring.load(self._conf.key_file), []
        with _database(self._conf) as db, db.reader() as session:
            columns = (
                podmanager_objects.PodManager.name,
                podmanager_objects.PodManager.password_encrypted,
            )
            for name, secret in session.execute(sa.select(*columns)):
                if secret is not None and not _decrypts(keys, secret):
                    unreadable.append(name)
        if unreadable:
            return Result(
                Code.FAILURE,
                f"The passwords of {', '.join(unreadable)} were encrypted with a key that is not "
                f"in {self._conf.key_file}. Restore that key.",
            )
        return Result(Code.SUCCESS)

    @_warns_if_unreadable
    def drivers(self) -> Any:
        """Check that the driver of every pod manager is installed."""
        manager: Any = extension.ExtensionManager(podmanagers.NAMESPACE, invoke_on_load=False)
        installed = set(manager.names())
        with _database(self._conf) as db, db.reader() as session:
            used = set(session.scalars(sa.select(podmanager_objects.PodManager.driver)))
        missing = sorted(used - installed)
        if missing:
            return Result(
                Code.FAILURE,
                f"Pod managers use the drivers {', '.join(missing)}, which are not installed. "
                f"Installed are {', '.join(sorted(installed))}.",
            )
        return Result(Code.SUCCESS)

    _upgrade_checks = (
        ("Tables", schema),
        ("Keys of the credentials", keys),
        ("Drivers of pod managers", drivers),
    )


@contextlib.contextmanager
def _database(conf: cfg.ConfigOpts) -> Iterator[db_engine.Database]:
    db = db_engine.Database(conf.database.connection)
    try:
        yield db
    finally:
        db.close()


def _decrypts(keys: keyring.Keyring, secret: str) -> bool:
    try:
        keys.decrypt(secret)
    except errors.PodManagerUnauthorized:
        return False
    return True


@startup_errors.reported("valence-status")
def main(argv: list[str] | None = None) -> int:
    """Run the checks; 0: no findings, 1: warnings, 2: this release must not be started yet."""
    conf = cfg.ConfigOpts()
    logging.register_options(conf)
    service_conf.register_opts(conf)
    conf.set_default("use_stderr", True)
    arguments = sys.argv[1:] if argv is None else argv
    return int(upgradecheck.main(conf, "valence", Checks(conf), arguments))


if __name__ == "__main__":
    sys.exit(main())
