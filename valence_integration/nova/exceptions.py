# SPDX-License-Identifier: Apache-2.0

"""What goes wrong, said as Nova understands it: where it builds again, and what the user reads.

In ``prepare_for_spawn`` Nova passes on the words of two exceptions alone:
ComputeResourcesUnavailable has the server built on another compute node, and
InstanceUnacceptable ends it in error.
"""

from collections.abc import Mapping
from typing import Any

from nova import exception
from oslo_log import log as logging

from valence_integration.nova import servers

LOG = logging.getLogger(__name__)

#: Faults that another pod manager would end in just as well.
EVERYWHERE = frozenset(
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

#: The fault of a pod manager that has not enough left.
FULL = "valence.podmanager.refused"

#: What a user reads of a fault: characters of Nova's column, and of what it puts before.
LONGEST = 255 - len("Build of instance 00000000-0000-0000-0000-000000000000 aborted: ")


def cannot_start(why: str) -> exception.NovaException:
    """Say why nova-compute does not start."""
    return exception.NovaException(f"The Valence driver does not start: {why}")


def unacceptable(uuid: str, why: str) -> exception.NovaException:
    """End a build in error, with these words."""
    LOG.info("Server %s is not built: %s", uuid, why)
    return exception.InstanceUnacceptable(shorten(why, LONGEST), instance_id=uuid)


def refusal(
    uuid: str, told: Mapping[str, str], faults: Mapping[str, Mapping[str, Any]], elsewhere: bool
) -> exception.NovaException:
    """Have a server built elsewhere that pod managers refused, or say why it cannot be.

    :param told: name of each pod manager, of former attempts too, to its words.
    :param faults: of this attempt.
    :param elsewhere: whether there is another compute node to try.
    """
    each = LONGEST // max(1, len(told)) - len("; ")
    why = "; ".join(shorten(f"pod manager {name}: {said}", each) for name, said in told.items())
    if elsewhere and not any(fault.get("code") in EVERYWHERE for fault in faults.values()):
        return exception.ComputeResourcesUnavailable(reason=why)
    return unacceptable(uuid, why)


def not_given_back(uuid: str, exc: servers.NotGivenBack) -> exception.NovaException:
    """Say that something of a server is still held; it can be deleted, and deleted again."""
    return unacceptable(uuid, str(exc))


def held(uuid: str, why: str) -> exception.NovaException:
    """Say that a machine is not given back yet; the server can be deleted again."""
    return exception.InstanceTerminationFailure(reason=f"instance {uuid}: {why}")


def gone(uuid: str) -> exception.NovaException:
    """Tell Nova that a server which it builds was deleted meanwhile."""
    return exception.InstanceNotFound(instance_id=uuid)


def undeployed(uuid: str, why: str) -> exception.NovaException:
    """End a build whose deployment failed; everything is given back by ``destroy``."""
    return exception.BuildAbortException(instance_uuid=uuid, reason=shorten(why, LONGEST))


def shorten(text: str, most: int) -> str:
    """Leave out a part behind the middle of what is too long: it ends with why, as a rule."""
    if len(text) <= most:
        return text
    gap = " ... "
    head = max(0, most - len(gap)) * 2 // 3
    return text[:head] + gap + text[len(text) - (most - len(gap) - head) :]
