# SPDX-License-Identifier: Apache-2.0

"""The exceptions of Nova for each failure: they decide on another build, and name the reason.

In ``prepare_for_spawn`` Nova keeps the message of two exceptions only:
ComputeResourcesUnavailable makes Nova build the server on another compute node, and
InstanceUnacceptable ends the build in error.
"""

from collections.abc import Mapping
from typing import Any

from nova import exception
from oslo_log import log as logging

from valence_integration.nova import servers

LOG = logging.getLogger(__name__)

#: Codes of faults that occur on every other pod manager as well.
COMMON_FAULTS = frozenset(
    {
        "valence.ironic.unavailable",
        "valence.ironic.not_configured",
        "valence.instance.valence_unreachable",
        "valence.request.invalid",
        "valence.request.forbidden",
        "valence.request.unauthenticated",
        "valence.flavor.not_found",
    }
)

#: The code of the fault of a pod manager that has not enough hardware left.
FULL = "valence.podmanager.refused"

#: Characters of a reason in the user's message: Nova's column, less the prefix that Nova adds.
MAX_REASON = 255 - len("Build of instance 00000000-0000-0000-0000-000000000000 aborted: ")


def cannot_start(reason: str) -> exception.NovaException:
    """Return the exception that stops the start of nova-compute."""
    return exception.NovaException(f"The Valence driver cannot start: {reason}")


def unacceptable(uuid: str, reason: str) -> exception.NovaException:
    """Return the exception that ends a build in error, for this reason."""
    LOG.info("Server %s was not built: %s", uuid, reason)
    return exception.InstanceUnacceptable(shorten(reason, MAX_REASON), instance_id=uuid)


def refused(
    uuid: str,
    reasons: Mapping[str, str],
    faults: Mapping[str, Mapping[str, Any]],
    has_alternative: bool,
) -> exception.NovaException:
    """Return the exception for a server that pod managers refused.

    Nova builds the server on another compute node, or ends the build in error.

    :param reasons: name of each pod manager, of earlier attempts too, to its reason.
    :param faults: of this attempt.
    :param has_alternative: whether another compute node can be tried.
    """
    each = MAX_REASON // max(1, len(reasons)) - len("; ")
    summary = "; ".join(
        shorten(f"pod manager {name}: {reason}", each) for name, reason in reasons.items()
    )
    is_common = any(fault.get("code") in COMMON_FAULTS for fault in faults.values())
    if has_alternative and not is_common:
        return exception.ComputeResourcesUnavailable(reason=summary)
    return unacceptable(uuid, summary)


def build_not_released(uuid: str, exc: servers.NotReleased) -> exception.NovaException:
    """Return the exception for a build that still holds hardware; the server can be deleted."""
    return unacceptable(uuid, str(exc))


def not_released(uuid: str, exc: servers.NotReleased) -> exception.NovaException:
    """Return the exception for a deletion that did not end; the server can be deleted again."""
    return exception.InstanceTerminationFailure(reason=f"instance {uuid}: {exc}")


def deleted(uuid: str) -> exception.NovaException:
    """Return the exception for a server that was deleted while it was being built."""
    return exception.InstanceNotFound(instance_id=uuid)


def deploy_failed(uuid: str, reason: str) -> exception.NovaException:
    """Return the exception for a failed deployment; ``destroy`` releases the machine."""
    return exception.BuildAbortException(instance_uuid=uuid, reason=shorten(reason, MAX_REASON))


def shorten(text: str, most: int) -> str:
    """Shorten a text in the middle: the reason is usually at its end.

    :param most: characters of the result.
    """
    if len(text) <= most:
        return text
    gap = " ... "
    head = max(0, most - len(gap)) * 2 // 3
    return text[:head] + gap + text[len(text) - (most - len(gap) - head) :]
