# SPDX-License-Identifier: Apache-2.0

"""How a server comes by its machine, and what its instance in Nova is told of that."""

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
from valence_integration import requirements
from valence_integration.nova import capacity
from valence_integration.nova import computenode
from valence_integration.nova import exceptions
from valence_integration.nova import servers
from valence_integration.nova.service import Service
from valence_integration.objects.instance import Instance

CONF = nova.conf.CONF
LOG = logging.getLogger(__name__)

#: Keys of ours in an instance's system_metadata, and how long a value may be there.
NOTES = "valence_"
REFUSED = NOTES + "refused_"
LONGEST_NOTE = 255

#: States of servers that never were, and will not be.
UNBUILT = (vm_states.BUILDING, vm_states.ERROR)

#: States of servers that have a machine.
STANDING = (vm_states.ACTIVE, vm_states.STOPPED, vm_states.RESCUED, vm_states.PAUSED)


def compose(service: Service, instance: objects.Instance, node: computenode.ComputeNode) -> None:
    """Have a machine composed on a compute node, enrolled, and given to the server.

    :raises ComputeResourcesUnavailable: it was refused, and there is another compute node.
    :raises InstanceUnacceptable: it was refused, or cannot be; with the reason.
    :raises InstanceNotFound: the server was deleted meanwhile.
    """
    asked = _asked(instance)
    flavor = capacity.flavor_uuid(service.capacity.look(), asked.flavor)
    wish = servers.Wish(
        instance.uuid,
        (instance.display_name or instance.uuid)[:LONGEST_NOTE],
        asked,
        instance.project_id,
        instance.user_id,
    )

    def refused(pod: str, fault: Mapping[str, Any]) -> None:
        instance.system_metadata[REFUSED + pod] = servers.words(fault)[:LONGEST_NOTE]
        if fault.get("code") == exceptions.FULL:
            service.capacity.note_refusal(pod, flavor)

    try:
        row = service.servers.compose(
            wish,
            capacity.by_room(service.capacity, node.pods, flavor),
            CONF.valence.compose_timeout,
            lambda: not is_unwanted(instance),
            refused,
        )
    except servers.Unwanted as exc:
        raise exceptions.gone(instance.uuid) from exc
    except servers.Refused as exc:
        raise _refusal(service, instance, flavor, exc) from exc
    except servers.NotGivenBack as exc:
        raise exceptions.not_given_back(instance.uuid, exc) from exc
    except errors.IntegrationError as exc:
        raise exceptions.unacceptable(instance.uuid, str(exc)) from exc
    service.capacity.expire()
    _note(instance, row)


def left_behind(rows: Iterable[Instance], host: str) -> Iterator[str]:
    """Yield the servers whose build a former process of this host never finished.

    Nova ends them in error, or has: whoever was to deploy on them is gone. Servers that
    Nova deleted meanwhile it finds by itself.
    """
    context = nova_context.get_admin_context()
    for row in rows:
        try:
            instance = objects.Instance.get_by_uuid(context, row.uuid)
        except exception.InstanceNotFound:
            continue
        unbuilt = instance.launched_at is None and instance.vm_state in UNBUILT
        if unbuilt and instance.host in (None, host):
            yield row.uuid


def is_unwanted(instance: objects.Instance) -> bool:
    """Tell whether somebody deleted a server that is being built."""
    seen = instance.obj_clone()
    try:
        seen.refresh()
    except exception.InstanceNotFound:
        return True
    gone_states = (vm_states.ERROR, vm_states.DELETED)
    return seen.task_state == task_states.DELETING or seen.vm_state in gone_states


def why(service: Service, ironic_uuid: str | None, exc: Exception) -> str:
    """Say why a deployment failed: Ironic's own words, wherever it keeps them."""
    said = str(exc)
    try:
        node = service.ironic.find(str(ironic_uuid))
        if node.is_gone:
            return f"{said} Somebody deleted node {ironic_uuid} in Ironic."
        told = node.last_error or service.ironic.recorded_error(node.uuid)
    except conductor_errors.Fault:
        return said
    # What follows is JSON that says the same again.
    return str(told or said).partition(" Extended information:")[0]


def mark_vanished(uuid: str, missing: str) -> None:
    """Put a server in error whose machine is gone; it can still be deleted.

    A server that is being built or deleted finds out by itself.
    """
    context = nova_context.get_admin_context()
    try:
        instance = objects.Instance.get_by_uuid(context, uuid)
    except exception.InstanceNotFound:
        return
    passing = instance.task_state is not None or instance.host != CONF.host
    if passing or instance.vm_state not in STANDING:
        return
    instance.vm_state = vm_states.ERROR
    instance.power_state = power_state.NOSTATE
    instance.save()
    LOG.error("Server %s is in error: %s", uuid, missing)
    said = f"The machine of this server is gone: {missing}. Delete the server."
    fault = exception.InstanceNotFound(instance_id=uuid)
    compute_utils.add_instance_fault_from_exc(context, instance, fault, fault_message=said)


def _asked(instance: objects.Instance) -> requirements.Requirements:
    try:
        asked = requirements.from_extra_specs(instance.flavor.extra_specs or {})
    except errors.InvalidRequirements as exc:
        raise exceptions.unacceptable(instance.uuid, f"its flavor asks that {exc}") from exc
    if asked is None:
        raise exceptions.unacceptable(
            instance.uuid,
            f"flavor {instance.flavor.name} says nothing of what to compose: give it extra "
            "specs such as valence:flavor",
        )
    return asked


def _note(instance: objects.Instance, row: Instance) -> None:
    """Write down in Nova what was composed, and forget who refused before."""
    notes = instance.system_metadata
    for key in [key for key in notes if key.startswith(REFUSED)]:
        del notes[key]
    notes[NOTES + "composed"] = "True"
    notes[NOTES + "node"] = row.node_uuid
    notes[NOTES + "ironic_node"] = row.ironic_uuid
    notes[NOTES + "pod_manager"] = row.podm_uuid
    instance.save()


def _refusal(
    service: Service, instance: objects.Instance, flavor: str | None, exc: servers.Refused
) -> Exception:
    """Translate a refusal, with those of the compute nodes that were tried before."""
    told = {
        key.removeprefix(REFUSED): said
        for key, said in instance.system_metadata.items()
        if key.startswith(REFUSED)
    }
    # The words of this attempt are at hand in full.
    told |= {pod: servers.words(fault) for pod, fault in exc.refusals.items()}
    instance.save()
    pods = service.capacity.look().pods
    names = {str(pods[pod].name if pod in pods else pod): said for pod, said in told.items()}
    tried, others = service.elsewhere(told, flavor)
    known = objects.ComputeNodeList.get_all_by_uuids(instance._context, others) if others else ()
    again = bool(known) and tried < CONF.scheduler.max_attempts
    return exceptions.refusal(instance.uuid, names, exc.refusals, again)
