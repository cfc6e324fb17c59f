# SPDX-License-Identifier: Apache-2.0

"""Build the machines of servers, and record their state in Nova's instances."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from nova import context as nova_context
from nova import exception
from nova import objects
from nova.compute import power_state
from nova.compute import task_states
from nova.compute import utils as compute_utils
from nova.compute import vm_states
import nova.conf
from oslo_log import log as logging

from valence_conductor import errors as conductor_errors
from valence_integration import errors
from valence_integration import requirements as requirement_table
from valence_integration.nova import capacity
from valence_integration.nova import exceptions
from valence_integration.nova import servers
from valence_integration.nova.computenode import ComputeNode
from valence_integration.nova.service import Service
from valence_integration.objects.instance import Instance

CONF = nova.conf.CONF
LOG = logging.getLogger(__name__)

#: The driver's own keys in an instance's system_metadata.
PREFIX = "valence_"
REFUSED = PREFIX + "refused_"
#: Most characters of a value there, and of a name.
MAX_VALUE = 255

#: States of servers that were never built, and will not be.
UNBUILT = (vm_states.BUILDING, vm_states.ERROR)

#: States of servers that have a machine.
BUILT = (vm_states.ACTIVE, vm_states.STOPPED, vm_states.RESCUED, vm_states.PAUSED)


def compose(service: Service, instance: objects.Instance, compute_node: ComputeNode) -> None:
    """Compose a machine for a server on a compute node, and enroll it.

    :raises ComputeResourcesUnavailable: it was refused; another compute node can be tried.
    :raises InstanceUnacceptable: it was refused, or is impossible; with the reason.
    :raises InstanceNotFound: the server was deleted meanwhile.
    """
    requirements = _requirements(instance)
    flavor_id = capacity.find_flavor_id(service.capacity.snapshot(), requirements.flavor)
    request = servers.ServerRequest(
        instance.uuid,
        (instance.display_name or instance.uuid)[:MAX_VALUE],
        requirements,
        instance.project_id,
        instance.user_id,
    )

    def on_refusal(podm_id: str, fault: Mapping[str, Any]) -> None:
        instance.system_metadata[REFUSED + podm_id] = servers.reason_of(fault)[:MAX_VALUE]
        if fault.get("code") == exceptions.FULL:
            service.capacity.record_refusal(podm_id, flavor_id)

    try:
        row = service.servers.compose(
            request,
            capacity.sort_by_room(service.capacity, compute_node.podm_ids, flavor_id),
            CONF.valence.compose_timeout,
            lambda: is_deleted(instance),
            on_refusal,
        )
    except servers.Deleted as exc:
        raise exceptions.deleted(instance.uuid) from exc
    except servers.Refused as exc:
        raise _refused(service, instance, flavor_id, exc) from exc
    except servers.NotReleased as exc:
        raise exceptions.build_not_released(instance.uuid, exc) from exc
    except errors.IntegrationError as exc:
        raise exceptions.unacceptable(instance.uuid, str(exc)) from exc
    service.capacity.expire()
    _record_composed(instance, row)


def find_interrupted(rows: Iterable[Instance], host: str) -> Iterator[str]:
    """Yield the servers whose build was interrupted by a restart of this host.

    Nova sets them to error, or has done so: the process that would have deployed on them
    has stopped. Nova handles servers that were deleted meanwhile.
    """
    context = nova_context.get_admin_context()
    for row in rows:
        try:
            instance = objects.Instance.get_by_uuid(context, row.uuid)
        except exception.InstanceNotFound:
            continue
        is_unbuilt = instance.launched_at is None and instance.vm_state in UNBUILT
        if is_unbuilt and instance.host in (None, host):
            yield row.uuid


def is_deleted(instance: objects.Instance) -> bool:
    """Return whether a server that is being built was deleted, or set to error."""
    current = instance.obj_clone()
    try:
        current.refresh()
    except exception.InstanceNotFound:
        return True
    final = (vm_states.ERROR, vm_states.DELETED)
    return current.task_state == task_states.DELETING or current.vm_state in final


def deploy_error(service: Service, ironic_uuid: str | None, exc: Exception) -> str:
    """Return the reason of a failed deployment: Ironic's own, from the node or its history."""
    message = str(exc)
    try:
        node = service.ironic.find(str(ironic_uuid))
        if node.is_gone:
            return f"{message} Node {ironic_uuid} was deleted in Ironic."
        reason = node.last_error or service.ironic.recorded_error(node.uuid)
    except conductor_errors.Fault:
        return message
    # The rest is JSON that repeats the same.
    return str(reason or message).partition(" Extended information:")[0]


def set_missing(uuid: str, reason: str) -> None:
    """Set a server to error whose node is missing; it can still be deleted.

    A server that is being built or deleted is left to that operation.
    """
    context = nova_context.get_admin_context()
    try:
        instance = objects.Instance.get_by_uuid(context, uuid)
    except exception.InstanceNotFound:
        return
    is_busy = instance.task_state is not None or instance.host != CONF.host
    if is_busy or instance.vm_state not in BUILT:
        return
    instance.vm_state = vm_states.ERROR
    instance.power_state = power_state.NOSTATE
    instance.save()
    LOG.error("Server %s is in error: %s", uuid, reason)
    message = f"The machine of this server no longer exists: {reason}. Delete the server."
    fault = exception.InstanceNotFound(instance_id=uuid)
    compute_utils.add_instance_fault_from_exc(context, instance, fault, fault_message=message)


def _requirements(instance: objects.Instance) -> requirement_table.Requirements:
    flavor = instance.flavor
    try:
        requirements = requirement_table.from_extra_specs(flavor.extra_specs or {})
    except errors.InvalidRequirements as exc:
        raise exceptions.unacceptable(instance.uuid, f"flavor {flavor.name}: {exc}") from exc
    if requirements is None:
        raise exceptions.unacceptable(
            instance.uuid,
            f"flavor {flavor.name} does not say what to compose; add extra specs such as "
            "valence:flavor",
        )
    return requirements


def _record_composed(instance: objects.Instance, row: Instance) -> None:
    """Record in Nova what was composed, and drop earlier refusals."""
    metadata = instance.system_metadata
    for key in [key for key in metadata if key.startswith(REFUSED)]:
        del metadata[key]
    metadata[PREFIX + "composed"] = "True"
    metadata[PREFIX + "node"] = row.node_uuid
    metadata[PREFIX + "ironic_node"] = row.ironic_uuid
    metadata[PREFIX + "pod_manager"] = row.podm_uuid
    instance.save()


def _refused(
    service: Service, instance: objects.Instance, flavor_id: str | None, exc: servers.Refused
) -> Exception:
    """Convert a refusal, together with those of compute nodes that were tried before."""
    reasons = {
        key.removeprefix(REFUSED): reason
        for key, reason in instance.system_metadata.items()
        if key.startswith(REFUSED)
    }
    # The metadata has them shortened; those of this attempt are available in full.
    reasons |= {podm_id: servers.reason_of(fault) for podm_id, fault in exc.faults.items()}
    instance.save()
    podmanagers = service.capacity.snapshot().podmanagers
    by_name = {
        str(podmanagers[podm_id].name if podm_id in podmanagers else podm_id): reason
        for podm_id, reason in reasons.items()
    }
    tried, others = service.alternatives(reasons, flavor_id)
    registered = (
        objects.ComputeNodeList.get_all_by_uuids(instance._context, others) if others else ()
    )
    has_alternative = bool(registered) and tried < CONF.scheduler.max_attempts
    return exceptions.refused(instance.uuid, by_name, exc.faults, has_alternative)
