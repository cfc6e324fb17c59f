# SPDX-License-Identifier: Apache-2.0

"""How an instance looks: a line for people, JSON for programs."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import datetime
from typing import Any

from cliff import columns
from oslo_utils import strutils

from valence_integration.objects.instance import Instance


class Text(columns.FormattableColumn[str | None]):
    """Words, or none; somebody else chose them: none of them may steer a terminal."""

    def human_readable(self) -> str:
        """Show them."""
        return printable(self._value or "")


class Fault(columns.FormattableColumn[Mapping[str, Any] | None]):
    """Why the last operation failed: the sentence, with the peer's reason, and the code."""

    def human_readable(self) -> str:
        """Show it in lines; nothing if there is no fault."""
        fault = self._value or {}
        lines = (fault.get("detail"), fault.get("code"))
        return "\n".join(printable(str(line)) for line in lines if line)


def printable(words: str) -> str:
    """Replace what is no letter or sign: escape sequences, newlines."""
    return "".join(sign if sign.isprintable() else " " for sign in words)


def moment(when: datetime.datetime | None) -> str | None:
    """Write a time in ISO 8601, in UTC, to the second."""
    return when.isoformat(timespec="seconds") if when else None


def deployment(instance: Instance) -> dict[str, Any] | None:
    """Show what is deployed, without what may be secret in it."""
    if instance.deploy is None:
        return None
    shown: dict[str, Any] = strutils.mask_dict_password(instance.deploy)
    return shown | ({"configdrive": "***"} if shown.get("configdrive") else {})


Field = Callable[[Instance], Any]

#: field -> what is shown of it, in this order.
FIELDS: Mapping[str, Field] = {
    "uuid": lambda it: it.uuid,
    "name": lambda it: Text(it.name),
    "state": lambda it: it.state,
    "task": lambda it: Text(it.task),
    "since": lambda it: moment(it.since),
    "conductor": lambda it: Text(it.conductor),
    "fault": lambda it: Fault(it.fault),
    "operation": lambda it: it.operation,
    "generation": lambda it: it.generation,
    "destroy_requested": lambda it: it.destroy_requested,
    "composed": lambda it: it.composed,
    "requirements": lambda it: it.requirements,
    "flavor": lambda it: Text(it.flavor),
    "deploy": deployment,
    "node_uuid": lambda it: Text(it.node_uuid),
    "ironic_uuid": lambda it: Text(it.ironic_uuid),
    "podm_uuid": lambda it: Text(it.podm_uuid),
    "project_id": lambda it: Text(it.project_id),
    "user_id": lambda it: Text(it.user_id),
    "created_at": lambda it: moment(it.created_at),
    "updated_at": lambda it: moment(it.updated_at),
}

#: heading -> field, for lists.
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

Listed = tuple[tuple[str, ...], list[tuple[Any, ...]]]


def listed(instances: Iterable[Instance], wanted: Mapping[str, str] = COLUMNS) -> Listed:
    """Give headings and rows for a Lister."""
    rows = [tuple(FIELDS[field](it) for field in wanted.values()) for it in instances]
    return tuple(wanted), rows


def shown(instance: Instance) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Give names and values for a ShowOne."""
    return tuple(FIELDS), tuple(show(instance) for show in FIELDS.values())
