# SPDX-License-Identifier: Apache-2.0

"""PostgreSQL and MariaDB servers, and the databases in which tests store rows and flows."""

import atexit
from collections.abc import Callable
import contextlib
import dataclasses
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

#: The user that runs servers which refuse to run as root.
USER = "nobody"


class Database(process.Server):
    """A SQL server, run by the user of the tests, or by an unprivileged one if that is root."""

    def _setUp(self) -> None:
        # A folder that the server's user can access, whatever TMPDIR is.
        folder = tempfile.mkdtemp(prefix="valence-sql-", dir="/tmp")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.folder = pathlib.Path(folder)
        self.port = process.free_port()
        self.make()
        self.start()
        self.addCleanup(self.kill)
        self._wait_ready()

    def make(self) -> None:
        """Create the files of an empty server."""
        raise NotImplementedError

    def create(self, name: str, template: str | None = None) -> None:
        """Create a database.

        :param template: a database without connections, of which it is a copy; None: it is
            empty.
        :raises Exception: the server is still starting.
        """
        raise NotImplementedError

    def drop(self, name: str) -> None:
        """Drop a database, even if there are connections to it."""
        raise NotImplementedError

    def url(self, name: str) -> str:
        """Return the URL of a database on this server."""
        raise NotImplementedError

    def restart(self) -> None:
        """Kill the server, and start it again on the same files.

        The children of a killed server hold its shared memory until they notice, and no other
        server can start until then.
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
        self._wait_ready()

    def ready(self) -> None:
        """Connect; raise an error while the server is starting."""
        raise NotImplementedError

    def _wait_ready(self) -> None:
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
        words = [*as_unprivileged(), process.find(command[0]) or command[0], *command[1:]]
        result = subprocess.run(
            words, check=False, capture_output=True, text=True, cwd=self.folder
        )
        if result.returncode != 0:
            raise RuntimeError(f"{command[0]}: {(result.stdout + result.stderr)[-2000:]}")

    def own(self) -> None:
        """Make the server's user the owner of the files."""
        if os.getuid() == 0:
            user = pwd.getpwnam(USER)
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid)


def as_unprivileged() -> list[str]:
    """Return the prefix of a command that root must not run."""
    return ["setpriv", f"--reuid={USER}", "--clear-groups", "--"] if os.getuid() == 0 else []


class PostgreSQL(Database):
    """PostgreSQL."""

    needs = ("initdb", "postgres")

    SETTINGS = ("fsync=off", "max_connections=300")

    def make(self) -> None:
        """Create the files of an empty server."""
        self.own()
        data = str(self.folder / "data")
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        self.run("initdb", "-D", data, "-U", "valence", *options)

    def command(self) -> list[str]:
        """Return the command that starts the server in the foreground."""
        options = ["-k", str(self.folder)]
        for option in ("listen_addresses=127.0.0.1", f"port={self.port}", *self.SETTINGS):
            options += ["-c", option]
        return [*as_unprivileged(), "postgres", "-D", str(self.folder / "data"), *options]

    def ready(self) -> None:
        """Connect; raise an error while the server is starting."""
        with self._connect():
            pass

    def create(self, name: str, template: str | None = None) -> None:
        """Create a database, empty or as a copy."""
        copied = f' TEMPLATE "{template}"' if template else ""
        with self._connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}"{copied}')  # type: ignore[arg-type]

    def drop(self, name: str) -> None:
        """Drop a database, even if there are connections to it."""
        with self._connect() as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]

    def url(self, name: str) -> str:
        """Return the URL of a database on this server."""
        return f"postgresql+psycopg://valence@127.0.0.1:{self.port}/{name}"

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="valence", dbname="postgres", autocommit=True
        )


