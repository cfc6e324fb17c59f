# SPDX-License-Identifier: Apache-2.0

"""The compute driver: Nova's requests become compositions, deployments and releases.

Composing and giving back go through the provisioning plugin alone; what happens on
the enrolled node in between is Nova's own Ironic driver's. Signatures and what each
method is to do: nova/virt/driver.py.
"""

import threading
from typing import Any

from nova import exception
from nova import objects
import nova.conf
from nova.objects.fields import Architecture
from nova.objects.fields import HVType
from nova.objects.fields import VMMode
from nova.virt import driver as virt_driver
from nova.virt import hardware
from nova.virt import node as virt_node
from nova.virt.ironic import driver as ironic_driver
from openstack import exceptions as sdk_errors
from oslo_log import log as logging
from oslo_utils import uuidutils

from valence_conductor import errors as conductor_errors
from valence_integration import states
from valence_integration.nova import computenode
from valence_integration.nova import exceptions
from valence_integration.nova import ironic_driver as deployment
from valence_integration.nova import placement
from valence_integration.nova import servers
from valence_integration.nova import service
from valence_integration.nova import spawn
from valenceclient import errors as client_errors

CONF = nova.conf.CONF
LOG = logging.getLogger(__name__)


class ValenceDriver(virt_driver.ComputeDriver):
    """Servers on machines that are composed for them."""

    capabilities = {**ironic_driver.IronicDriver.capabilities}

    def __init__(self, virtapi: Any) -> None:
        super().__init__(virtapi)
        self.ironic = deployment.driver(virtapi)
        self._opened: service.Service | None = None
        self._watch = threading.Lock()

    # Host and inventory

    def init_host(self, host: str) -> None:
        """Open everything, resume what is under way, give back what nobody waits for."""
        try:
            self._opened = service.open_(CONF)
        except service.CannotStart as exc:
            raise exceptions.cannot_start(str(exc)) from exc
        for uuid in spawn.left_behind(self._service.rows(), host):
            self._servers.abandon(uuid)

    def cleanup_host(self, host: str) -> None:
        """Leave what is under way; the next start goes on with it."""
        if self._opened is not None:
            self._opened.servers.stop()
            self._opened.provisioner.stop()
            self._opened = None

    def get_available_nodes(self, refresh: bool = False) -> list[str]:
        """List the compute nodes; while Valence is away, those that are known."""
        return list(self._service.compute_nodes())

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, str]:
        """Map uuids to names, and make sure that this host has an identity."""
        virt_node.get_local_node_uuid()
        return {node.uuid: node.name for node in self._service.compute_nodes().values()}

    def node_is_available(self, nodename: str) -> bool:
        """Tell whether there is such a compute node."""
        return nodename in self._service.compute_nodes()

    def is_node_deleted(self, nodename: str) -> bool:
        """Tell whether a pod manager was deleted in Valence, by its own word.

        A group never was: Nova would forget its servers when the configuration changes.
        """
        if nodename in self._service.compute_nodes() or not uuidutils.is_uuid_like(nodename):
            return False
        try:
            return self._service.capacity.is_gone(nodename)
        except (client_errors.ValenceError, OSError) as exc:
            LOG.warning("Valence does not say whether pod manager %s is gone: %s", nodename, exc)
            return False

    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        """Describe a compute node: none of it is Nova's own to divide."""
        self._mark_vanished()
        zeros = ("vcpus", "vcpus_used", "memory_mb", "memory_mb_used", "local_gb", "local_gb_used")
        return {
            **dict.fromkeys(zeros, 0),
            "uuid": self._node(nodename).uuid,
            "hypervisor_hostname": nodename,
            "hypervisor_type": "valence",
            "hypervisor_version": 1,
            "disk_available_least": 0,
            "cpu_info": None,
            "supported_instances": [
                (Architecture.canonicalize(name), HVType.BAREMETAL, VMMode.HVM)
                for name in CONF.valence.architectures
            ],
            "stats": {},
            "numa_topology": None,
            "resource_class": None,
        }

    def update_provider_tree(
        self, provider_tree: Any, nodename: str, allocations: Any = None
    ) -> None:
        """Tell Placement what is composed, what could be, and what nobody may have."""
        opened, node = self._service, self._node(nodename)
        look = opened.capacity.look()
        own = {row.node_uuid for row in opened.rows() if servers.stands(row) and row.node_uuid}
        known = provider_tree.data(nodename)
        counted = placement.of(node, look, opened.capacity, own, known.inventory)
        provider_tree.update_inventory(nodename, counted)
        provider_tree.update_traits(nodename, placement.traits(node, look, known.traits))

    # Instances

    def list_instance_uuids(self) -> list[str]:
        """List the servers that have, or are getting, a machine."""
        return [row.uuid for row in self._service.rows() if row.state != states.ERROR]

    def list_instances(self) -> list[str]:
        """List the same by name."""
        return [row.name for row in self._service.rows() if row.state != states.ERROR]

    def get_num_instances(self) -> int:
        """Count them."""
        return len(self.list_instance_uuids())

    def instance_exists(self, instance: objects.Instance) -> bool:
        """Tell whether something is held for a server."""
        row = self._servers.find(instance.uuid)
        return row is not None and row.state != states.DELETED

    def get_info(
        self, instance: objects.Instance, use_cache: bool = True
    ) -> hardware.InstanceInfo:
        """Tell the power state; of a server without a machine, none."""
        ironic_uuid = self._ironic_uuid(instance)
        if ironic_uuid is None:
            raise exception.InstanceNotFound(instance_id=instance.uuid)
        try:
            listed = self._service.presence.nodes().get(ironic_uuid) if use_cache else None
            return deployment.info(listed or self._service.ironic.find(ironic_uuid))
        except conductor_errors.Fault as exc:
            raise exception.VirtDriverNotReady() from exc

    # Life

    def prepare_for_spawn(self, instance: objects.Instance) -> None:
        """Have the machine composed and enrolled, and given to the server in Ironic."""
        spawn.compose(self._service, instance, self._node(instance.node))

    def failed_spawn_cleanup(self, instance: objects.Instance) -> None:
        """Have everything given back that a build held which came to nothing.

        When this process ends, that is left to its next start.
        """
        if self._opened is not None:
            self._give_back(instance)

    def spawn(
        self,
        context: Any,
        instance: objects.Instance,
        image_meta: Any,
        injected_files: Any,
        admin_password: Any,
        allocations: Any,
        network_info: Any = None,
        block_device_info: Any = None,
        power_on: bool = True,
        accel_info: Any = None,
    ) -> None:
        """Have Ironic deploy on the machine, and wait until it has."""
        try:
            self.ironic.spawn(
                context,
                self.view(instance),
                image_meta,
                injected_files,
                admin_password,
                allocations,
                network_info=network_info,
                block_device_info=block_device_info,
                power_on=power_on,
                accel_info=accel_info,
            )
        except (exception.NovaException, sdk_errors.SDKException) as exc:
            if spawn.is_unwanted(instance):
                raise exceptions.gone(instance.uuid) from exc
            said = spawn.why(self._service, self._ironic_uuid(instance), exc)
            raise exceptions.undeployed(instance.uuid, said) from exc

    def destroy(
        self,
        context: Any,
        instance: objects.Instance,
        network_info: Any,
        block_device_info: Any = None,
        destroy_disks: bool = True,
        destroy_secrets: bool = True,
    ) -> None:
        """Have the machine undeployed, taken out of Ironic and given back; wait for it."""
        self._give_back(instance)

    def cleanup(
        self,
        context: Any,
        instance: objects.Instance,
        network_info: Any,
        block_device_info: Any = None,
        destroy_disks: bool = True,
        migrate_data: Any = None,
        destroy_vifs: bool = True,
        destroy_secrets: bool = True,
    ) -> None:
        """Clean nothing: a machine that was given back leaves nothing on this host."""

    # On the machine: Nova's Ironic driver, as it is

    rebuild = deployment.by_node("rebuild", deployment.reimage_volumes_only)
    rescue = deployment.by_node("rescue")
    unrescue = deployment.by_node("unrescue")
    power_on = deployment.by_uuid("power_on")
    power_off = deployment.by_uuid("power_off")
    power_update_event = deployment.by_uuid("power_update_event")
    reboot = deployment.by_uuid("reboot")
    trigger_crash_dump = deployment.by_uuid("trigger_crash_dump")
    get_serial_console = deployment.by_node("get_serial_console")
    get_vnc_console = deployment.by_node("get_vnc_console")
    get_volume_connector = deployment.by_node("get_volume_connector")

    plug_vifs = deployment.by_uuid("plug_vifs")
    attach_interface = deployment.by_node("attach_interface")
    detach_interface = deployment.by_node("detach_interface")
    network_binding_host_id = deployment.by_uuid("network_binding_host_id")
    manages_network_binding_host_id = deployment.by_uuid("manages_network_binding_host_id")
    prepare_networks_before_block_device_mapping = deployment.by_node(
        "prepare_networks_before_block_device_mapping"
    )

    def clean_networks_preparation(self, instance: objects.Instance, network_info: Any) -> None:
        """Have the network's ports taken off the machine, if there is one."""
        if self._has_machine(instance):
            self.ironic.clean_networks_preparation(self.view(instance), network_info)

    def unplug_vifs(self, instance: objects.Instance, network_info: Any) -> None:
        """Have the network's ports taken off the machine, if there is one."""
        if self._has_machine(instance):
            self.ironic.unplug_vifs(self.view(instance), network_info)

    def view(self, instance: objects.Instance) -> objects.Instance:
        """Copy an instance as the Ironic driver wants it.

        :raises InstanceNotFound: it has no machine.
        """
        ironic_uuid = self._ironic_uuid(instance)
        if ironic_uuid is None:
            raise exception.InstanceNotFound(instance_id=instance.uuid)
        return deployment.view(instance, ironic_uuid)

    @property
    def _service(self) -> service.Service:
        if self._opened is None:
            raise exception.VirtDriverNotReady()
        return self._opened

    @property
    def _servers(self) -> servers.Servers:
        return self._service.servers

    def _node(self, nodename: str) -> computenode.ComputeNode:
        try:
            return self._service.compute_nodes()[nodename]
        except KeyError:
            raise exception.ComputeHostNotFound(host=nodename) from None

    def _has_machine(self, instance: objects.Instance) -> bool:
        if self._opened is None:
            return False
        row = self._servers.find(instance.uuid)
        return row is not None and row.state == states.ACTIVE

    def _ironic_uuid(self, instance: objects.Instance) -> str | None:
        row = self._servers.find(instance.uuid)
        return None if row is None or row.state == states.DELETED else row.ironic_uuid

    def _give_back(self, instance: objects.Instance) -> None:
        try:
            self._servers.give_back(instance.uuid, CONF.valence.destroy_timeout)
        except servers.NotGivenBack as exc:
            raise exceptions.held(instance.uuid, str(exc)) from exc
        finally:
            self._service.capacity.expire()

    def _mark_vanished(self) -> None:
        """Put servers in error whose machine is gone behind our back; one thread at a time."""
        if not self._watch.acquire(blocking=False):
            return
        try:
            for row, missing in self._service.presence.vanished(self._service.rows()):
                spawn.mark_vanished(row.uuid, missing)
        except conductor_errors.Fault as exc:
            LOG.warning("Ironic does not say what is there: %s", exc)
        finally:
            self._watch.release()
