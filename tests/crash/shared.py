# SPDX-License-Identifier: Apache-2.0

"""The board and the database that several processes share, both of them real servers."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
import itertools
import pathlib
from typing import Any
import urllib.parse

import sqlalchemy as sa
from taskflow.jobs import backends

from tests.crash import process
from tests.crash.schedule import LEASE
from tests.servers import boards
from tests.servers import databases
from tests.servers import process as servers
from valence import wiring
from valence_conductor.boards import url as board_url
from valence_conductor.db.engine import Database
from valence_conductor.journal import Journal
from valence_integration.db.instances import Instances

#: Pairs of a board and a database.
PAIRS = (("redis", "postgresql"), ("zookeeper", "mariadb"), ("etcd", "postgresql"))

#: Seconds after which another process is elected to sweep when the leader is dead.
ELECTION_TIMEOUT = 3

#: board -> seconds until it has nothing of a dead process any more: its lease has ended, with
#: ZooKeeper its session, and another process has swept and finished its jobs.
CLEARED = {
    "redis": 2 * LEASE + ELECTION_TIMEOUT,
    "etcd": 2 * LEASE + ELECTION_TIMEOUT,
    "zookeeper": 20,
}

#: kind of victim -> the option with the URL of its rows
ROWS = {"plugin": "valence_integration__connection", "service": "database__connection"}

#: kind of victim -> function that creates the tables of its rows
TABLES: Mapping[str, Callable[[Database], None]] = {
    "plugin": lambda db: Instances(db).upgrade(),
    "service": wiring.upgrade,
}


@dataclasses.dataclass(frozen=True)
class Files:
    """The databases of rows and flows: SQLite files, or databases of a server."""

    rows: pathlib.Path | sa.Engine
    flows: pathlib.Path | sa.Engine


@dataclasses.dataclass(frozen=True)
class Shared:
    """What the processes of one run share.

    :ivar board: the server; earlier runs used other namespaces of it.
    :ivar database: the server; earlier runs used other databases of it.
    :ivar url: of the board, for this run.
    :ivar options: of the configuration of every process.
    :ivar cleared: seconds until the board has nothing of a dead process any more.
    """

    board: servers.Server
    database: databases.Database
    url: str
    files: Files
    options: Mapping[str, Any]
    cleared: float

    def reader(self) -> process.Commands:
        """Serve the process that reads the board from outside."""
        return {"jobs": self._jobs}

    def _jobs(self) -> list[str]:
        """Return the names of the jobs, over a new connection: a board may be restarted."""
        with contextlib.closing(backends.fetch("valence", board_url.parse(self.url))) as board:
            board.connect()
            return [job.name for job in board.iterjobs(ensure_fresh=True)]


class Servers:
    """A board and a database for several runs, one after the other."""

    def __init__(self, board: str, database: str) -> None:
        self._stack = contextlib.ExitStack()
        self._name = board
        self._board, self._database = boards.ALL[board](), databases.ALL[database]()
        for server in (self._board, self._database):
            server.setUp()
            self._stack.callback(server.cleanUp)
        self._numbers = itertools.count()

    @contextlib.contextmanager
    def share(self, kind: str) -> Iterator[Shared]:
        """Create a namespace on the board, and databases, for one run.

        :param kind: of the victims.
        """
        number = next(self._numbers)
        names = (f"rows{number}", f"flows{number}")
        for name in names:
            self._database.create(name)
        rows, flows = (self._database.url(name) for name in names)
        self._prepare(kind, rows, flows)
        query = {"namespace": f"run{number}", "path": f"/run{number}", "timeout": ELECTION_TIMEOUT}
        url = f"{self._board.url}?{urllib.parse.urlencode(query)}"  # type: ignore[attr-defined]
        options = {
            ROWS[kind]: rows,
            "conductor__connection": flows,
            "conductor__jobboard": url,
            "conductor__lease": LEASE,
        }
        engines = [sa.create_engine(url, pool_pre_ping=True) for url in (rows, flows)]
        cleared = CLEARED[self._name]
        try:
            yield Shared(self._board, self._database, url, Files(*engines), options, cleared)
        finally:
            for engine in engines:
                engine.dispose()
            for name in names:
                self._database.drop(name)

    def close(self) -> None:
        """End the servers."""
        self._stack.close()

    def _prepare(self, kind: str, rows: str, flows: str) -> None:
        """Create the tables that an operator creates; the first start does the rest."""
        is_mariadb = isinstance(self._database, databases.MariaDB)
        upgrades: list[tuple[str, Callable[[Database], None]]] = []
        # MariaDB cannot roll back half a migration: a death during one needs an operator.
        if is_mariadb or kind == "service":
            upgrades.append((rows, TABLES[kind]))
        if is_mariadb:
            upgrades.append((flows, lambda db: Journal(db).upgrade()))
        for url, prepare in upgrades:
            db = Database(url)
            with contextlib.closing(db):
                prepare(db)


def missing(board: str, database: str) -> str | None:
    """Return the program that a pair of servers needs and that is not installed, or None."""
    return boards.ALL[board].missing() or databases.ALL[database].missing()
