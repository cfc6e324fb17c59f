# SPDX-License-Identifier: Apache-2.0

"""A world to be killed in: the peers, a victim's files, and what is seen from outside.

Nothing of the product is asked how it is: rows are read from the files, nodes from
the pod manager and from Ironic.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import json
import pathlib
import shutil
import sqlite3
import tempfile
import time
from typing import Any

import sqlalchemy as sa

from tests.crash import peers
from tests.crash import process
from tests.crash import victims
from tests.servers import process as servers

#: Where files are written at once and never to a disk: a kill loses none of them.
MEMORY = pathlib.Path("/dev/shm")

#: Seconds between two looks at rows.
LOOK = 0.05

#: table of each kind of victim, and the states in which something is under way.
TABLES = {"plugin": "instances", "service": "nodes"}
TRANSITIONAL = {
    "provisioning",
    "destroying",
    "composing",
    "registering",
    "unregistering",
    "releasing",
}

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Sight:
    """What is there, seen from outside.

    :ivar rows: of the victim.
    :ivar nodes: rows of Valence.
    :ivar logbooks: names of the flows that somebody still remembers.
    :ivar jobs: names of the jobs on the board, where there is one.
    :ivar pool: the composed nodes of the pod manager.
    """

    rows: list[Row]
    nodes: list[Row]
    logbooks: list[str]
    jobs: list[str]
    pool: list[Row]
    fingerprint: str
    ironic: list[Row]
    ports: list[Row]


class World:
    """The peers, which outlive every victim, and one victim's files after the other's.

    :param ironic: URL of an Ironic to use instead of the stand-in.
    """

    def __init__(self, ironic: str | None = None) -> None:
        self.folder = new_folder()
        self._ironic = ironic
        self._number = 0
        self._found = False
        self._valence: process.Process | None = None
        self._hardware: process.Process | None = None
        self.open()

    @property
    def real(self) -> bool:
        """Tell whether there is a real Ironic, which takes its time and no faults."""
        return self._ironic is not None

    def open(self) -> None:
        """Start the peers, on empty files."""
        self._hardware = process.Process(peers.hardware, self.folder / "hardware.log")
        self.where: dict[str, str] = self._hardware.call("where")
        if self._ironic is not None:
            self.where["ironic"] = self._ironic
        self.valence_folder = self.folder / f"valence-{self._number}"
        self.valence_folder.mkdir()
        # Chosen here: one that the kernel chooses cannot be taken again after a kill.
        self.valence_port = servers.free_port()
        self.start_valence()
        self._register_podm()
        self.fingerprint = self.pool()["fingerprint"]

    def start_valence(self) -> None:
        """Start Valence, for plugins to ask."""
        serve = peers.Valence(self.valence_folder, self.where, self.valence_port)
        self._valence = process.Process(serve, self.valence_folder / "log")
        self.where["valence"] = self._valence.call("where")

    def kill_valence(self) -> None:
        """Kill Valence, with whatever it is doing."""
        assert self._valence is not None
        self._valence.kill()

    def close(self) -> None:
        """End the peers."""
        for one in (self._valence, self._hardware):
            if one is not None:
                one.kill()

    def finish(self) -> bool:
        """End the peers, and leave no files but those of what was found; tell whether any."""
        self.close()
        if not self._found:
            discard(self.folder)
        return self._found

    def renew(self) -> None:
        """Begin anew, after something was left behind."""
        self._found = True
        self.close()
        self._number += 1
        self.open()

    def new_folder(self) -> pathlib.Path:
        """Make the folder of another victim."""
        self._number += 1
        folder = self.folder / f"victim-{self._number}"
        folder.mkdir()
        return folder

    def victim(
        self, kind: str, folder: pathlib.Path, options: Mapping[str, Any] | None = None
    ) -> process.Process:
        """Fork a victim that works on a folder."""
        return process.Process(victims.KINDS[kind](folder, self.where, options), folder / "log")

    def fault(self, peer: str, body: Mapping[str, Any]) -> None:
        """Have a peer misbehave."""
        peers.ask("POST", f"{self.where[peer]}/control/faults", body)

    def no_faults(self) -> None:
        """Have every peer behave."""
        for peer in ("podm", "ironic"):
            if peer == "podm" or not self.real:
                peers.ask("DELETE", f"{self.where[peer]}/control/faults")

    def look(
        self,
        kind: str,
        where: pathlib.Path | sa.Engine,
        flows: pathlib.Path | sa.Engine,
        jobs: Sequence[str] = (),
    ) -> Sight:
        """Look at everything.

        :param where: the rows of the victim.
        :param flows: what it remembers of its flows.
        :param jobs: what is on its board.
        """
        rows = table(where, TABLES[kind])
        books = [row["name"] for row in table(flows, "logbooks")]
        nodes = rows
        if kind == "plugin":
            nodes = table(self.valence_folder / victims.ROWS["service"], TABLES["service"])
            own = self.valence_folder / victims.FLOWS["service"]
            books += [row["name"] for row in table(own, "logbooks")]
        pool, ironic = self.pool(), self.where["ironic"]
        return Sight(
            rows=rows,
            nodes=nodes,
            logbooks=books,
            jobs=list(jobs),
            pool=pool["nodes"],
            fingerprint=pool["fingerprint"],
            ironic=peers.ask("GET", f"{ironic}/v1/nodes/detail")["nodes"],
            ports=peers.ask("GET", f"{ironic}/v1/ports/detail")["ports"],
        )

    def pool(self) -> dict[str, Any]:
        """Read the books of the pod manager."""
        pool: dict[str, Any] = peers.ask("GET", f"{self.where['podm']}/control/pool")
        return pool

    def _register_podm(self) -> None:
        peers.ask("POST", f"{self.where['valence']}/v1/podmanagers", self.podm())

    def podm(self) -> dict[str, Any]:
        """Say what makes the pod manager known."""
        access = {"username": "admin", "password": "admin"}
        return {"name": "pod", "url": self.where["podm"], **access}


def new_folder() -> pathlib.Path:
    """Make a folder in memory, where there is one."""
    parent = MEMORY if MEMORY.is_dir() else None
    return pathlib.Path(tempfile.mkdtemp(prefix="valence-crash-", dir=parent))


def table(where: pathlib.Path | sa.Engine, name: str) -> list[Row]:
    """Read a table of a SQLite file, or of a server's database; one not there is empty."""
    if isinstance(where, sa.Engine):
        return _table_of_server(where, name)
    if not where.exists():
        return []
    with contextlib.closing(sqlite3.connect(f"file:{where}?mode=ro", uri=True)) as conn:
        conn.row_factory = sqlite3.Row
        conn.execute("PRAGMA busy_timeout = 5000")
        try:
            found = conn.execute(f"SELECT * FROM {name}").fetchall()
        except sqlite3.OperationalError as exc:
            if "no such table" in str(exc):
                return []
            raise
        return [{key: _value(row[key]) for key in row.keys()} for row in found]  # noqa: SIM118


def _table_of_server(engine: sa.Engine, name: str) -> list[Row]:
    deadline = time.monotonic() + peers.AWAY
    while True:
        try:
            with engine.connect() as conn:
                if not sa.inspect(conn).has_table(name):
                    return []
                found = conn.execute(sa.text(f"SELECT * FROM {name}")).mappings()
                return [{key: _value(value) for key, value in row.items()} for row in found]
        except sa.exc.DBAPIError:  # it is being restarted
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for something; False when it did not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK)
    return True


def _value(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value


def discard(folder: pathlib.Path) -> None:
    """Remove the files of those who did well."""
    shutil.rmtree(folder, ignore_errors=True)
