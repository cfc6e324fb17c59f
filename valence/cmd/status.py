# SPDX-License-Identifier: Apache-2.0

"""``valence-status upgrade check``: whether this release can be started on what there is."""

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
from valence.objects import base
from valence.objects import podmanager as podmanager_objects
from valence_conductor.cmd import startup_errors
from valence_conductor.db import engine as db_engine
from valence_conductor.db import migrations as db_migrations

Result = upgradecheck.Result
Code = upgradecheck.Code


def _readable(check: Any) -> Any:
    """Have a check say so when there are no tables that it could read."""

    @functools.wraps(check)
    def look(self: Any) -> Any:
        try:
            return check(self)
        except (db_errors.DBError, *db_engine.UNREACHABLE) as exc:
            return Result(Code.WARNING, f"The tables cannot be read: {exc}")

    return look


class Checks(upgradecheck.UpgradeCommands):
    """What is looked at; each check reads, and changes nothing.

    :param conf: with every option of :mod:`valence.conf`.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf

    @_readable
    def schema(self) -> Any:
        """See whether the tables are those of this release."""
        with _opened(self._conf) as db:
            is_at, wanted = (
                db_migrations.version(db, base.VERSION_TABLE),
                db_migrations.latest_revision(migrations.LOCATION),
            )
        if is_at == wanted:
            return Result(Code.SUCCESS)
        found = f"The tables are at revision {is_at or 'none'}, this release needs {wanted}"
        if db.is_sqlite:
            return Result(Code.WARNING, f"{found}: valence-api sees to it when it starts.")
        return Result(Code.FAILURE, f"{found}: run valence-dbsync upgrade.")

    @_readable
    def keys(self) -> Any:
        """See whether every password can be decrypted with the keys that there are."""
        if not pathlib.Path(self._conf.key_file).exists():
            return Result(Code.WARNING, f"{self._conf.key_file} is missing; it will be made.")
        keys, lost = keyring.load(self._conf.key_file), []
        with _opened(self._conf) as db, db.reader() as session:
            columns = (
                podmanager_objects.PodManager.name,
                podmanager_objects.PodManager.password_encrypted,
            )
            for name, secret in session.execute(sa.select(*columns)):
                if secret is not None and not _opens(keys, secret):
                    lost.append(name)
        if lost:
            return Result(
                Code.FAILURE,
                f"The passwords of {', '.join(lost)} were encrypted with a key that is not in "
                f"{self._conf.key_file}. Bring that key back.",
            )
        return Result(Code.SUCCESS)

    @_readable
    def drivers(self) -> Any:
        """See whether this release has the driver of every pod manager."""
        known = extension.ExtensionManager(podmanagers.NAMESPACE, invoke_on_load=False).names()
        with _opened(self._conf) as db, db.reader() as session:
            used = set(session.scalars(sa.select(podmanager_objects.PodManager.driver)))
        missing = sorted(used - set(known))
        if missing:
            return Result(
                Code.FAILURE,
                f"Pod managers use the drivers {', '.join(missing)}, which are not installed. "
                f"There are {', '.join(sorted(known))}.",
            )
        return Result(Code.SUCCESS)

    _upgrade_checks = (
        ("Tables", schema),
        ("Keys of the credentials", keys),
        ("Drivers of pod managers", drivers),
    )


@contextlib.contextmanager
def _opened(conf: cfg.ConfigOpts) -> Iterator[db_engine.Database]:
    db = db_engine.Database(conf.database.connection)
    try:
        yield db
    finally:
        db.close()


def _opens(keys: keyring.Keyring, secret: str) -> bool:
    try:
        keys.decrypt(secret)
    except errors.PodManagerUnauthorized:
        return False
    return True


@startup_errors.reported("valence-status")
def main(argv: list[str] | None = None) -> int:
    """Check; 0: all is well, 1: see the warnings, 2: do not start this release yet."""
    conf = cfg.ConfigOpts()
    logging.register_options(conf)
    service_conf.register_opts(conf)
    conf.set_default("use_stderr", True)
    arguments = sys.argv[1:] if argv is None else argv
    return int(upgradecheck.main(conf, "valence", Checks(conf), arguments))


if __name__ == "__main__":
    sys.exit(main())
