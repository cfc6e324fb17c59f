# SPDX-License-Identifier: Apache-2.0

"""What the plugin refuses or reports to its callers.

::

    IntegrationError
    |-- InvalidRequirements   a flavor asks for something that cannot be
    |-- InvalidRequest        the request itself makes no sense
    |-- InstanceNotFound      no such instance
    |-- InstanceDuplicate     the uuid belongs to a different request
    |-- RetryRefused          something stands in the way of another attempt
    |-- InstanceFailed        provisioning or destroying ended in error
    `-- InstanceTimeout       still under way at the end of the caller's patience

What ends a flow is a :class:`valence_conductor.errors.Fault` with one of the
codes below in its details, and ``reason``: the peer's own words.
"""

from typing import Any
from typing import TYPE_CHECKING

from valence_conductor import errors

if TYPE_CHECKING:
    from valence_integration.objects.instance import Instance

#: Codes of faults that are the plugin's own; others are passed on as they came.
VALENCE_UNREACHABLE = "valence.instance.valence_unreachable"
VALENCE_REFUSED = "valence.instance.valence_refused"
NODE_GONE = "valence.instance.node_gone"
NODE_DIFFERS = "valence.instance.node_differs"
IRONIC_UNAVAILABLE = "valence.ironic.unavailable"
IRONIC_REFUSED = "valence.ironic.refused"
IRONIC_FAILED = "valence.ironic.failed"
STILL_OWNED = "valence.instance.still_in_ironic"
TIMED_OUT = "valence.instance.timed_out"
CANCELLED = "valence.instance.cancelled"
UNEXPECTED = "valence.instance.failed"


class IntegrationError(Exception):
    """Base of what callers of the plugin are told."""


class InvalidRequest(IntegrationError):
    """The request cannot be carried out as it is put."""


class InvalidRequirements(IntegrationError):
    """A flavor asks for something that cannot be.

    :ivar key: the key as the flavor has it.
    :ivar allowed: what may stand there, in words.
    """

    def __init__(self, key: str, value: Any, allowed: str) -> None:
        super().__init__(f"{key} = {value!r} cannot be composed: {allowed}.")
        self.key = key
        self.allowed = allowed


class InstanceNotFound(IntegrationError):
    """There is no instance with this uuid."""

    def __init__(self, uuid: str) -> None:
        super().__init__(f"There is no instance {uuid}.")
        self.uuid = uuid


class InstanceDuplicate(IntegrationError):
    """An instance with this uuid exists and was asked for differently."""

    def __init__(self, uuid: str) -> None:
        super().__init__(
            f"Instance {uuid} exists already and was requested with different values; "
            "repeat the request exactly, or choose another uuid."
        )
        self.uuid = uuid


class RetryRefused(IntegrationError):
    """An instance cannot be provisioned anew as it stands.

    :ivar obstacles: what stands in the way, a sentence each.
    """

    def __init__(self, uuid: str, obstacles: list[str], advice: str) -> None:
        super().__init__(
            f"Instance {uuid} is not provisioned anew. {' '.join(obstacles)} {advice}"
        )
        self.uuid = uuid
        self.obstacles = obstacles


class InstanceFailed(IntegrationError):
    """Provisioning or destroying an instance ended in error.

    :ivar instance: as it stands.
    :ivar fault: code, detail, reason, operation, task, at.
    """

    def __init__(self, instance: "Instance") -> None:
        self.instance = instance
        self.fault: dict[str, Any] = dict(instance.fault or {})
        super().__init__(
            f"Instance {instance.uuid} ({instance.name}) failed to {instance.operation}: "
            f"{self.fault.get('detail', 'no reason is known')}"
        )


class InstanceTimeout(IntegrationError):
    """The caller's patience ended before the instance settled; the work goes on.

    :ivar instance: as it stands.
    """

    def __init__(self, instance: "Instance", timeout: float) -> None:
        super().__init__(
            f"Instance {instance.uuid} ({instance.name}) is still {instance.state} after "
            f"{timeout:g} s, at {instance.task or 'no task'}; the work goes on."
        )
        self.instance = instance


def fault(code: str, sentence: str, reason: str | None = None) -> errors.Fault:
    """Make a fault that ends a flow.

    :param code: one of the codes of this module, or a service's own.
    :param sentence: what happened and what to do.
    :param reason: the peer's own words, added to the sentence.
    """
    return errors.Fault(_with(sentence, reason), {"code": code, "reason": reason})


def _with(sentence: str, reason: str | None) -> str:
    return f"{sentence} {reason}" if reason and reason not in sentence else sentence
