# SPDX-License-Identifier: Apache-2.0

"""Filters: which pod managers are not tried for a node, and why."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from valence.scheduler import base

Shape = Mapping[str, Any]

#: Whether a system meets a requirement: (section, key) -> test(system, value).
#: An unknown property of a system counts as met.
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
    """Refuses pod managers that an operator has disabled."""

    even_named = True

    def refusal(self, candidate: base.Candidate, request: base.Request) -> str | None:
        """Return that it is disabled."""
        return None if candidate.podm.enabled else "It is disabled."


class Online(base.Filter):
    """Defers pod managers that are offline until all others have refused."""

    may_pass = True

    def refusal(self, candidate: base.Candidate, request: base.Request) -> str | None:
        """Return since when it is offline, and why."""
        podm = candidate.podm
        if podm.status != "offline":
            return None
        reason = f": {podm.status_reason}" if podm.status_reason else "."
        return f"It has been offline since {podm.status_since:%Y-%m-%d %H:%M:%S} UTC{reason}"


class Tags(base.Filter):
    """Refuses pod managers that lack a requested tag."""

    def refusal(self, candidate: base.Candidate, request: base.Request) -> str | None:
        """Return the tags that it does not have."""
        missing = [tag for tag in request.tags if tag not in candidate.podm.tags]
        return f"It does not have the tags {', '.join(missing)}." if missing else None


class Capable(base.Filter):
    """Refuses pod managers none of whose systems, free or not, meets the requirements.

    Only the pod manager itself knows whether one that does is free.
    """

    def refusal(self, candidate: base.Candidate, request: base.Request) -> str | None:
        """Return the requirement that none of its systems meets."""
        if not candidate.fresh:
            return None
        return _too_few_devices(candidate, request) or _too_small(candidate.shapes, request)


def _too_small(shapes: Iterable[Shape], request: base.Request) -> str | None:
    suitable = list(shapes)
    if not suitable:
        return "It has no systems."
    for section, key, value in _requirements(request.properties):
        suitable = [shape for shape in suitable if TESTS[section, key](shape, value)]
        if not suitable:
            return (
                f"None of its systems has {section}.{key} {value} together with the other "
                "requirements."
            )
    for nic in request.properties.get("network") or ():
        speed = nic.get("speed_mbps")
        if speed and not any(_any_has(shape, "nics", "speed_mbps", speed) for shape in suitable):
            return f"None of its systems has a network interface of {speed} Mbit/s."
    return None


def _too_few_devices(candidate: base.Candidate, request: base.Request) -> str | None:
    for device in request.properties.get("pci_device") or ():
        kind, count = device.get("type"), device.get("count", 1)
        built_in = any(_any_is(shape, "processors", "type", kind) for shape in candidate.shapes)
        if kind and not built_in and candidate.devices.get(kind, 0) < count:
            return f"It has {candidate.devices.get(kind, 0)} devices of type {kind}."
    return None


def _requirements(properties: Mapping[str, Any]) -> Iterable[tuple[str, str, Any]]:
    for section in ("processor", "memory"):
        for key, value in (properties.get(section) or {}).items():
            if (section, key) in TESTS:
                yield section, key, value


def _enough(has: int | None, value: int) -> bool:
    return has is None or has >= value


def _any_is(shape: Shape, parts: str, field: str, value: Any) -> bool:
    values = [str(part[field]).lower() for part in shape.get(parts) or () if field in part]
    return not values or str(value).lower() in values


def _any_has(shape: Shape, parts: str, field: str, value: int) -> bool:
    values = [part[field] for part in shape.get(parts) or () if part.get(field) is not None]
    return not values or max(values) >= value
