# SPDX-License-Identifier: Apache-2.0

"""One database, opened the way that survives threads, processes and restarts."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import time
from typing import Any
from typing import TypeVar

from alembic import context as alembic_context
import alembic.command
import alembic.config
import alembic.migration
import alembic.script
from oslo_db import api as oslo_db_api
from oslo_db import exception as db_errors
from oslo_db.sqlalchemy import engines
from oslo_db.sqlalchemy import exc_filters
from oslo_log import log as logging
from oslo_serialization import jsonutils
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy import orm

from valence_conductor import errors
from valence_conductor import interrupt
from valence_conductor import reaching
from valence_conductor.locks.lock import ServerLock

F = TypeVar("F", bound=Callable[..., Any])

LOG = logging.getLogger(__name__)

#: What is raised when a database cannot be reached, or goes away.
AWAY = (
    db_errors.DBConnectionError,
    db_errors.DBNonExistentDatabase,
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
)

#: How long a writer of SQLite waits for another, milliseconds.
BUSY_TIMEOUT_MS = 30_000

#: How many connections to a file of SQLite are kept for the next who needs one: opening
#: one, and reading the schema with it, costs more than most transactions.
POOL_SIZE = 16

#: Seconds that a process waits for another one that makes or changes tables.
TABLES_TIMEOUT = 300.0


class Database:
    """A SQL database and its two kinds of transaction.

    :param url: of SQLAlchemy, ``sqlite:////var/lib/valence/valence.sqlite``,
        ``postgresql+psycopg://...``, ``mysql+pymysql://...``.
    :raises NoDatabase: it is none, or its driver is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            self.url = sa.make_url(url)
            self.is_sqlite = self.url.get_backend_name() == "sqlite"
            self.engine = _sqlite(self.url) if self.is_sqlite else _server(url)
        except (sa.exc.ArgumentError, ImportError, TypeError) as exc:
            raise errors.NoDatabase(
                f"A connection of the configuration is no URL of a database that can be opened: "
                f"{exc}. Give sqlite:////FILE, postgresql+psycopg://... or mysql+pymysql://..., "
                "for which pip install 'valence[database]' brings what is needed."
            ) from exc
        immediate = self.engine.execution_options(sqlite_begin="IMMEDIATE")
        self._readers = orm.sessionmaker(self.engine, expire_on_commit=False)
        self._writers = orm.sessionmaker(immediate, expire_on_commit=False)

    def reach(self, patience: float) -> None:
        """Wait until the server answers.

        :param patience: seconds. A file of SQLite is there, or it is not.
        :raises Unreachable: it does not.
        """
        name = self.url.render_as_string(hide_password=True)
        seconds = 0.0 if self.is_sqlite else patience
        reaching.retry_until_reachable(f"The database {name}", self._connect, AWAY, seconds)

    def _connect(self) -> None:
        with self.engine.connect():
            pass

    @contextlib.contextmanager
    def reader(self) -> Iterator[orm.Session]:
        """Open a transaction that only reads.

        :raises Abandoned: the database is away, and this thread is at work on a job.
        """
        with _left_if_away(), self._readers() as session:
            yield session

    @contextlib.contextmanager
    def writer(self) -> Iterator[orm.Session]:
        """Open a transaction that writes, and commit it at the end.

        Keep it short: SQLite has one writer at a time.

        :raises Abandoned: the database is away, and this thread is at work on a job.
        """
        with _left_if_away(), self._writers() as session, session.begin():
            yield session

    def upgrade(self, migrations: str, version_table: str, revision: str = "head") -> None:
        """Bring the schema to a revision.

        :param migrations: folder of alembic's scripts.
        :param version_table: where this schema keeps its revision, so that
            several schemas can share one database.
        """
        with self.alone() as see, self._writers.kw["bind"].begin() as connection:
            config = _alembic_config(migrations)
            config.attributes.update(connection=connection, version_table=version_table)
            alembic.command.upgrade(config, revision)
            see()  # before it is committed

    @contextlib.contextmanager
    def alone(self) -> Iterator[Callable[[], None]]:
        """Change a schema while no other process changes one in this database.

        Conductors that are started together on an empty database all want to make its
        tables, and MariaDB commits every statement for itself: each would make half of
        them. SQLite has one writer at a time anyway.

        :returns: what sees that no other process can be at it, which the end does too.
        :raises TimeoutError: another process is at it for too long.
        :raises LockLost: another process may have changed the schema meanwhile.
        """
        if self.is_sqlite:
            yield lambda: None
            return
        guard = ServerLock(self.engine, "tables")
        deadline = time.monotonic() + TABLES_TIMEOUT
        while not guard.acquire():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Another process holds {guard.location} to make tables there.")
            time.sleep(0.2)
        try:
            yield lambda: _see(guard)
            _see(guard)
        finally:
            guard.release()

    def version(self, version_table: str) -> str | None:
        """Tell the revision of the schema; None before the first one."""
        with self.engine.connect() as connection:
            options = {"version_table": version_table}
            context = alembic.migration.MigrationContext.configure(connection, opts=options)
            return context.get_current_revision()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


