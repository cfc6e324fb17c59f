# SPDX-License-Identifier: Apache-2.0

"""Errors that the plugin raises to its callers, and the faults that end its flows.

::

    IntegrationError
    |-- InvalidRequirements   a flavor requires something that cannot be composed
    |-- InvalidRequest        the request is malformed or contradicts itself
    |-- InstanceNotFound      no instance has this uuid
    |-- InstanceDuplicate     the uuid belongs to a different request
    |-- RetryRefused          another attempt would leave resources behind
    |-- InstanceFailed        provisioning or destroying ended in error
    `-- InstanceTimeout       the operation is still running at the caller's timeout

A flow ends with a :class:`valence_conductor.errors.Fault`. Its details have one of
the codes below, and ``reason``: the text of the error that Valence or Ironic returned.
"""

from typing import Any
from typing import Protocol

from valence_conductor import errors as conductor_errors

#: Codes of the plugin's own faults; the codes of other services are passed on unchanged.
VALENCE_UNREACHABLE = "valence.instance.valence_unreachable"
VALENCE_REFUSED = "valence.instance.valence_refused"
NODE_GONE = "valence.instance.node_gone"
NODE_DIFFERS = "valence.instance.node_differs"
IRONIC_UNAVAILABLE = "valence.ironic.unavailable"
IRONIC_REFUSED = "valence.ironic.refused"
IRONIC_FAILED = "valence.ironic.failed"
STILL_OWNED = "valence.instance.still_in_ironic"
STILL_COMPOSED = "valence.instance.still_in_valence"
WRONG_DATABASE = "valence.instance.wrong_database"
TIMED_OUT = "valence.instance.timed_out"
CANCELLED = "valence.instance.cancelled"
UNEXPECTED = "valence.instance.failed"


class InstanceFields(Protocol):
    """Fields of :class:`valence_integration.objects.instance.Instance` that errors show."""

    uuid: str
    name: str
    state: str
    task: str | None
    operation: str
    generation: int
    composed: bool | None
    node_uuid: str | None
    ironic_uuid: str | None
    fault: dict[str, Any] | None


class IntegrationError(Exception):
    """Base of the errors that the plugin raises to its callers."""


class InvalidRequest(IntegrationError):
    """The request is malformed or contradicts itself."""


class InvalidRequirements(IntegrationError):
    """A flavor requires something that cannot be composed.

    :ivar key: the key as the flavor has it.
    :ivar allowed: the values that are allowed, in words.
    """

    def __init__(self, key: str, value: Any, allowed: str) -> None:
        super().__init__(f"{key} = {value!r} cannot be composed: {allowed}.")
        self.key = key
        self.allowed = allowed


class InstanceNotFound(IntegrationError):
    """No instance has this uuid."""

    def __init__(self, uuid: str) -> None:
        super().__init__(f"There is no instance {uuid}.")
        self.uuid = uuid


class InstanceDuplicate(IntegrationError):
    """An instance with this uuid exists and was requested with different values."""

    def __init__(self, uuid: str) -> None:
        super().__init__(
            f"Instance {uuid} exists already and was requested with different values; "
            "repeat the request exactly, or choose another uuid."
        )
        self.uuid = uuid


class RetryRefused(IntegrationError):
    """An instance cannot be provisioned again in its present state.

    :ivar obstacles: the reasons, a sentence each.
    """

    def __init__(self, uuid: str, obstacles: list[str], advice: str) -> None:
        super().__init__(
            f"Instance {uuid} was not provisioned again. {' '.join(obstacles)} {advice}"
        )
        self.uuid = uuid
        self.obstacles = obstacles


class InstanceFailed(IntegrationError):
    """Provisioning or destroying an instance ended in error.

    :ivar instance: the instance, as it was read last.
    :ivar fault: its fault: code, detail, reason, operation, cleanup, at.
    """

    def __init__(self, instance: InstanceFields) -> None:
        self.instance = instance
        self.fault: dict[str, Any] = dict(instance.fault or {})
        message = (
            f"Instance {instance.uuid} ({instance.name}) failed to {instance.operation}: "
            f"{self.fault.get('detail', 'no reason was recorded')}"
        )
        cleanup = self.fault.get("cleanup") or {}
        if cleanup.get("detail"):
            message += f" Releasing its resources failed: {cleanup['detail']}"
        super().__init__(message)


class InstanceTimeout(IntegrationError):
    """The caller's timeout passed before the operation ended; the operation continues.

    :ivar instance: the instance, as it was read last.
    """

    def __init__(self, instance: InstanceFields, timeout: float) -> None:
        super().__init__(
            f"Instance {instance.uuid} ({instance.name}) is still {instance.state} after "
            f"{timeout:g} s, at {instance.task or 'no task'}; the operation continues."
        )
        self.instance = instance


def fault(code: str, sentence: str, reason: str | None = None) -> conductor_errors.Fault:
    """Return a fault that ends a flow.

    :param code: one of the codes of this module, or another service's own.
    :param sentence: what happened and what to do next.
    :param reason: the text of the peer's error; appended to the sentence.
    """
    text = f"{sentence} {reason}" if reason and reason not in sentence else sentence
    return conductor_errors.Fault(text, {"code": code, "reason": reason})
