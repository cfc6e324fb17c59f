# SPDX-License-Identifier: Apache-2.0

"""One SQL database, opened so that it survives threads, processes and restarts."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import os
import pathlib
import stat
import tempfile
from typing import Any
from typing import TypeVar
import urllib.parse

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
from valence_conductor import waiting

F = TypeVar("F", bound=Callable[..., Any])

LOG = logging.getLogger(__name__)

#: Errors of a database that cannot be reached, or whose connection was lost.
UNREACHABLE = (
    db_errors.DBConnectionError,
    db_errors.DBNonExistentDatabase,
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
)

#: Free space below which a disk is full, bytes.
RESERVE = 1024 * 1024

#: How long a writer of SQLite waits for another writer, milliseconds.
BUSY_TIMEOUT_MS = 30_000

#: Endings of the files that SQLite keeps beside a database.
SIDE_FILES = ("wal", "shm", "journal")

#: Connections to a SQLite file that are kept open: opening one, which reads the schema,
#: costs more than most transactions.
POOL_SIZE = 16


class Database:
    """A SQL database with two kinds of transactions.

    :param url: SQLAlchemy URL: ``sqlite:////var/lib/valence/valence.sqlite``,
        ``postgresql+psycopg://...``, ``mysql+pymysql://...``.
    :ivar engine: for reading.
    :ivar write_engine: the same engine; on SQLite its transactions take the write lock
        when they begin.
    :raises NoDatabase: the URL is invalid, or its driver is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            self.url = sa.make_url(url)
            self.is_sqlite = self.url.get_backend_name() == "sqlite"
            self.engine = _sqlite(self.url) if self.is_sqlite else _server(url)
        except (sa.exc.ArgumentError, ImportError, TypeError) as exc:
            raise errors.NoDatabase(
                f"A configured connection is not the URL of a database that can be opened: "
                f"{exc}. Use sqlite:////FILE, postgresql+psycopg://... or mysql+pymysql://...; "
                "pip install 'valence[database]' installs the drivers of the last two."
            ) from exc
        self.write_engine = self.engine.execution_options(sqlite_begin="IMMEDIATE")
        self._readers = orm.sessionmaker(self.engine, expire_on_commit=False)
        self._writers = orm.sessionmaker(self.write_engine, expire_on_commit=False)

    @property
    def file(self) -> pathlib.Path | None:
        """The file of a SQLite database; None on a server, or in memory."""
        return file_of(self.url) if self.is_sqlite else None

    def reach(self, timeout: float) -> None:
        """Wait until the server answers.

        :param timeout: seconds; ignored for SQLite, where waiting does not help.
        :raises Unreachable: the server does not answer in that time.
        """
        name = self.url.render_as_string(hide_password=True)
        seconds = 0.0 if self.is_sqlite else timeout
        waiting.retry_until_reachable(
            f"The database {name}", self._connect, UNREACHABLE, timeout=seconds
        )

    def _connect(self) -> None:
        with self.engine.connect():
            pass

    @contextlib.contextmanager
    def reader(self) -> Iterator[orm.Session]:
        """Open a transaction that only reads.

        :raises Abandoned: the database is unreachable, and this thread runs a job.
        """
        with _abandoned_if_unreachable(), self._readers() as session:
            yield session

    @contextlib.contextmanager
    def writer(self) -> Iterator[orm.Session]:
        """Open a transaction that writes, and commit it at the end.

        Keep it short: SQLite has one writer at a time.

        :raises Abandoned: the database is unreachable, and this thread runs a job.
        """
        with _abandoned_if_unreachable(), self._writers() as session, session.begin():
            yield session

    def check_writable(self, table: str, column: str) -> None:
        """Check that rows can be written: write what is there already, to one small table.

        :raises OSError: the disk of a SQLite file is full.
        :raises Exception: see :func:`is_unavailable`.
        """
        if self.file is not None:
            with tempfile.TemporaryFile(dir=self.file.parent) as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE)
        with self.writer() as session:
            session.execute(sa.text(f"UPDATE {table} SET {column} = {column}"))  # noqa: S608

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def is_unavailable(exc: BaseException) -> bool:
    """Return whether a statement failed that may succeed when it is repeated later.

    The database cannot be reached, its disk is full, it only reads, others hold a lock for
    too long, or no connection is free.
    """
    waits = (db_errors.DBDeadlock, sa.exc.TimeoutError)
    return isinstance(exc, (*UNREACHABLE, *waits)) or _only_reads(exc)