@contextlib.contextmanager
def _left_if_away() -> Iterator[None]:
    """Have a job left when its rows cannot be reached.

    That is no failure of the job, for which anything would have to be undone: whoever
    goes on with it when the database is back finds it as a killed process leaves it.
    """
    try:
        yield
    except AWAY as exc:
        if not interrupt.in_job():
            raise
        LOG.warning("The database is away, the job is left: %s", exc)
        raise errors.Abandoned from exc


def _see(guard: ServerLock) -> None:
    """See that a lock is held still.

    :raises LockLost: it is not.
    """
    if not guard.is_held():
        raise errors.LockLost(
            f"{guard.location} was lost because its connection ended: another process may have "
            "made tables at the same time. See that none does, and begin this once more."
        )


def latest_revision(migrations: str) -> str | None:
    """Tell the newest revision that a folder of migrations leads to."""
    scripts = alembic.script.ScriptDirectory.from_config(_alembic_config(migrations))
    return scripts.get_current_head()


def run_migrations(metadata: sa.MetaData) -> None:
    """Do what an ``env.py`` of alembic is there for."""
    attributes = alembic_context.config.attributes
    alembic_context.configure(
        connection=attributes["connection"],
        target_metadata=metadata,
        version_table=attributes["version_table"],
        render_as_batch=True,
    )
    with alembic_context.begin_transaction():
        alembic_context.run_migrations()


def retried(function: F) -> F:
    """Repeat a whole transaction that was chosen as a deadlock's victim or lost its connection."""
    wrapper = oslo_db_api.wrap_db_retry(
        max_retries=5,
        retry_interval=0.1,
        inc_retry_interval=True,
        max_retry_interval=2,
        retry_on_disconnect=True,
        retry_on_deadlock=True,
        jitter=True,
    )
    wrapped: F = wrapper(function)
    return wrapped


def _server(url: str) -> sa.Engine:
    """Open PostgreSQL or MariaDB as every service of OpenStack does.

    MariaDB is spoken to in all of Unicode unless the URL says otherwise; oslo.db would
    take the half of it that has no more than three bytes.

    TaskFlow keeps what a failed task raised, with all that it was caused by; what of
    that is no JSON is written down as a word for it, as TaskFlow does it on SQLite.
    Without, the failure could not be kept, and the flow could never end.
    """
    where = sa.make_url(url)
    if where.get_backend_name() == "mysql" and "charset" not in where.query:
        where = where.update_query_dict({"charset": "utf8mb4"})
    engine: sa.Engine = engines.create_engine(
        where,
        max_retries=0,  # nothing is opened yet: see Database.reach
        mysql_sql_mode="TRADITIONAL",
        json_serializer=jsonutils.dumps,
    )
    return engine


def _sqlite(url: sa.URL) -> sa.Engine:
    """Open SQLite so that it serves several threads and processes.

    Write-ahead log, patience with other writers, and a writer that takes its
    lock when it begins: one that reads first and then finds the file changed
    would fail at once, however patient it is. (oslo.db's own engine begins
    every transaction as a reader.)
    """
    engine = sa.create_engine(url, pool_size=POOL_SIZE, max_overflow=-1)
    exc_filters.register_engine(engine)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the begin below is the only one
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        how = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {how}")

    return engine


def _alembic_config(migrations: str) -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", migrations.replace("%", "%%"))
    return config
