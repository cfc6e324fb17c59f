# SPDX-License-Identifier: Apache-2.0

"""The table of all quirks, and those that are switched on."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import copy
from typing import Any

from aiohttp import web

from podm_simulator.quirks import identity
from podm_simulator.quirks import links
from podm_simulator.quirks import members
from podm_simulator.quirks import sessions
from podm_simulator.quirks import statuses
from podm_simulator.quirks import tasks
from podm_simulator.quirks import values
from podm_simulator.quirks import verbs
from podm_simulator.quirks import wire
from podm_simulator.quirks.behaviour import Behaviour
from podm_simulator.quirks.behaviour import Exchange
from podm_simulator.quirks.behaviour import Kind
from podm_simulator.quirks.behaviour import Quirk
from podm_simulator.quirks.behaviour import Simulation
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Response

#: Heading of the manual -> its quirks.
CHAPTERS: Mapping[str, Sequence[Quirk]] = {
    "Identity": identity.QUIRKS,
    "Links": links.QUIRKS,
    "Collections": members.QUIRKS,
    "Status codes": statuses.QUIRKS,
    "Verbs": (*verbs.QUIRKS, *tasks.QUIRKS),
    "Sessions and headers": sessions.QUIRKS,
    "Values": values.QUIRKS,
    "Bytes and connections": wire.QUIRKS,
}
ALL: Mapping[str, Quirk] = {
    quirk.name: quirk for chapter in CHAPTERS.values() for quirk in chapter
}

#: Name -> its position: behaviours that answer in place of others come last.
ORDER = {name: number for number, name in enumerate(ALL)}


class BadQuirk(ValueError):
    """A quirk that does not exist, or that another one excludes."""


def check(names: Iterable[str]) -> list[str]:
    """Return the names of quirks, each once.

    :raises BadQuirk: one does not exist, or two exclude each other.
    """
    unique = list(dict.fromkeys(names))
    groups: dict[str, str] = {}
    for name in unique:
        if name not in ALL:
            raise BadQuirk(f"there is no quirk {name}; `--quirk list` prints all of them")
        group = ALL[name].group
        if group is not None and groups.setdefault(group, name) != name:
            raise BadQuirk(f"the quirks {groups[group]} and {name} exclude each other")
    return unique


class Quirks:
    """The quirks that are switched on; false while there are none."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._active: dict[str, Behaviour] = {}
        self._exercised: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._active)

    def names(self) -> list[str]:
        """Return the names of the quirks that are switched on."""
        return list(self._active)

    def exercised(self) -> list[str]:
        """Return the names of those that have changed a response since they are switched on."""
        return [
            name
            for name, behaviour in self._active.items()
            if name in self._exercised or behaviour.is_exercised
        ]

    def switch(self, names: Iterable[str]) -> None:
        """Switch on these quirks, and all others off.

        :raises BadQuirk: one does not exist, or two exclude each other; nothing is changed.
        """
        selected = sorted(check(names), key=ORDER.__getitem__)
        for name in [name for name in self._active if name not in selected]:
            self._active.pop(name).stop()
            self._exercised.discard(name)
        for name in selected:
            if name not in self._active:
                self._active[name] = ALL[name].make()
                self._active[name].start(self._simulation)
        self._active = {name: self._active[name] for name in selected}

    def restart(self) -> None:
        """Restart with the service."""
        for behaviour in self._active.values():
            behaviour.restart()

    def members(self, path: str, paths: Sequence[str]) -> Sequence[str]:
        """Return the paths that the collection at a path lists."""
        for name, behaviour in self._active.items():
            listed = behaviour.members(path, paths)
            if list(listed) != list(paths):
                self._exercised.add(name)
            paths = listed
        return paths

    def handle(self, exchange: Exchange) -> Response:
        """Return the response to a request."""
        active = dict(self._active)
        for behaviour in active.values():
            behaviour.observe()
        response = self._receive(exchange, active) or exchange.carry_out()
        for name, behaviour in active.items():
            behaviour.observe()
            with self._watch(name, lambda: _copy(response)):
                behaviour.respond(exchange, response)
        if isinstance(response.resource, dict):
            response.resource = copy.deepcopy(response.resource)
            self._rewrite(exchange, response.resource)
        if "Location" in response.headers:
            location = response.headers["Location"]
            response.headers["Location"] = self._link(exchange, Kind.LOCATION, location)
        return response

    def send(self, response: web.Response) -> web.Response:
        """Return a response as it is sent."""
        for name, behaviour in self._active.items():
            with self._watch(name, lambda: _sent(response)):
                behaviour.send(response)
        return response

    def _receive(self, exchange: Exchange, active: Mapping[str, Behaviour]) -> Response | None:
        """Return the first response in place of the action."""
        for name, behaviour in active.items():
            response = behaviour.receive(exchange)
            if response is not None:
                self._exercised.add(name)
                return response
        return None

    @contextlib.contextmanager
    def _watch(self, name: str, state: Callable[[], Any]) -> Iterator[None]:
        """Note whether a behaviour changes something.

        :param state: returns what is compared; not called once that is known.
        """
        if name in self._exercised:
            yield
            return
        before = state()
        yield
        if state() != before:
            self._exercised.add(name)

    def _rewrite(self, exchange: Exchange, value: Any) -> None:
        """Rewrite the resources and the links in a value, in place."""
        if isinstance(value, list):
            for item in value:
                self._rewrite(exchange, item)
        if not isinstance(value, dict):
            return
        if "@odata.type" in value and "@odata.id" in value:
            self._change(exchange, value)
        for key, inner in value.items():
            kind = Kind.OWN if key == "@odata.id" and len(value) > 1 else LINKS.get(key)
            if kind is not None and isinstance(inner, str):
                value[key] = self._link(exchange, kind, inner)
            else:
                self._rewrite(exchange, inner)

    def _change(self, exchange: Exchange, resource: Resource) -> None:
        for name, behaviour in self._active.items():
            with self._watch(name, lambda: copy.deepcopy(resource)):
                behaviour.resource(exchange, resource)

    def _link(self, exchange: Exchange, kind: Kind, path: str) -> str:
        for name, behaviour in self._active.items():
            written = behaviour.link(exchange, kind, path)
            if written != path:
                self._exercised.add(name)
            path = written
        return path


def _copy(response: Response) -> tuple[Any, ...]:
    return response.status, dict(response.headers), response.resource


def _sent(response: web.Response) -> tuple[Any, ...]:
    """Return the parts of a response that behaviours can change just before it is sent."""
    return response.body, dict(response.headers), response.chunked, response.keep_alive


#: Name of a property -> the kind of its URL.
LINKS = {
    "@odata.id": Kind.LINK,
    "target": Kind.TARGET,
    "Members@odata.nextLink": Kind.NEXT,
    "@Redfish.ActionInfo": Kind.LINK,
    "TaskMonitor": Kind.LINK,
}