def _only_reads(exc: BaseException) -> bool:
    """Return whether it is the error of a PostgreSQL server that is a standby, for example."""
    inner = getattr(exc, "inner_exception", None)
    return type(exc) is db_errors.DBError and isinstance(inner, sa.exc.InternalError)


def reason_of(exc: BaseException) -> str:
    """Return why a database is unavailable, without the names of hosts."""
    reason = waiting.reason_of(exc)
    is_disconnected = isinstance(exc, db_errors.DBConnectionError)
    return "It cannot be reached" if is_disconnected or "connect" in reason else reason


@contextlib.contextmanager
def _abandoned_if_unreachable() -> Iterator[None]:
    """Abandon the job of this thread when its rows cannot be reached.

    The job has not failed, so that nothing is to be reverted: when the database is back,
    the job is resumed as after a killed process.
    """
    try:
        yield
    except (*UNREACHABLE, db_errors.DBError) as exc:
        if not interrupt.in_job() or not (isinstance(exc, UNREACHABLE) or _only_reads(exc)):
            raise
        LOG.warning("Abandoned the job: the database is unreachable: %s", exc)
        raise errors.Abandoned from exc


def retried(function: F) -> F:
    """Retry a whole transaction after a deadlock or a lost connection."""
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
    """Open PostgreSQL or MariaDB as every OpenStack service does.

    The charset of MariaDB is utf8mb4 unless the URL names another: oslo.db's default,
    utf8, has no characters of four bytes.

    TaskFlow stores the exception of a failed task with all its causes. What JSON cannot
    represent is stored as text, as TaskFlow itself does on SQLite; otherwise the failure
    could not be stored, and the flow could never end.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "mysql" and "charset" not in parsed.query:
        parsed = parsed.update_query_dict({"charset": "utf8mb4"})
    engine: sa.Engine = engines.create_engine(
        parsed,
        max_retries=0,  # Database.reach waits for the server
        mysql_sql_mode="TRADITIONAL",
        json_serializer=jsonutils.dumps,
    )
    return engine


def file_of(url: sa.URL) -> pathlib.Path | None:
    """Return the file of a SQLite database; None if it is in memory."""
    name = url.database or ":memory:"
    if name.startswith("file:"):  # a URI, with options
        name = urllib.parse.unquote(urllib.parse.urlsplit(name).path)
    return None if name == ":memory:" else pathlib.Path(name).resolve()


def _make_private(file: pathlib.Path) -> None:
    """Make a SQLite file accessible to its owner only, with those that SQLite keeps beside it.

    Its folder may be one that others can read. SQLite creates the other files with the mode
    of the database.
    """
    with contextlib.suppress(OSError):  # it exists, or SQLite reports why it cannot exist
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    for path in (file, *(file.with_name(f"{file.name}-{end}") for end in SIDE_FILES)):
        with contextlib.suppress(FileNotFoundError, PermissionError):
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                path.chmod(0o600)
                LOG.warning("Made %s private: its mode was %04o", path, mode)


def _sqlite(url: sa.URL) -> sa.Engine:
    """Open SQLite so that it serves several threads and processes.

    With a write-ahead log, a busy timeout, and writers that lock the file when they
    begin: a transaction that reads first and then finds the file changed would fail at
    once, whatever the timeout. (oslo.db's own engine begins every transaction as a
    reader.)
    """
    engine = sa.create_engine(url, pool_size=POOL_SIZE, max_overflow=-1)
    exc_filters.register_engine(engine)

    @event.listens_for(engine, "do_connect")
    def before_connect(*_args: Any) -> None:
        file = file_of(url)
        if file is not None:
            _make_private(file)

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the BEGIN below is the only one
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def on_begin(connection: sa.Connection) -> None:
        mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine
