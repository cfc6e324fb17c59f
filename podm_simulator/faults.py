# SPDX-License-Identifier: Apache-2.0

"""Faults that tests inject: how the service misbehaves, and how often."""

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
    """A fault that is invalid; the message has the reason."""


@dataclasses.dataclass(slots=True)
class Fault:
    """An injected fault.

    :ivar definition: the JSON that it was added with.
    :ivar method: of the requests that it applies to; None: any.
    :ivar path: a regular expression, searched in path and query.
    :ivar after: matching requests that still pass before it applies.
    :ivar times: how often it still applies; None: for ever.
    :ivar assemble: for a node fault: ``fail`` or ``stuck``.
    """

    id: str
    definition: dict[str, Any]
    times: int | None
    after: int = 0
    method: str | None = None
    path: re.Pattern[str] | None = None
    action: dict[str, Any] = dataclasses.field(default_factory=dict)
    assemble: str | None = None

    def count_match(self) -> bool:
        """Count one match; return whether the fault applies to it."""
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def show(self) -> dict[str, Any]:
        """Return its definition, with its id and the remaining counts."""
        return {**self.definition, "id": self.id, "times": self.times, "after": self.after}


class Faults:
    """The faults that still apply, oldest first."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._faults: dict[str, Fault] = {}

    def add(self, definition: object) -> Fault:
        """Add a fault.

        :raises BadFault: the definition is invalid.
        """
        if not isinstance(definition, dict):
            raise BadFault("a fault must be a JSON object")
        ident = str(next(self._ids))
        make = _node_fault if "node" in definition else _request_fault
        fault = self._faults[ident] = make(ident, definition)
        return fault

    def all(self) -> list[Fault]:
        """Return the faults that still apply."""
        return list(self._faults.values())

    def remove(self, ident: str) -> bool:
        """Remove a fault; return False when no fault has that id."""
        return self._faults.pop(ident, None) is not None

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def for_request(self, method: str, target: str) -> dict[str, Any] | None:
        """Return the action of the first fault that applies to this request."""
        for fault in self.all():
            if fault.assemble is not None or fault.method not in (None, method):
                continue
            if (fault.path is None or fault.path.search(target)) and self._applies(fault):
                return fault.action
        return None

    def for_assembly(self) -> str | None:
        """Return how the assembly that starts now fails, or None."""
        for fault in self.all():
            if fault.assemble is not None and self._applies(fault):
                return fault.assemble
        return None

    def _applies(self, fault: Fault) -> bool:
        applies = fault.count_match()
        if fault.times == 0:
            self._faults.pop(fault.id, None)
        return applies


def _count(definition: Mapping[str, Any], name: str, default: int, least: int) -> int:
    value = definition.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadFault(f"{name} must be an integer of at least {least}")
    return value


def _reject_unknown(definition: Mapping[str, Any], allowed: frozenset[str], place: str) -> None:
    if unknown := set(definition) - allowed:
        raise BadFault(f"{place} has unknown members: {', '.join(sorted(unknown))}")


def _times(definition: Mapping[str, Any]) -> int | None:
    return None if definition.get("times", 1) is None else _count(definition, "times", 1, 1)


def _node_fault(ident: str, definition: dict[str, Any]) -> Fault:
    _reject_unknown(definition, frozenset({"node", "times", "after"}), "a node fault")
    node = definition["node"]
    if not isinstance(node, dict) or node.get("assemble") not in NODE_FAULTS:
        raise BadFault('node must be {"assemble": "fail"} or {"assemble": "stuck"}')
    after = _count(definition, "after", 0, 0)
    return Fault(ident, definition, _times(definition), after, assemble=node["assemble"])


def _request_fault(ident: str, definition: dict[str, Any]) -> Fault:
    _reject_unknown(definition, frozenset({"match", "times", "after", "action"}), "a fault")
    match = definition.get("match", {})
    action = definition.get("action")
    if not isinstance(match, dict) or not isinstance(action, dict):
        raise BadFault("match and action must be JSON objects")
    _reject_unknown(match, frozenset({"method", "path"}), "match")
    if action.get("type") not in ACTIONS:
        raise BadFault(f"action/type must be one of {', '.join(ACTIONS)}")
    _reject_unknown(action, ACTIONS[action["type"]], f"action {action['type']}")
    _check_numbers(action)
    try:
        path = re.compile(match["path"]) if "path" in match else None
    except (re.error, TypeError) as exc:
        raise BadFault(f"match/path is not a regular expression: {exc}") from exc
    return Fault(
        ident,
        definition,
        _times(definition),
        _count(definition, "after", 0, 0),
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
