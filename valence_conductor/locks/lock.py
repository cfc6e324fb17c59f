# SPDX-License-Identifier: Apache-2.0

"""A file, or a word in a database, that one process holds for as long as it lives."""

from collections.abc import Mapping
import fcntl
import os
import threading
from typing import Protocol

from oslo_db import exception as db_errors
from oslo_log import log as logging
import sqlalchemy as sa

LOG = logging.getLogger(__name__)


class Lock(Protocol):
    """What only one process may hold.

    :ivar location: what it is on, for people.
    """

    location: str

    def acquire(self) -> bool:
        """Take the lock; False when somebody else holds it."""

    def is_held(self) -> bool:
        """Tell whether the lock that was taken is held still, asking whoever keeps it."""

    def release(self) -> None:
        """Let go of the lock, if it is held."""


class FileLock:
    """An exclusive lock on a file; the kernel lets go of it when its holder dies.

    It belongs to the open file and not to the process (``flock``), so that two
    holders in one process exclude each other as well.

    :param path: of the file; made when missing, never removed.
    """

    def __init__(self, path: str) -> None:
        self.location = path
        self._file: int | None = None

    def acquire(self) -> bool:
        """Take the lock.

        :returns: False when somebody else holds it.
        """
        file = os.open(self.location, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True

    def is_held(self) -> bool:
        """Tell whether the lock is held: the kernel takes it away from nobody."""
        return self._file is not None

    def release(self) -> None:
        """Let go of the lock, if it is held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class ServerLock:
    """An exclusive lock in a database on a server.

    The server lets go of it when its holder's connection ends, and tells nobody: ask
    :meth:`held` before relying on it. Safe to use from many threads.

    :param engine: of PostgreSQL or MariaDB.
    :param name: of the lock, a word.
    """

    #: dialect -> what takes the lock of a database, and lasts as long as the connection.
    STATEMENTS: Mapping[str, str] = {
        "postgresql": "SELECT pg_try_advisory_lock(hashtext('valence-{name}'))",
        "mysql": "SELECT GET_LOCK(CONCAT('valence-{name}-', MD5(DATABASE())), 0)",
    }

    #: Nobody speaks over the connection of a lock, and it must not end because of that.
    PATIENCE: Mapping[str, str] = {"mysql": "SET SESSION wait_timeout = 31536000"}

    def __init__(self, engine: sa.Engine, name: str = "flows") -> None:
        self.location = f"a lock in {engine.url.render_as_string(hide_password=True)}"
        self._engine = engine
        self._statement = self.STATEMENTS[engine.dialect.name].format(name=name)
        self._connection: sa.Connection | None = None
        self._guard = threading.Lock()

    def acquire(self) -> bool:
        """Take the lock.

        :returns: False when somebody else holds it.
        :raises DBConnectionError: the server is away.
        """
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        dialect = self._engine.dialect.name
        if dialect in self.PATIENCE:
            connection.exec_driver_sql(self.PATIENCE[dialect])
        if connection.exec_driver_sql(self._statement).scalar():
            with self._guard:
                self._connection = connection
            return True
        _end(connection)
        return False

    def is_held(self) -> bool:
        """Tell whether the lock is held: whether its connection is there still.

        One that is gone is not taken up again, or the lock would seem to be held.
        """
        with self._guard:
            if self._connection is None:
                return False
            try:
                self._connection.exec_driver_sql("SELECT 1")
            except (db_errors.DBError, sa.exc.SQLAlchemyError) as exc:
                LOG.warning("The connection that held %s is gone: %s", self.location, exc)
                self._let_go()
                return False
            return True

    def release(self) -> None:
        """Let go of the lock, if it is held."""
        with self._guard:
            self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None:
            _end(self._connection)
            self._connection = None


def _end(connection: sa.Connection) -> None:
    """End a connection instead of giving it back to its pool: the lock ends with it."""
    try:
        connection.invalidate()
        connection.close()
    except (db_errors.DBError, sa.exc.SQLAlchemyError) as exc:  # it was gone, and so is the lock
        LOG.debug("The connection of a lock was gone: %s", exc)