class MariaDB(Database):
    """MariaDB."""

    needs = ("mariadb-install-db", "mariadbd")

    def make(self) -> None:
        """Create the files of an empty server."""
        (self.folder / "tmp").mkdir()
        self.own()
        authentication = "--auth-root-authentication-method=normal"
        self.run("mariadb-install-db", *self._folders(), authentication)

    def command(self) -> list[str]:
        """Return the command that starts the server in the foreground."""
        return [
            *as_unprivileged(),
            "mariadbd",
            *self._folders(),
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--socket={self.folder / 'socket'}",
            "--innodb-flush-log-at-trx-commit=2",
        ]

    def ready(self) -> None:
        """Connect; raise an error while the server is starting."""
        with contextlib.closing(self._connect()):
            pass

    def create(self, name: str, template: str | None = None) -> None:
        """Create a database, empty or as a copy."""
        with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
            if template:
                cursor.execute(f"USE `{name}`")
                self._copy_tables(cursor, template)

    def _copy_tables(self, cursor: "pymysql.cursors.Cursor", template: str) -> None:
        """Copy every table into the current database, with its foreign keys and rows."""
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute(f"SHOW TABLES FROM `{template}`")
        for (table,) in cursor.fetchall():
            cursor.execute(f"SHOW CREATE TABLE `{template}`.`{table}`")
            ((_name, statement),) = cursor.fetchall()
            cursor.execute(statement)
            cursor.execute(f"INSERT INTO `{table}` SELECT * FROM `{template}`.`{table}`")

    def drop(self, name: str) -> None:
        """Drop a database, even if there are connections to it."""
        with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE `{name}`")

    def url(self, name: str) -> str:
        """Return the URL of a database on this server."""
        return f"mysql+pymysql://root@127.0.0.1:{self.port}/{name}"

    def _folders(self) -> list[str]:
        """Return the options for its folders; a server deletes temporary tables in its tmpdir."""
        return [
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            f"--tmpdir={self.folder / 'tmp'}",
        ]

    def _connect(self) -> "pymysql.Connection":
        return pymysql.connect(host="127.0.0.1", port=self.port, user="root", autocommit=True)


ALL = {"postgresql": PostgreSQL, "mariadb": MariaDB}

#: Environment variable with a key of ``ALL`` (``make unit DATABASE=mariadb``): the server on
#: which tests store their rows. Without it they are in files of SQLite.
VARIABLE = "VALENCE_DATABASE"


@dataclasses.dataclass(frozen=True)
class Template:
    """A database that is filled once per test process, and copied for each test.

    :ivar fill: creates the tables in an empty database, given its URL.
    :ivar renew: replaces rows that two databases must not share, given the URL of a copy.
    """

    fill: Callable[[str], None]
    renew: Callable[[str], None]


#: kind of server -> the server of this process, and what ends it if the process is killed
_servers: dict[str, tuple[Database, processes.Reaper]] = {}

#: template -> the content of its file of SQLite
_files: dict[Template, bytes] = {}

#: template -> the name of its database on the server of this process
_databases: dict[Template, str] = {}


def url(folder: pathlib.Path, name: str, template: Template | None = None) -> str:
    """Return the URL of the database of this name that belongs to a folder.

    The first call creates it. Every process that uses the folder gets the same database.

    :param template: what it is a copy of; None: it is empty.
    """
    kind = os.environ.get(VARIABLE, "sqlite")
    if kind == "sqlite":
        return _sqlite_url(folder / f"{name}.sqlite", template)
    note = folder / f"{name}.url"
    if not note.exists():
        unique = f"{name}_{uuids.uuid4().hex}"
        server = _server(kind)
        server.create(unique, template and _server_template(server, template))
        if template is not None:
            template.renew(server.url(unique))
        note.write_text(server.url(unique))
    return note.read_text()


def _sqlite_url(file: pathlib.Path, template: Template | None) -> str:
    address = f"sqlite:///{file}"
    if template is not None and not file.exists():
        if template not in _files:
            with tempfile.TemporaryDirectory(prefix="valence-template-") as folder:
                template.fill(f"sqlite:///{folder}/template.sqlite")
                _files[template] = pathlib.Path(folder, "template.sqlite").read_bytes()
        file.write_bytes(_files[template])
        template.renew(address)
    return address


def _server_template(server: Database, template: Template) -> str:
    if template not in _databases:
        name = f"template_{uuids.uuid4().hex}"
        server.create(name)
        template.fill(server.url(name))
        _databases[template] = name
    return _databases[template]


def _server(kind: str) -> Database:
    """Return the server of this process; the first call starts it."""
    if kind not in _servers:
        reaper = processes.Reaper()
        server = ALL[kind]()
        server.setUp()
        reaper.watch(server.process.pid)
        atexit.register(reaper.close)
        atexit.register(server.cleanUp)
        _servers[kind] = server, reaper
    return _servers[kind][0]
