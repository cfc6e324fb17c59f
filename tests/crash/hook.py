# SPDX-License-Identifier: Apache-2.0

"""What stands between a victim and its peers: it counts, and it kills.

Everything that a process leaves behind leaves it here: requests (all of them go
through urllib3: keystoneauth's, ironicclient's, the Redfish connection's),
commits to a database, and what is done to a board that others see. Between two of
these a kill changes nothing that anybody could see, so that killing around each of
them is killing at every instant.
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

#: Before the request leaves; when it has left and nobody knows what the peer does with it;
#: when the peer has carried it out; when its answer is read and nothing is recorded.
REQUEST_PHASES = ("before", "racing", "sent", "answered")

#: Before a transaction is committed; after it is before what comes next.
COMMIT_PHASES = ("before",)

#: Before something is done to a board, and when it is done.
BOARD_PHASES = ("before", "answered")

#: The boards, and what is done to them.
BOARDS = (impl_redis.RedisJobBoard, impl_zookeeper.ZookeeperJobBoard, impl_etcd.EtcdJobBoard)
DEEDS = ("post", "claim", "consume", "abandon")

#: What the label of an event ends with that is no user's request, but the work on one.
AT_WORK = " at work"

WRITES = re.compile(r"\s*(INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE)\s+\"?(\w+)", re.IGNORECASE)

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

#: A segment of a path that names one thing among many.
IDENT = re.compile(r"/(?!v1(?:/|$))[^/?]*\d[^/?]*")

#: Any event, in a strike.
ANY = "*"


@dataclasses.dataclass(frozen=True, order=True)
class Event:
    """One thing that leaves a process: the how-manieth of its kind."""

    label: str
    number: int

    @property
    def phases(self) -> Sequence[str]:
        """The instants around it at which a process can die."""
        if self.label.startswith("COMMIT"):
            return COMMIT_PHASES
        if self.label.startswith("BOARD"):
            return BOARD_PHASES
        if self.label.startswith("GET"):
            return tuple(phase for phase in REQUEST_PHASES if phase != "racing")
        return REQUEST_PHASES


@dataclasses.dataclass(frozen=True)
class Strike:
    """What happens at one phase of one event.

    :ivar label: of the event; ``*``: of all, the number then counts all of them.
    :ivar act: ``kill``; ``lose`` (the connection breaks here); ``delay``.
    :ivar seconds: of a delay.
    :ivar once: whether it strikes only the first of several processes to come to it.
    """

    label: str
    number: int
    phase: str
    act: str = "kill"
    seconds: float = 0.0
    once: bool = False

    def json(self) -> dict[str, Any]:
        """Give what :class:`Hook` is armed with."""
        return dataclasses.asdict(self)


class Hook:
    """Sees what leaves this process, and strikes when it is time.

    :param peers: port of loopback -> who listens there.
    :param record: file descriptor to which every event is written at once.
    :param struck: the file that the first of several processes makes when it is struck.
    """

    def __init__(self, peers: Mapping[int, str], record: int, struck: pathlib.Path) -> None:
        self._peers = dict(peers)
        self._record = record
        self._struck = struck
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._strikes: dict[tuple[str, int, str], Strike] = {}
        self._armed = False
        self._effect = "the beginning"

    def arm(self, strikes: Sequence[Mapping[str, Any]]) -> None:
        """Count from here, and strike as told."""
        told = [Strike(**strike) for strike in strikes]
        with self._lock:
            self._counts.clear()
            self._effect = "the beginning"
            self._strikes = {(one.label, one.number, one.phase): one for one in told}
            self._armed = True

    def disarm(self) -> None:
        """Count and strike no more."""
        with self._lock:
            self._armed = False

    def install(self) -> None:
        """Stand where everything leaves this process."""
        _stand_at_requests(self)
        _stand_at_commits(self)
        _stand_at_boards(self)

    def begin(self, label: str) -> tuple[Event, int] | None:
        """Count an event, and write it down; None: it does not count yet.

        How often something is read depends on how long it takes: a GET is
        counted from the last thing that had an effect. What users ask for (in the
        main thread) and the work on it are counted apart: of several processes,
        another one may do the work.
        """
        if not self._armed:
            return None
        if threading.current_thread() is not threading.main_thread():
            label = f"{label}{AT_WORK}"
        with self._lock:
            label = f"{label} after {self._effect}" if label.startswith("GET") else label
            number = self._counts[label] = self._counts.get(label, 0) + 1
            if not label.startswith("GET"):
                self._effect = f"{label} #{number}"
            every = self._counts[ANY] = self._counts.get(ANY, 0) + 1
        os.write(self._record, f"{label}\t{number}\n".encode())
        return Event(label, number), every

    def strike(self, counted: tuple[Event, int] | None, phase: str) -> Strike | None:
        """Tell what is to happen now; a kill happens."""
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

    def awaits(self, counted: tuple[Event, int] | None, phase: str) -> bool:
        """Tell whether something will happen at a phase."""
        if counted is None:
            return False
        event, every = counted
        wanted = ((event.label, event.number, phase), (ANY, every, phase))
        return any(key in self._strikes for key in wanted)

    def peer(self, port: int) -> str | None:
        """Tell who listens on a port; None: a board, of which nobody counts the requests."""
        return self._peers.get(port)

    def _is_first(self) -> bool:
        try:
            self._struck.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def anonymous(target: str) -> str:
    """Take out of the target of a request what differs between two runs."""
    path, _, query = UUID.sub("{uuid}", target).partition("?")
    path = IDENT.sub("/{id}", path)
    keys = sorted(part.partition("=")[0] for part in query.split("&") if part)
    return f"{path}?{'&'.join(keys)}" if keys else path


def _stand_at_requests(hook: Hook) -> None:
    kind = connection.HTTPConnection
    send, read = kind.request, kind.getresponse

    def request(self: Any, method: str, url: str, *args: Any, **more: Any) -> None:
        peer = hook.peer(self.port)
        counted = hook.begin(f"{method} {peer} {anonymous(url)}") if peer else None
        self.counted = counted
        _break(self, hook.strike(counted, "before"))
        send(self, method, url, *args, **more)
        _break(self, hook.strike(counted, "racing"))
        if hook.awaits(counted, "sent") and self.sock is not None:
            select.select([self.sock], [], [], 30)
        _break(self, hook.strike(counted, "sent"))

    def getresponse(self: Any) -> Any:
        answer = read(self)
        _break(self, hook.strike(getattr(self, "counted", None), "answered"))
        return answer

    kind.request, kind.getresponse = request, getresponse  # type: ignore[method-assign]


def _break(conn: Any, strike: Strike | None) -> None:
    """Break a connection, as a cable does."""
    if strike is not None and strike.act == "lose":
        conn.close()
        raise ConnectionResetError(104, "Connection reset by peer")


def _stand_at_commits(hook: Hook) -> None:
    commit = default.DefaultDialect.do_commit
    rollback = default.DefaultDialect.do_rollback

    @sa_event.listens_for(sa.Engine, "before_cursor_execute")
    def executing(conn: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        found = WRITES.match(statement)
        if found:
            written = conn.info.setdefault("written", [])
            what = f"{found[1].split()[0].lower()} {found[2]}"
            if what not in written:
                written.append(what)

    def do_commit(self: Any, dbapi_connection: Any) -> None:
        written = _info(dbapi_connection).pop("written", None)
        counted = hook.begin(f"COMMIT {', '.join(written)}") if written else None
        hook.strike(counted, "before")
        commit(self, dbapi_connection)
        hook.strike(counted, "committed")

    def do_rollback(self: Any, dbapi_connection: Any) -> None:
        _info(dbapi_connection).pop("written", None)
        rollback(self, dbapi_connection)

    default.DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]
    default.DefaultDialect.do_rollback = do_rollback  # type: ignore[method-assign]


def _stand_at_boards(hook: Hook) -> None:
    for board in BOARDS:
        for deed in DEEDS:
            setattr(board, deed, _stood_at(hook, f"BOARD {deed}", getattr(board, deed)))


def _stood_at(hook: Hook, label: str, do: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(do)
    def stood_at(*args: Any, **more: Any) -> Any:
        counted = hook.begin(label)
        hook.strike(counted, "before")
        answer = do(*args, **more)
        hook.strike(counted, "answered")
        return answer

    return stood_at


def _info(dbapi_connection: Any) -> dict[str, Any]:
    """What is noted of a connection; nothing of one that is just being made."""
    try:
        info: dict[str, Any] = dbapi_connection.info
        return info
    except (AttributeError, NotImplementedError):
        return {}
