# SPDX-License-Identifier: Apache-2.0

"""What several processes share: a board and a database, both of them real servers."""

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

#: Which servers go together.
PAIRS = (("redis", "postgresql"), ("zookeeper", "mariadb"), ("etcd", "postgresql"))

#: Seconds after which somebody else may sweep when the one who was elected is dead.
OFFICE = 3

#: Seconds until nothing of a dead process is on its board any more: its lease has ended,
#: with ZooKeeper its session, and another has swept and done what was left.
CLEARED = {"redis": 2 * LEASE + OFFICE, "etcd": 2 * LEASE + OFFICE, "zookeeper": 20}

#: kind of victim -> the option that says where its rows are
ROWS = {"plugin": "valence_integration__connection", "service": "database__connection"}

#: kind of victim -> makes the tables of its rows
TABLES: Mapping[str, Callable[[Database], None]] = {
    "plugin": lambda db: Instances(db).upgrade(),
    "service": wiring.upgrade,
}


@dataclasses.dataclass(frozen=True)
class Files:
    """Where rows and flows are: files of SQLite, or databases of a server."""

    rows: pathlib.Path | sa.Engine
    flows: pathlib.Path | sa.Engine


@dataclasses.dataclass(frozen=True)
class Shared:
    """What the processes of one play share.

    :ivar board: the server; others have played on it before, in places of their own.
    :ivar database: likewise.
    :ivar url: of the board, for this play.
    :ivar options: that everybody's configuration has.
    :ivar cleared: seconds until nothing of a dead process is on the board any more.
    """

    board: servers.Server
    database: databases.Database
    url: str
    files: Files
    options: Mapping[str, Any]
    cleared: float

    def reader(self) -> process.Commands:
        """Be the process that reads the board from outside."""
        return {"jobs": self._jobs}

    def _jobs(self) -> list[str]:
        """List the names of the jobs, over a connection of its own: a board may be restarted."""
        with contextlib.closing(backends.fetch("valence", board_url.parse(self.url))) as board:
            board.connect()
            return [job.name for job in board.iterjobs(ensure_fresh=True)]


class Servers:
    """A board and a database for one play after the other."""

    def __init__(self, board: str, database: str) -> None:
        self._stack = contextlib.ExitStack()
        self._name = board
        self._board, self._database = boards.ALL[board](), databases.ALL[database]()
        for one in (self._board, self._database):
            one.setUp()
            self._stack.callback(one.cleanUp)
        self._numbers = itertools.count()

    @contextlib.contextmanager
    def share(self, kind: str) -> Iterator[Shared]:
        """Make an empty place on the board, and empty databases, for one play.

        :param kind: of the victims.
        """
        number = next(self._numbers)
        names = (f"rows{number}", f"flows{number}")
        for name in names:
            self._database.create(name)
        rows, flows = (self._database.url(name) for name in names)
        self._prepare(kind, rows, flows)
        place = {"namespace": f"play{number}", "path": f"/play{number}", "timeout": OFFICE}
        url = f"{self._board.url}?{urllib.parse.urlencode(place)}"  # type: ignore[attr-defined]
        options = {
            ROWS[kind]: rows,
            "conductor__connection": flows,
            "conductor__jobboard": url,
            "conductor__lease": LEASE,
        }
        engines = [sa.create_engine(where, pool_pre_ping=True) for where in (rows, flows)]
        cleared = CLEARED[self._name]
        try:
            yield Shared(self._board, self._database, url, Files(*engines), options, cleared)
        finally:
            for engine in engines:
                engine.dispose()
            for name in names:
                self._database.drop(name)

    def close(self) -> None:
        """End them."""
        self._stack.close()

    def _prepare(self, kind: str, rows: str, flows: str) -> None:
        """Make the tables that an operator makes: everything else is a victim's first start."""
        is_mariadb = isinstance(self._database, databases.MariaDB)
        made: list[tuple[str, Callable[[Database], None]]] = []
        # MariaDB cannot take the half of a migration back: whoever dies there needs a person.
        if is_mariadb or kind == "service":
            made.append((rows, TABLES[kind]))
        if is_mariadb:
            made.append((flows, lambda db: Journal(db).upgrade()))
        for url, prepare in made:
            db = Database(url)
            with contextlib.closing(db):
                prepare(db)


def missing(board: str, database: str) -> str | None:
    """Say which program a pair of servers needs that is not here; None if none is."""
    return boards.ALL[board].missing() or databases.ALL[database].missing()
