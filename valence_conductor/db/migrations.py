# SPDX-License-Identifier: Apache-2.0

"""Migrations of a schema: several schemas may share one database."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib

from alembic import context as alembic_context
import alembic.command
import alembic.config
import alembic.migration
import alembic.op
import alembic.script
from oslo_utils import timeutils
import sqlalchemy as sa

from valence_conductor import errors
from valence_conductor import waiting
from valence_conductor.db.columns import ExactString
from valence_conductor.db.engine import Database
from valence_conductor.locks.lock import ServerLock

#: Seconds that a process waits for another process that creates or changes tables.
LOCK_TIMEOUT = 300.0


def upgrade(db: Database, scripts: str, version_table: str, revision: str = "head") -> None:
    """Bring a schema to a revision.

    :param scripts: folder of the alembic scripts.
    :param version_table: the table that holds the revision of this schema.
    :raises TablesNewer: it is at a revision of a later release.
    :raises TimeoutError: another process holds the lock of the schema for too long.
    :raises LockLost: another process may have changed the schema at the same time.
    """
    ensure_not_newer(db, scripts, version_table)
    with schema_lock(db) as ensure_held, db.write_engine.begin() as connection:
        config = _alembic_config(scripts)
        config.attributes.update(connection=connection, version_table=version_table)
        alembic.command.upgrade(config, revision)
        ensure_held()  # before the commit


@contextlib.contextmanager
def schema_lock(db: Database) -> Iterator[Callable[[], None]]:
    """Keep other processes from changing a schema of this database.

    Conductors that start together on an empty database would all create its tables, and
    MariaDB commits each statement on its own: every process would create some of them.
    SQLite needs no lock: it has one writer at a time.

    :returns: a function that raises LockLost if the lock was lost; the end of the block
        does the same.
    :raises TimeoutError: another process holds the lock for too long.
    :raises LockLost: another process may have changed the schema at the same time.
    """
    if db.is_sqlite:
        yield lambda: None
        return
    lock = ServerLock(db.engine, "tables")
    stopwatch = timeutils.StopWatch(LOCK_TIMEOUT).start()
    if not waiting.poll(lambda: lock.acquire() or None, stopwatch.leftover, interval=0.2):
        raise TimeoutError(f"Another process holds {lock.location} to create tables there.")
    try:
        yield lambda: _ensure_held(lock)
        _ensure_held(lock)
    finally:
        lock.release()


def _ensure_held(lock: ServerLock) -> None:
    """Raise LockLost unless the lock is still held."""
    if not lock.is_held():
        raise errors.LockLost(
            f"{lock.location} was lost because its connection ended: another process may have "
            "created tables at the same time. Make sure that none does, and start this again."
        )


def version(db: Database, version_table: str) -> str | None:
    """Return the revision of a schema; None before the first one."""
    with db.engine.connect() as connection:
        options = {"version_table": version_table}
        context = alembic.migration.MigrationContext.configure(connection, opts=options)
        return context.get_current_revision()


def ensure_not_newer(db: Database, scripts: str, version_table: str) -> None:
    """Check that this release knows the revision of a schema.

    :raises TablesNewer: it does not.
    """
    current = version(db, version_table)
    directory = alembic.script.ScriptDirectory.from_config(_alembic_config(scripts))
    if current and current not in {script.revision for script in directory.walk_revisions()}:
        raise newer(db, f"revision {current}", directory.get_current_head())


def newer(db: Database, current: str, latest: str | None = None) -> errors.TablesNewer:
    """Return the error for tables of a later release.

    :param current: their revision.
    :param latest: the newest revision that this release knows.
    """
    known = f"; the newest that this release knows is {latest}" if latest else ""
    return errors.TablesNewer(
        f"The tables in {db.url.render_as_string(hide_password=True)} are at {current}, which is "
        f"of a later release{known}. Nothing was changed. Run that release, or restore a backup "
        "from before its upgrade."
    )


def latest_revision(scripts: str) -> str | None:
    """Return the newest revision in a folder of alembic scripts."""
    directory = alembic.script.ScriptDirectory.from_config(_alembic_config(scripts))
    return directory.get_current_head()


def run_migrations(metadata: sa.MetaData) -> None:
    """Run the migrations of one schema; to be called by its ``env.py``."""
    attributes = alembic_context.config.attributes
    alembic_context.configure(
        connection=attributes["connection"],
        target_metadata=metadata,
        version_table=attributes["version_table"],
        render_as_batch=True,
    )
    with alembic_context.begin_transaction():
        alembic_context.run_migrations()


def compare_exactly(tables: Mapping[str, Collection[str]]) -> None:
    """Make existing columns of text :class:`ExactString`; to be called by a revision.

    Only MariaDB and MySQL compare text in another way. All columns of a table change in one
    statement, because each statement copies the table.

    :param tables: name of a table -> names of its columns. None has a server default.
    """
    bind = alembic.op.get_bind()
    if bind.dialect.name not in ("mysql", "mariadb"):
        return
    for table, names in tables.items():
        existing = {column["name"]: column for column in sa.inspect(bind).get_columns(table)}
        changes = []
        for name in names:
            length = getattr(existing[name]["type"], "length", None)
            kind = ExactString(length).compile(dialect=bind.dialect)
            null = "NULL" if existing[name]["nullable"] else "NOT NULL"
            changes.append(f"MODIFY `{name}` {kind} {null}")
        alembic.op.execute(f"ALTER TABLE `{table}` {', '.join(changes)}")


def _alembic_config(scripts: str) -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", scripts.replace("%", "%%"))
    return config
