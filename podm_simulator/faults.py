# SPDX-License-Identifier: Apache-2.0

"""Faults that tests ask for: how the service misbehaves, and how often."""

from collections.abc import Mapping
import dataclasses
import itertools
import re
from typing import Any

ACTIONS: Mapping[str, frozenset[str]] = {
    "error": frozenset({"type", "status", "message", "retry_after"}),
    "delay": frozenset({"type", "seconds"}),
    "drop": frozenset({"type"}),
    "lose_answer": frozenset({"type"}),
    "garbage": frozenset({"type"}),
    "no_location": frozenset({"type"}),
}
NODE_FAULTS = ("fail", "stuck")


class BadFault(ValueError):
    """A fault that cannot be understood; the message says why."""


@dataclasses.dataclass(slots=True)
class Fault:
    """Something that goes wrong.

    :ivar method: of the request it strikes, or None for any.
    :ivar path: a regular expression that is searched in path and query.
    :ivar after: requests that match but are spared first.
    :ivar times: how often it strikes; None for ever.
    :ivar assemble: a node fault instead: ``fail`` or ``stuck``.
    """

    id: str
    asked: dict[str, Any]
    times: int | None
    after: int = 0
    method: str | None = None
    path: re.Pattern[str] | None = None
    action: dict[str, Any] = dataclasses.field(default_factory=dict)
    assemble: str | None = None

    def strikes(self) -> bool:
        """Count one match and tell whether the fault strikes at it."""
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def show(self) -> dict[str, Any]:
        """Return the fault as it was asked for, with its id and what is left of it."""
        return {**self.asked, "id": self.id, "times": self.times, "after": self.after}


class Faults:
    """The faults that wait for their moment, oldest first."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._faults: dict[str, Fault] = {}

    def add(self, asked: object) -> Fault:
        """Take up a fault.

        :raises BadFault: it makes no sense.
        """
        if not isinstance(asked, dict):
            raise BadFault("a fault is a JSON object")
        ident = str(next(self._ids))
        fault = _node_fault(ident, asked) if "node" in asked else _request_fault(ident, asked)
        self._faults[ident] = fault
        return fault

    def all(self) -> list[Fault]:
        """List the faults that are still waiting."""
        return list(self._faults.values())

    def remove(self, ident: str) -> bool:
        """Forget one fault; False when there is none of that id."""
        return self._faults.pop(ident, None) is not None

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def for_request(self, method: str, target: str) -> dict[str, Any] | None:
        """Return the action of the first fault that strikes this request."""
        for fault in self.all():
            if fault.assemble is not None or fault.method not in (None, method):
                continue
            if (fault.path is None or fault.path.search(target)) and self._strike(fault):
                return fault.action
        return None

    def for_assembly(self) -> str | None:
        """Return how the assembly that begins now goes wrong, or None."""
        for fault in self.all():
            if fault.assemble is not None and self._strike(fault):
                return fault.assemble
        return None

    def _strike(self, fault: Fault) -> bool:
        strikes = fault.strikes()
        if fault.times == 0:
            self._faults.pop(fault.id, None)
        return strikes


def _count(asked: Mapping[str, Any], name: str, default: int, least: int) -> int:
    value = asked.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadFault(f"{name} must be an integer of at least {least}")
    return value


def _known(asked: Mapping[str, Any], known: frozenset[str], what: str) -> None:
    if unknown := set(asked) - known:
        raise BadFault(f"{what} does not know {', '.join(sorted(unknown))}")


def _times(asked: Mapping[str, Any]) -> int | None:
    return None if asked.get("times", 1) is None else _count(asked, "times", 1, 1)


def _node_fault(ident: str, asked: dict[str, Any]) -> Fault:
    _known(asked, frozenset({"node", "times", "after"}), "a node fault")
    node = asked["node"]
    if not isinstance(node, dict) or node.get("assemble") not in NODE_FAULTS:
        raise BadFault('node must be {"assemble": "fail"} or {"assemble": "stuck"}')
    after = _count(asked, "after", 0, 0)
    return Fault(ident, asked, _times(asked), after, assemble=node["assemble"])


def _request_fault(ident: str, asked: dict[str, Any]) -> Fault:
    _known(asked, frozenset({"match", "times", "after", "action"}), "a fault")
    match = asked.get("match", {})
    action = asked.get("action")
    if not isinstance(match, dict) or not isinstance(action, dict):
        raise BadFault("match and action must be JSON objects")
    _known(match, frozenset({"method", "path"}), "match")
    if action.get("type") not in ACTIONS:
        raise BadFault(f"action/type must be one of {', '.join(ACTIONS)}")
    _known(action, ACTIONS[action["type"]], f"action {action['type']}")
    _check_numbers(action)
    try:
        path = re.compile(match["path"]) if "path" in match else None
    except (re.error, TypeError) as exc:
        raise BadFault(f"match/path is no regular expression: {exc}") from exc
    return Fault(
        ident,
        asked,
        _times(asked),
        _count(asked, "after", 0, 0),
        match.get("method"),
        path,
        action,
    )


def _check_numbers(action: Mapping[str, Any]) -> None:
    seconds = action.get("seconds", 0)
    if not isinstance(seconds, int | float) or seconds < 0:
        raise BadFault("seconds must be a number that is not negative")
    status = action.get("status", 503)
    if not isinstance(status, int) or not 400 <= status <= 599:
        raise BadFault("status must be from 400 to 599")
