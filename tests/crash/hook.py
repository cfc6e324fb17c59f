# SPDX-License-Identifier: Apache-2.0

"""The hook in a victim, which counts its external effects and kills it at one of them.

It patches everything through which a process has external effects: requests (all of
them use urllib3: keystoneauth's, ironicclient's, the Redfish connection's), commits
to a database, and changes of a jobboard. Between two of these a kill has no visible
consequence, so that killing around each of them is killing at every instant.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import os
import pathlib
import re
import select
import signal
import threading
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event as sa_event
from sqlalchemy.engine import default
from taskflow.jobs.backends import impl_etcd
from taskflow.jobs.backends import impl_redis
from taskflow.jobs.backends import impl_zookeeper
from urllib3 import connection

#: Before the request is sent; while the peer may or may not have carried it out; when the
#: peer has carried it out; when the response is read, but not recorded.
REQUEST_PHASES = ("before", "racing", "sent", "answered")

#: Before a transaction is committed; after it is the same as before the next event.
COMMIT_PHASES = ("before",)

#: Before and after a change of a board.
BOARD_PHASES = ("before", "answered")

#: The boards, and the methods that change them.
BOARDS = (impl_redis.RedisJobBoard, impl_zookeeper.ZookeeperJobBoard, impl_etcd.EtcdJobBoard)
ACTIONS = ("post", "claim", "consume", "abandon")

#: Suffix of the label of an event outside the main thread, which handles users' requests.
IN_BACKGROUND = " in background"

WRITES = re.compile(r"\s*(INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE)\s+\"?(\w+)", re.IGNORECASE)

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

#: A segment of a path that is the id of a resource.
IDENT = re.compile(r"/(?!v1(?:/|$))[^/?]*\d[^/?]*")

#: Label of a strike at any event.
ANY = "*"


@dataclasses.dataclass(frozen=True, order=True)
class Event:
    """One external effect of a process.

    :ivar label: of its kind.
    :ivar number: its position among those with the same label, from 1.
    """

    label: str
    number: int

    @property
    def phases(self) -> Sequence[str]:
        """The instants around it at which a process can be killed."""
        if self.label.startswith("COMMIT"):
            return COMMIT_PHASES
        if self.label.startswith("BOARD"):
            return BOARD_PHASES
        if self.label.startswith("GET"):
            return tuple(phase for phase in REQUEST_PHASES if phase != "racing")
        return REQUEST_PHASES


@dataclasses.dataclass(frozen=True)
class Strike:
    """A fault at one phase of one event.

    :ivar label: of the event; ``*``: any event; the number then counts all of them.
    :ivar act: ``kill``; ``lose`` (the connection breaks here); ``delay``.
    :ivar seconds: of a delay.
    :ivar once: whether it applies only to the first of several processes to reach it.
    """

    label: str
    number: int
    phase: str
    act: str = "kill"
    seconds: float = 0.0
    once: bool = False

    def json(self) -> dict[str, Any]:
        """Return the strike as :meth:`Hook.arm` takes it."""
        return dataclasses.asdict(self)


class Hook:
    """Counts the events of this process, and applies strikes.

    :param peers: port of loopback -> name of the peer on it.
    :param record: file descriptor to which every event is written at once.
    :param struck: the file that the first of several processes creates at a strike.
    """

    def __init__(self, peers: Mapping[int, str], record: int, struck: pathlib.Path) -> None:
        self._peers = dict(peers)
        self._record = record
        self._struck = struck
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._strikes: dict[tuple[str, int, str], Strike] = {}
        self._armed = False
        self._effect = "the start"

    def arm(self, strikes: Sequence[Mapping[str, Any]]) -> None:
        """Start to count, and to apply these strikes."""
        armed = [Strike(**strike) for strike in strikes]
        with self._lock:
            self._counts.clear()
            self._effect = "the start"
            self._strikes = {
                (strike.label, strike.number, strike.phase): strike for strike in armed
            }
            self._armed = True

    def disarm(self) -> None:
        """Stop counting and striking."""
        with self._lock:
            self._armed = False

    def install(self) -> None:
        """Patch requests, commits and boards in this process."""
        _patch_requests(self)
        _patch_commits(self)
        _patch_boards(self)

    def begin(self, label: str) -> tuple[Event, int] | None:
        """Count an event, and record it.

        The number of GETs depends on timing: each is counted from the last event that
        changed something. Requests of users (in the main thread) and the work on them
        are counted separately: of several processes, another one may do the work.

        :returns: the event, and its number among all events; None while not armed.
        """
        if not self._armed:
            return None
        if threading.current_thread() is not threading.main_thread():
            label = f"{label}{IN_BACKGROUND}"
        with self._lock:
            label = f"{label} after {self._effect}" if label.startswith("GET") else label
            number = self._counts[label] = self._counts.get(label, 0) + 1
            if not label.startswith("GET"):
                self._effect = f"{label} #{number}"
            every = self._counts[ANY] = self._counts.get(ANY, 0) + 1
        os.write(self._record, f"{label}\t{number}\n".encode())
        return Event(label, number), every

    def strike(self, counted: tuple[Event, int] | None, phase: str) -> Strike | None:
        """Apply the strike at a phase of an event; return it, or None when there is none."""
        if counted is None or not self._strikes:
            return None
        event, every = counted
        strike = self._strikes.get((event.label, event.number, phase))
        strike = strike or self._strikes.get((ANY, every, phase))
        if strike is None or (strike.once and not self._is_first()):
            return None
        os.write(self._record, f"!{strike.act} {phase} {event.label}\t{event.number}\n".encode())
        if strike.act == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        if strike.act == "delay":
            time.sleep(strike.seconds)
        return strike

    def has_strike(self, counted: tuple[Event, int] | None, phase: str) -> bool:
        """Return whether there is a strike at a phase of an event."""
        if counted is None:
            return False
        event, every = counted
        keys = ((event.label, event.number, phase), (ANY, every, phase))
        return any(key in self._strikes for key in keys)

    def peer(self, port: int) -> str | None:
        """Return the peer on a port; None: a board, whose requests do not count."""
        return self._peers.get(port)

    def _is_first(self) -> bool:
        try:
            self._struck.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def anonymous(target: str) -> str:
    """Return the target of a request without what differs between two runs."""
    path, _, query = UUID.sub("{uuid}", target).partition("?")
    path = IDENT.sub("/{id}", path)
    keys = sorted(part.partition("=")[0] for part in query.split("&") if part)
    return f"{path}?{'&'.join(keys)}" if keys else path


def _patch_requests(hook: Hook) -> None:
    kind = connection.HTTPConnection
    send, read = kind.request, kind.getresponse

    def request(self: Any, method: str, url: str, *args: Any, **more: Any) -> None:
        peer = hook.peer(self.port)
        counted = hook.begin(f"{method} {peer} {anonymous(url)}") if peer else None
        self.counted = counted
        _break(self, hook.strike(counted, "before"))
        send(self, method, url, *args, **more)
        _break(self, hook.strike(counted, "racing"))
        if hook.has_strike(counted, "sent") and self.sock is not None:
            select.select([self.sock], [], [], 30)
        _break(self, hook.strike(counted, "sent"))

    def getresponse(self: Any) -> Any:
        response = read(self)
        _break(self, hook.strike(getattr(self, "counted", None), "answered"))
        return response

    kind.request, kind.getresponse = request, getresponse  # type: ignore[method-assign]


def _break(conn: Any, strike: Strike | None) -> None:
    """Break a connection when the strike is ``lose``."""
    if strike is not None and strike.act == "lose":
        conn.close()
        raise ConnectionResetError(104, "Connection reset by peer")


def _patch_commits(hook: Hook) -> None:
    commit = default.DefaultDialect.do_commit
    rollback = default.DefaultDialect.do_rollback

    @sa_event.listens_for(sa.Engine, "before_cursor_execute")
    def executing(conn: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        match = WRITES.match(statement)
        if match:
            writes = conn.info.setdefault("writes", [])
            write = f"{match[1].split()[0].lower()} {match[2]}"
            if write not in writes:
                writes.append(write)

    def do_commit(self: Any, dbapi_connection: Any) -> None:
        writes = _info(dbapi_connection).pop("writes", None)
        counted = hook.begin(f"COMMIT {', '.join(writes)}") if writes else None
        hook.strike(counted, "before")
        commit(self, dbapi_connection)
        hook.strike(counted, "committed")

    def do_rollback(self: Any, dbapi_connection: Any) -> None:
        _info(dbapi_connection).pop("writes", None)
        rollback(self, dbapi_connection)

    default.DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]
    default.DefaultDialect.do_rollback = do_rollback  # type: ignore[method-assign]


def _patch_boards(hook: Hook) -> None:
    for board in BOARDS:
        for name in ACTIONS:
            setattr(board, name, _hooked(hook, f"BOARD {name}", getattr(board, name)))


def _hooked(hook: Hook, label: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def hooked(*args: Any, **more: Any) -> Any:
        counted = hook.begin(label)
        hook.strike(counted, "before")
        result = method(*args, **more)
        hook.strike(counted, "answered")
        return result

    return hooked


def _info(dbapi_connection: Any) -> dict[str, Any]:
    """Return the info of a connection; empty while it is being established."""
    try:
        info: dict[str, Any] = dbapi_connection.info
        return info
    except (AttributeError, NotImplementedError):
        return {}
