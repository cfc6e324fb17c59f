# SPDX-License-Identifier: Apache-2.0

"""Exclusive locks that end with the process that holds them: on a file, or in a database."""

from collections.abc import Mapping
import contextlib
import fcntl
import os
import threading
from typing import Protocol

from oslo_db import exception as db_errors
from oslo_log import log as logging
import sqlalchemy as sa

LOG = logging.getLogger(__name__)

#: How many shared holders of one lock MariaDB can see at a time.
MYSQL_SHARES = 16


class Lock(Protocol):
    """A lock that one process at a time may hold.

    :ivar location: of the lock, for log lines and errors.
    """

    location: str

    def acquire(self) -> bool:
        """Acquire the lock; return False when another holder has it."""

    def is_held(self) -> bool:
        """Return whether the lock that was acquired is still held, according to its keeper."""

    def release(self) -> None:
        """Release the lock, if it is held."""


class FileLock:
    """A lock on a file or a folder; the kernel releases it when its holder dies.

    It belongs to the open file and not to the process (``flock``), so that two holders
    in one process exclude each other as well. The locks of fasteners (``lockf``) do not:
    they belong to the process, end as soon as any thread of it closes the file, and
    cannot be held on a folder.

    :param path: of the file, which is created when missing (mode 0600) and never removed.
    :param folder: ``path`` is an existing folder.
    :param shared: exclude exclusive holders only.
    """

    def __init__(self, path: str, *, folder: bool = False, shared: bool = False) -> None:
        self.location = path
        self._flags = os.O_CLOEXEC | (os.O_RDONLY if folder else os.O_RDWR | os.O_CREAT)
        self._operation = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        self._descriptor: int | None = None
        self._guard = threading.Lock()

    def acquire(self, *, blocking: bool = False) -> bool:
        """Acquire the lock.

        :param blocking: wait for other holders, without a deadline.
        :returns: False when another holder excludes this one.
        """
        descriptor = os.open(self.location, self._flags, 0o600)
        if self._flags & os.O_CREAT:
            with contextlib.suppress(PermissionError):  # another user's file
                os.fchmod(descriptor, 0o600)
        try:
            fcntl.flock(descriptor, self._operation | (0 if blocking else fcntl.LOCK_NB))
        except OSError:
            os.close(descriptor)
            if blocking:
                raise
            return False
        self._descriptor = descriptor
        return True

    def is_held(self) -> bool:
        """Return whether the lock was acquired: the kernel never revokes it."""
        return self._descriptor is not None

    def release(self) -> None:
        """Release the lock, if it is held."""
        # Closed twice, a descriptor may be that of another file by then.
        with self._guard:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None


def _mysql_name(share: int | None = None) -> str:
    """Return the name of a lock in MariaDB, whose names belong to the whole server."""
    suffix = "" if share is None else f"-{share}"
    return f"CONCAT('valence-{{name}}-', MD5(DATABASE()), '{suffix}')"


class ServerLock:
    """An exclusive lock in a database on a server. Safe to use from many threads.

    The server releases it when its holder's connection ends, without notice: call
    :meth:`is_held` before relying on it.

    The locks of tooz in these databases are not used: that of PostgreSQL needs psycopg2,
    that of MariaDB is one for the whole server and not one per database, and neither can
    find out whether it is still held.

    :param engine: of PostgreSQL or MariaDB.
    :param name: of the lock, one word.
    :param shared: exclude exclusive holders only.
    """

    #: dialect -> the statement that acquires the lock, for as long as the connection lasts.
    EXCLUSIVE: Mapping[str, str] = {
        "postgresql": "SELECT pg_try_advisory_lock(hashtext('valence-{name}'))",
        "mysql": f"SELECT GET_LOCK({_mysql_name()}, 0)"
        + "".join(f" AND IS_FREE_LOCK({_mysql_name(n)})" for n in range(MYSQL_SHARES)),
    }

    #: The same for one of several shared holders. MariaDB has no shared locks: such a holder
    #: has a lock of its own, and then looks at that of the exclusive holder, who does the
    #: same in the opposite order. Those who find no free lock rely on the present holders.
    SHARED: Mapping[str, str] = {
        "postgresql": "SELECT pg_try_advisory_lock_shared(hashtext('valence-{name}'))",
        "mysql": "SELECT ("
        + "".join(f"GET_LOCK({_mysql_name(n)}, 0) OR " for n in range(MYSQL_SHARES))
        + f"TRUE) AND IS_FREE_LOCK({_mysql_name()})",
    }

    #: dialect -> statements for a connection that is idle all the time: the server must not
    #: close it, and must notice within minutes that the host of its client died.
    KEEP_IDLE: Mapping[str, tuple[str, ...]] = {
        "mysql": ("SET SESSION wait_timeout = 31536000",),
        "postgresql": (
            "SET tcp_keepalives_idle = 60",
            "SET tcp_keepalives_interval = 10",
            "SET tcp_keepalives_count = 6",
        ),
    }

    def __init__(self, engine: sa.Engine, name: str = "flows", *, shared: bool = False) -> None:
        self.location = f"a lock in {engine.url.render_as_string(hide_password=True)}"
        self._engine = engine
        statements = self.SHARED if shared else self.EXCLUSIVE
        self._statement = statements[engine.dialect.name].format(name=name)
        self._connection: sa.Connection | None = None
        self._guard = threading.Lock()

    def acquire(self) -> bool:
        """Acquire the lock.

        :returns: False when another holder has it.
        :raises DBConnectionError: the server is unreachable.
        """
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            for statement in self.KEEP_IDLE[self._engine.dialect.name]:
                connection.exec_driver_sql(statement)
            is_acquired = bool(connection.exec_driver_sql(self._statement).scalar())
        except BaseException:
            _close(connection)
            raise
        if not is_acquired:
            _close(connection)
            return False
        with self._guard:
            self._drop_connection()
            self._connection = connection
        return True

    def is_held(self) -> bool:
        """Return whether the lock is held: whether its connection still exists.

        A connection that was lost is not replaced, or the lock would seem to be held.
        """
        with self._guard:
            if self._connection is None:
                return False
            try:
                self._connection.exec_driver_sql("SELECT 1")
            except (db_errors.DBError, sa.exc.SQLAlchemyError) as exc:
                LOG.warning("Lost the connection that held %s: %s", self.location, exc)
                self._drop_connection()
                return False
            return True

    def release(self) -> None:
        """Release the lock, if it is held."""
        with self._guard:
            self._drop_connection()

    def _drop_connection(self) -> None:
        if self._connection is not None:
            _close(self._connection)
            self._connection = None


def _close(connection: sa.Connection) -> None:
    """Close a connection instead of returning it to its pool: the lock ends with it."""
    try:
        connection.invalidate()
        connection.close()
    except (db_errors.DBError, sa.exc.SQLAlchemyError) as exc:  # the lock has ended as well
        LOG.debug("The connection of a lock was closed already: %s", exc)
