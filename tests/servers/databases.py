# SPDX-License-Identifier: Apache-2.0

"""PostgreSQL and MariaDB: what rows and flows of several machines are kept in."""

import atexit
import contextlib
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid as uuids

import psycopg
import pymysql

from devstack.lab import processes
from tests.servers import process

#: Who runs a server that refuses to be run by root.
NOBODY = "nobody"


class Database(process.Server):
    """A SQL server with an empty database, as whoever runs the tests, or as nobody."""

    def _setUp(self) -> None:
        # A folder that the server's user can reach, wherever TMPDIR leads.
        folder = tempfile.mkdtemp(prefix="valence-sql-", dir="/tmp")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.folder = pathlib.Path(folder)
        self.port = process.free_port()
        self.make()
        self.start()
        self.addCleanup(self.kill)
        self._until_it_answers()

    def make(self) -> None:
        """Make the files of an empty server."""
        raise NotImplementedError

    def create(self, name: str) -> None:
        """Create an empty database.

        :raises Exception: the server does not take it, as long as it starts.
        """
        raise NotImplementedError

    def drop(self, name: str) -> None:
        """Drop a database, whoever still has a connection to it."""
        raise NotImplementedError

    def url(self, name: str) -> str:
        """URL of a database on it."""
        raise NotImplementedError

    def restart(self) -> None:
        """Kill it, and start it again on the same files.

        Workers of a server that was killed hold its memory until they notice, and no
        other is let in as long as they do.
        """
        self.kill()
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        deadline = time.monotonic() + process.PATIENCE
        while True:
            try:
                self.start()
                break
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        self._until_it_answers()

    def ready(self) -> None:
        """Connect; raise as long as it starts."""
        raise NotImplementedError

    def _until_it_answers(self) -> None:
        deadline = time.monotonic() + process.PATIENCE
        while True:
            try:
                return self.ready()
            except (psycopg.Error, pymysql.Error):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def run(self, *command: str) -> None:
        """Run a command as the server's user."""
        words = [*as_nobody(), process.find(command[0]) or command[0], *command[1:]]
        done = subprocess.run(words, check=False, capture_output=True, text=True, cwd=self.folder)
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]}: {(done.stdout + done.stderr)[-2000:]}")

    def own(self) -> None:
        """Give the files to the server's user."""
        if os.getuid() == 0:
            user = pwd.getpwnam(NOBODY)
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid)


def as_nobody() -> list[str]:
    """Give what to put before a command that root must not run."""
    return ["setpriv", f"--reuid={NOBODY}", "--clear-groups", "--"] if os.getuid() == 0 else []


class PostgreSQL(Database):
    """PostgreSQL."""

    needs = ("initdb", "postgres")

    SETTINGS = ("fsync=off", "max_connections=300")

    def make(self) -> None:
        """Make the files of an empty server."""
        self.own()
        data = str(self.folder / "data")
        self.run("initdb", "-D", data, "-U", "valence", "--auth=trust", "-E", "UTF8", "--no-sync")

    def command(self) -> list[str]:
        """Give the command that starts it in the foreground."""
        options = ["-k", str(self.folder)]
        for option in ("listen_addresses=127.0.0.1", f"port={self.port}", *self.SETTINGS):
            options += ["-c", option]
        return [*as_nobody(), "postgres", "-D", str(self.folder / "data"), *options]

    def ready(self) -> None:
        """Connect; raise as long as it starts."""
        with self._connect():
            pass

    def create(self, name: str) -> None:
        """Create an empty database."""
        with self._connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]

    def drop(self, name: str) -> None:
        """Drop a database, whoever still has a connection to it."""
        with self._connect() as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]

    def url(self, name: str) -> str:
        """URL of a database on it."""
        return f"postgresql+psycopg://valence@127.0.0.1:{self.port}/{name}"

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="valence", dbname="postgres", autocommit=True
        )


class MariaDB(Database):
    """MariaDB."""

    needs = ("mariadb-install-db", "mariadbd")

    def make(self) -> None:
        """Make the files of an empty server."""
        (self.folder / "tmp").mkdir()
        self.own()
        authentication = "--auth-root-authentication-method=normal"
        self.run("mariadb-install-db", *self._folders(), authentication)

    def command(self) -> list[str]:
        """Give the command that starts it in the foreground."""
        return [
            *as_nobody(),
            "mariadbd",
            *self._folders(),
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--socket={self.folder / 'socket'}",
            "--innodb-flush-log-at-trx-commit=2",
        ]

    def ready(self) -> None:
        """Connect; raise as long as it starts."""
        with contextlib.closing(self._connect()):
            pass

    def create(self, name: str) -> None:
        """Create an empty database, and whoever may use it."""
        with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")

    def drop(self, name: str) -> None:
        """Drop a database, whoever still has a connection to it."""
        with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE `{name}`")

    def url(self, name: str) -> str:
        """URL of a database on it."""
        return f"mysql+pymysql://root@127.0.0.1:{self.port}/{name}"

    def _folders(self) -> list[str]:
        """Say where its files are; one that starts clears the temporary tables of others away."""
        return [
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            f"--tmpdir={self.folder / 'tmp'}",
        ]

    def _connect(self) -> "pymysql.Connection":
        return pymysql.connect(host="127.0.0.1", port=self.port, user="root", autocommit=True)


ALL = {"postgresql": PostgreSQL, "mariadb": MariaDB}

#: Names one of the above (``make unit DATABASE=mariadb``): tests that do not care keep
#: their rows there. Files of SQLite without it.
VARIABLE = "VALENCE_DATABASE"

#: The servers of this process, and what ends them should it be killed.
_servers: dict[str, tuple[Database, processes.Reaper]] = {}


def url(folder: pathlib.Path, name: str) -> str:
    """Give the URL of the database of this name that belongs to a folder.

    It is made, empty, when it is first asked for. Every process that is given the
    folder finds the same one.
    """
    kind = os.environ.get(VARIABLE, "sqlite")
    if kind == "sqlite":
        return f"sqlite:///{folder}/{name}.sqlite"
    note = folder / f"{name}.url"
    if not note.exists():
        unique = f"{name}_{uuids.uuid4().hex}"
        server = _server(kind)
        server.create(unique)
        note.write_text(server.url(unique))
    return note.read_text()


def _server(kind: str) -> Database:
    """Start the server of this process when it is first wanted; it ends with the process."""
    if kind not in _servers:
        reaper = processes.Reaper()
        server = ALL[kind]()
        server.setUp()
        reaper.watch(server.process.pid)
        atexit.register(reaper.close)
        atexit.register(server.cleanUp)
        _servers[kind] = server, reaper
    return _servers[kind][0]
