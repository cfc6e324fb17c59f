# SPDX-License-Identifier: Apache-2.0

"""Format instances: text for terminals, JSON for programs."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import datetime
from typing import Any

from cliff import columns
from oslo_utils import strutils

from valence_integration.objects.instance import Instance


class Text(columns.FormattableColumn[str | None]):
    """Text of users and services, or none: it must not control the terminal."""

    def human_readable(self) -> str:
        """Return the text without control characters."""
        return printable(self._value or "")


class Fault(columns.FormattableColumn[Mapping[str, Any] | None]):
    """Why the last operation failed: the sentence with the peer's reason, cleanup, code."""

    def human_readable(self) -> str:
        """Return a line for each; empty without a fault."""
        fault = self._value or {}
        lines = (fault.get("detail"), cleanup(fault.get("cleanup")), fault.get("code"))
        return "\n".join(printable(str(line)) for line in lines if line)


def cleanup(value: Mapping[str, Any] | None) -> str | None:
    """Return the cleanup of a fault as text; None if it has none."""
    if not value:
        return None
    return ": ".join(filter(None, ("cleanup", value["result"], value["detail"])))


def printable(text: str) -> str:
    """Replace unprintable characters by spaces: escape sequences, newlines."""
    return "".join(char if char.isprintable() else " " for char in text)


def timestamp(time: datetime.datetime | None) -> str | None:
    """Return a time in ISO 8601, in UTC, to the second."""
    return time.isoformat(timespec="seconds") if time else None


def deployment(instance: Instance) -> dict[str, Any] | None:
    """Return what is deployed, with secrets masked."""
    if instance.deploy is None:
        return None
    masked: dict[str, Any] = strutils.mask_dict_password(instance.deploy)
    return masked | ({"configdrive": "***"} if masked.get("configdrive") else {})


#: field -> the value to show, in this order.
FIELDS: Mapping[str, Callable[[Instance], Any]] = {
    "uuid": lambda instance: instance.uuid,
    "name": lambda instance: Text(instance.name),
    "state": lambda instance: instance.state,
    "task": lambda instance: Text(instance.task),
    "since": lambda instance: timestamp(instance.since),
    "conductor": lambda instance: Text(instance.conductor),
    "fault": lambda instance: Fault(instance.fault),
    "operation": lambda instance: instance.operation,
    "generation": lambda instance: instance.generation,
    "destroy_requested": lambda instance: instance.destroy_requested,
    "composed": lambda instance: instance.composed,
    "requirements": lambda instance: instance.requirements,
    "flavor": lambda instance: Text(instance.flavor),
    "deploy": deployment,
    "node_uuid": lambda instance: Text(instance.node_uuid),
    "ironic_uuid": lambda instance: Text(instance.ironic_uuid),
    "podm_uuid": lambda instance: Text(instance.podm_uuid),
    "project_id": lambda instance: Text(instance.project_id),
    "user_id": lambda instance: Text(instance.user_id),
    "created_at": lambda instance: timestamp(instance.created_at),
    "updated_at": lambda instance: timestamp(instance.updated_at),
}

#: Column heading -> field.
COLUMNS: Mapping[str, str] = {
    "UUID": "uuid",
    "Name": "name",
    "State": "state",
    "Task": "task",
    "Since": "since",
    "Conductor": "conductor",
    "Error": "fault",
}
LONG_COLUMNS: Mapping[str, str] = {
    **COLUMNS,
    "Generation": "generation",
    "Composed": "composed",
    "Node": "node_uuid",
    "Ironic Node": "ironic_uuid",
    "Pod Manager": "podm_uuid",
    "Created": "created_at",
}

Table = tuple[tuple[str, ...], list[tuple[Any, ...]]]


def table(instances: Iterable[Instance], headings: Mapping[str, str] = COLUMNS) -> Table:
    """Return headings and rows for a Lister."""
    fields = headings.values()
    rows = [tuple(FIELDS[field](instance) for field in fields) for instance in instances]
    return tuple(headings), rows


def details(instance: Instance) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Return names and values for a ShowOne."""
    return tuple(FIELDS), tuple(value(instance) for value in FIELDS.values())
