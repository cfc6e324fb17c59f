# SPDX-License-Identifier: Apache-2.0

"""Filters: who is not asked for a node, and why."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from valence.scheduler import base

Shape = Mapping[str, Any]

#: Whether a system can be what is asked for: (section, key) -> test(system, value).
#: What is not known of a system speaks for it.
TESTS: Mapping[tuple[str, str], Callable[[Shape, Any], bool]] = {
    ("processor", "total_cores"): lambda shape, value: _enough(shape.get("cores"), value),
    ("processor", "count"): lambda shape, value: _enough(shape.get("processor_count"), value),
    ("processor", "model"): lambda shape, value: _any_is(shape, "processors", "model", value),
    ("processor", "instruction_set"): lambda shape, value: _any_is(
        shape, "processors", "instruction_set", value
    ),
    ("processor", "speed_mhz"): lambda shape, value: _any_has(
        shape, "processors", "speed_mhz", value
    ),
    ("memory", "capacity_mib"): lambda shape, value: _enough(shape.get("memory_mib"), value),
}


class Enabled(base.Filter):
    """Ask nobody whom an operator has switched off."""

    even_named = True

    def refusal(self, candidate: base.Candidate, asked: base.Asked) -> str | None:
        """Say that it is switched off."""
        return None if candidate.podm.enabled else "It is disabled."


class Online(base.Filter):
    """Ask those who do not answer only when nobody else is left."""

    may_pass = True

    def refusal(self, candidate: base.Candidate, asked: base.Asked) -> str | None:
        """Say since when it is offline, and why."""
        podm = candidate.podm
        if podm.status != "offline":
            return None
        why = f": {podm.status_reason}" if podm.status_reason else "."
        return f"It is offline since {podm.status_since:%Y-%m-%d %H:%M:%S} UTC{why}"


class Tags(base.Filter):
    """Ask those alone that have every tag that is asked for."""

    def refusal(self, candidate: base.Candidate, asked: base.Asked) -> str | None:
        """Name the tags that it does not have."""
        missing = [tag for tag in asked.tags if tag not in candidate.podm.tags]
        return f"It does not have the tags {', '.join(missing)}." if missing else None


class Capable(base.Filter):
    """Ask nobody of whom it is known that none of its systems will do, free or not.

    Whether one that will do is free, the pod manager itself knows best.
    """

    def refusal(self, candidate: base.Candidate, asked: base.Asked) -> str | None:
        """Say what none of its systems has."""
        if not candidate.fresh:
            return None
        return _too_few_devices(candidate, asked) or _too_small(candidate.shapes, asked)


def _too_small(shapes: Iterable[Shape], asked: base.Asked) -> str | None:
    left = list(shapes)
    if not left:
        return "It has no systems."
    for section, key, value in _wanted(asked.properties):
        left = [shape for shape in left if TESTS[section, key](shape, value)]
        if not left:
            return (
                f"None of its systems has {section}.{key} {value} with all that is asked for "
                "besides."
            )
    for nic in asked.properties.get("network") or ():
        speed = nic.get("speed_mbps")
        if speed and not any(_any_has(shape, "nics", "speed_mbps", speed) for shape in left):
            return f"None of its systems has a network interface of {speed} Mbit/s."
    return None


def _too_few_devices(candidate: base.Candidate, asked: base.Asked) -> str | None:
    for device in asked.properties.get("pci_device") or ():
        kind, count = device.get("type"), device.get("count", 1)
        soldered = any(_any_is(shape, "processors", "type", kind) for shape in candidate.shapes)
        if kind and not soldered and candidate.devices.get(kind, 0) < count:
            return f"It has {candidate.devices.get(kind, 0)} devices of type {kind}."
    return None


def _wanted(properties: Mapping[str, Any]) -> Iterable[tuple[str, str, Any]]:
    for section in ("processor", "memory"):
        for key, value in (properties.get(section) or {}).items():
            if (section, key) in TESTS:
                yield section, key, value


def _enough(has: int | None, value: int) -> bool:
    return has is None or has >= value


def _any_is(shape: Shape, parts: str, field: str, value: Any) -> bool:
    known = [str(part[field]).lower() for part in shape.get(parts) or () if field in part]
    return not known or str(value).lower() in known


def _any_has(shape: Shape, parts: str, field: str, value: int) -> bool:
    known = [part[field] for part in shape.get(parts) or () if part.get(field) is not None]
    return not known or max(known) >= value
