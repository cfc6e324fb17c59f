# SPDX-License-Identifier: Apache-2.0

"""The world of the victims: the peers, the victims' files, and snapshots from outside.

A snapshot does not depend on the product: it reads rows from the files, and nodes from
the pod manager and from Ironic.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import functools
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
from valence.objects import node as node_objects
from valence_integration import states

#: A file system in memory, which is fast, and whose files survive a kill.
MEMORY = pathlib.Path("/dev/shm")

#: Seconds between two polls of rows.
POLL_INTERVAL = 0.05

#: kind of victim -> table of its rows; and the states in which a flow is running
TABLES = {"plugin": "instances", "service": "nodes"}
TRANSITIONAL = {*node_objects.OPERATION_OF_STATE, *states.OPERATIONS}

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The state of the world, read from outside.

    :ivar rows: of the victim.
    :ivar nodes: rows of Valence.
    :ivar logbooks: names of the flows in the journals.
    :ivar jobs: names of the jobs on the board, if there is one.
    :ivar pool: the composed nodes of the pod manager.
    :ivar fingerprint: of the pod.
    :ivar ironic: nodes of Ironic.
    :ivar ports: of Ironic.
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
    """The peers, which outlive every victim, and the folders of the victims.

    :param ironic: URL of an Ironic to use instead of the stand-in.
    :param systems: number of machines in the pool.
    :param with_valence: whether there is a Valence besides the victims, for plugins.
    """

    def __init__(
        self,
        ironic: str | None = None,
        *,
        systems: int = peers.SYSTEMS,
        with_valence: bool = True,
    ) -> None:
        self.folder = new_folder()
        self._ironic = ironic
        self._systems = systems
        self._with_valence = with_valence
        self._number = 0
        self._has_violations = False
        self._valence: process.Process | None = None
        self._hardware: process.Process | None = None
        self.open()

    @property
    def has_real_ironic(self) -> bool:
        """Whether Ironic is a real one, which is slower and accepts no faults."""
        return self._ironic is not None

    def open(self) -> None:
        """Start the peers, on empty files."""
        self._hardware = process.Process(
            functools.partial(peers.hardware, systems=self._systems), self.folder / "hardware.log"
        )
        self.urls: dict[str, str] = self._hardware.call("urls")
        if self._ironic is not None:
            self.urls["ironic"] = self._ironic
        self.valence_folder = self.folder / f"valence-{self._number}"
        self.valence_folder.mkdir()
        # Chosen here: a port that the kernel chooses may not be free again after a kill.
        self.valence_port = servers.free_port()
        if self._with_valence:
            self.start_valence()
            self._register_podm()
        self.fingerprint = self.pool()["fingerprint"]

    def start_valence(self) -> None:
        """Start Valence, for the plugins."""
        serve = peers.Valence(self.valence_folder, self.urls, self.valence_port)
        self._valence = process.Process(serve, self.valence_folder / "log")
        self.urls["valence"] = self._valence.call("url")

    def kill_valence(self) -> None:
        """Kill Valence, whatever it is doing."""
        assert self._valence is not None
        self._valence.kill()

    def close(self) -> None:
        """End the peers."""
        for peer in (self._valence, self._hardware):
            if peer is not None:
                peer.kill()

    def finish(self) -> bool:
        """End the peers; keep only the files of violations; return whether there are any."""
        self.close()
        if not self._has_violations:
            discard(self.folder)
        return self._has_violations

    def reset(self) -> None:
        """Restart the peers with empty databases, after a violation."""
        self._has_violations = True
        self.close()
        self._number += 1
        self.open()

    def new_folder(self) -> pathlib.Path:
        """Create the folder of a victim; return its path."""
        self._number += 1
        folder = self.folder / f"victim-{self._number}"
        folder.mkdir()
        return folder

    def victim(
        self, kind: str, folder: pathlib.Path, options: Mapping[str, Any] | None = None
    ) -> process.Process:
        """Fork a victim on a folder."""
        return process.Process(victims.KINDS[kind](folder, self.urls, options), folder / "log")

    def fault(self, peer: str, body: Mapping[str, Any]) -> None:
        """Inject a fault into a peer."""
        peers.request("POST", f"{self.urls[peer]}/control/faults", body)

    def no_faults(self) -> None:
        """Remove all faults of the peers."""
        for peer in ("podm", "ironic"):
            if peer == "podm" or not self.has_real_ironic:
                peers.request("DELETE", f"{self.urls[peer]}/control/faults")

    def snapshot(
        self,
        kind: str,
        database: pathlib.Path | sa.Engine,
        flows: pathlib.Path | sa.Engine,
        jobs: Sequence[str] = (),
    ) -> Snapshot:
        """Return a snapshot of everything.

        :param database: the rows of the victim.
        :param flows: its journal.
        :param jobs: names of those on its board.
        """
        rows = table(database, TABLES[kind])
        logbooks = [row["name"] for row in table(flows, "logbooks")]
        nodes = rows
        if kind == "plugin":
            nodes = table(self.valence_folder / victims.ROWS["service"], TABLES["service"])
            own = self.valence_folder / victims.FLOWS["service"]
            logbooks += [row["name"] for row in table(own, "logbooks")]
        pool, ironic = self.pool(), self.urls["ironic"]
        return Snapshot(
            rows=rows,
            nodes=nodes,
            logbooks=logbooks,
            jobs=list(jobs),
            pool=pool["nodes"],
            fingerprint=pool["fingerprint"],
            ironic=peers.request("GET", f"{ironic}/v1/nodes/detail")["nodes"],
            ports=peers.request("GET", f"{ironic}/v1/ports/detail")["ports"],
        )

    def pool(self) -> dict[str, Any]:
        """Return the usage, the nodes and the fingerprint of the pod manager."""
        pool: dict[str, Any] = peers.request("GET", f"{self.urls['podm']}/control/pool")
        return pool

    def _register_podm(self) -> None:
        peers.request("POST", f"{self.urls['valence']}/v1/podmanagers", self.podm())

    def podm(self) -> dict[str, Any]:
        """Return the body that registers the pod manager."""
        access = {"username": "admin", "password": "admin"}
        return {"name": "pod", "url": self.urls["podm"], **access}


def new_folder() -> pathlib.Path:
    """Create a temporary folder, in memory if possible; return its path."""
    parent = MEMORY if MEMORY.is_dir() else None
    return pathlib.Path(tempfile.mkdtemp(prefix="valence-crash-", dir=parent))


def table(database: pathlib.Path | sa.Engine, name: str) -> list[Row]:
    """Return the rows of a table of an SQLite file, or of a server; none if it is missing."""
    if isinstance(database, sa.Engine):
        return _table_of_server(database, name)
    if not database.exists():
        return []
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as conn:
        conn.row_factory = sqlite3.Row
        conn.execute("PRAGMA busy_timeout = 5000")
        try:
            rows = conn.execute(f"SELECT * FROM {name}").fetchall()
        except sqlite3.OperationalError as exc:
            if "no such table" in str(exc):
                return []
            raise
        return [{key: _value(row[key]) for key in row.keys()} for row in rows]  # noqa: SIM118


def _table_of_server(engine: sa.Engine, name: str) -> list[Row]:
    deadline = time.monotonic() + peers.OUTAGE_TIMEOUT
    while True:
        try:
            with engine.connect() as conn:
                if not sa.inspect(conn).has_table(name):
                    return []
                rows = conn.execute(sa.text(f"SELECT * FROM {name}")).mappings()
                return [{key: _value(value) for key, value in row.items()} for row in rows]
        except sa.exc.DBAPIError:  # it is being restarted
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition is true; return False when it is not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_INTERVAL)
    return True


def _value(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value


def discard(folder: pathlib.Path) -> None:
    """Remove a folder without violations."""
    shutil.rmtree(folder, ignore_errors=True)
