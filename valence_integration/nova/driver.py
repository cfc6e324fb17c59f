# SPDX-License-Identifier: Apache-2.0

"""The compute driver: composes, deploys and releases the machines of Nova's servers.

The provisioning plugin composes and releases; Nova's own Ironic driver does everything on
the enrolled node in between. Signatures and contract of each method: nova/virt/driver.py.
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
from nova.virt.ironic.driver import IronicDriver
from openstack import exceptions as sdk_errors
from oslo_log import log as logging
from oslo_utils import uuidutils

from valence_conductor import errors as conductor_errors
from valence_integration import states
from valence_integration.nova import exceptions
from valence_integration.nova import ironic_driver
from valence_integration.nova import placement
from valence_integration.nova import servers
from valence_integration.nova import service as nova_service
from valence_integration.nova import spawn
from valence_integration.nova.computenode import ComputeNode
from valenceclient import errors as client_errors

CONF = nova.conf.CONF
LOG = logging.getLogger(__name__)


class ValenceDriver(virt_driver.ComputeDriver):
    """A driver whose servers run on machines that are composed for them."""

    capabilities = {**IronicDriver.capabilities}

    def __init__(self, virtapi: Any) -> None:
        super().__init__(virtapi)
        self.ironic = ironic_driver.create(virtapi)
        self._current: nova_service.Service | None = None
        self._missing_check = threading.Lock()

    # Host and inventory

    def init_host(self, host: str) -> None:
        """Connect, resume the flows, and release the machines of interrupted builds."""
        try:
            self._current = nova_service.start(CONF)
        except nova_service.CannotStart as exc:
            raise exceptions.cannot_start(str(exc)) from exc
        for uuid in spawn.find_interrupted(self._service.rows(), host):
            self._servers.start_release(uuid)

    def cleanup_host(self, host: str) -> None:
        """Stop; the next start resumes the flows."""
        if self._current is not None:
            self._current.servers.stop()
            self._current.provisioner.stop()
            self._current = None

    def get_available_nodes(self, refresh: bool = False) -> list[str]:
        """Return the compute nodes; while Valence is unavailable, the last known ones."""
        return list(self._service.compute_nodes())

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, str]:
        """Return uuid to name, after making sure that this host has an identity."""
        virt_node.get_local_node_uuid()
        return {node.uuid: node.name for node in self._service.compute_nodes().values()}

    def node_is_available(self, nodename: str) -> bool:
        """Return whether a compute node exists."""
        return nodename in self._service.compute_nodes()

    def is_node_deleted(self, nodename: str) -> bool:
        """Return whether Valence confirms that a pod manager was deleted.

        False for every group: Nova would drop its servers when the configuration changes.
        """
        if nodename in self._service.compute_nodes() or not uuidutils.is_uuid_like(nodename):
            return False
        try:
            return self._service.capacity.is_podmanager_deleted(nodename)
        except (client_errors.ValenceError, OSError) as exc:
            LOG.warning("Pod manager %s could not be read from Valence: %s", nodename, exc)
            return False

    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        """Return the resources of a compute node, none of which Nova divides."""
        self._set_missing_servers()
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
        """Update what is composed, what could be, and what is reserved."""
        service, node = self._service, self._node(nodename)
        snapshot = service.capacity.snapshot()
        own = {row.node_uuid for row in service.rows() if servers.is_in_use(row) and row.node_uuid}
        existing = provider_tree.data(nodename)
        inventory = placement.inventory(node, snapshot, service.capacity, own, existing.inventory)
        provider_tree.update_inventory(nodename, inventory)
        provider_tree.update_traits(nodename, placement.traits(node, snapshot, existing.traits))

    # Instances

    def list_instance_uuids(self) -> list[str]:
        """Return the servers that have a machine, or whose machine is being composed."""
        return [row.uuid for row in self._service.rows() if row.state != states.ERROR]

    def list_instances(self) -> list[str]:
        """Return the names of the same servers."""
        return [row.name for row in self._service.rows() if row.state != states.ERROR]

    def get_num_instances(self) -> int:
        """Return the number of the same servers."""
        return len(self.list_instance_uuids())

    def instance_exists(self, instance: objects.Instance) -> bool:
        """Return whether a server holds hardware."""
        row = self._servers.find(instance.uuid)
        return row is not None and row.state != states.DELETED

    def get_info(
        self, instance: objects.Instance, use_cache: bool = True
    ) -> hardware.InstanceInfo:
        """Return the power state.

        :raises InstanceNotFound: the server has no machine.
        :raises VirtDriverNotReady: Ironic did not answer.
        """
        ironic_uuid = self._ironic_uuid(instance)
        if ironic_uuid is None:
            raise exception.InstanceNotFound(instance_id=instance.uuid)
        try:
            nodes = self._service.missing_nodes.ironic_nodes() if use_cache else {}
            node = nodes.get(ironic_uuid) or self._service.ironic.find(ironic_uuid)
            return ironic_driver.info(node)
        except conductor_errors.Fault as exc:
            raise exception.VirtDriverNotReady() from exc

    # Build and destroy

    def prepare_for_spawn(self, instance: objects.Instance) -> None:
        """Compose the machine, enroll it, and make the server its owner in Ironic."""
        spawn.compose(self._service, instance, self._node(instance.node))

    def failed_spawn_cleanup(self, instance: objects.Instance) -> None:
        """Release everything that a failed build holds.

        When this process stops, its next start does that.
        """
        if self._current is not None:
            self._release(instance)

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
        """Deploy on the machine through Ironic, and wait for the end."""
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
            if spawn.is_deleted(instance):
                raise exceptions.deleted(instance.uuid) from exc
            reason = spawn.deploy_error(self._service, self._ironic_uuid(instance), exc)
            raise exceptions.deploy_failed(instance.uuid, reason) from exc

    def destroy(
        self,
        context: Any,
        instance: objects.Instance,
        network_info: Any,
        block_device_info: Any = None,
        destroy_disks: bool = True,
        destroy_secrets: bool = True,
    ) -> None:
        """Undeploy the machine, remove it from Ironic and release it; wait for the end."""
        self._release(instance)

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
        """Do nothing: a machine leaves nothing on this host."""

    # On the machine: Nova's Ironic driver, unchanged

    rebuild = ironic_driver.by_node("rebuild", ironic_driver.reimage_volumes_only)
    rescue = ironic_driver.by_node("rescue")
    unrescue = ironic_driver.by_node("unrescue")
    power_on = ironic_driver.by_uuid("power_on")
    power_off = ironic_driver.by_uuid("power_off")
    power_update_event = ironic_driver.by_uuid("power_update_event")
    reboot = ironic_driver.by_uuid("reboot")
    trigger_crash_dump = ironic_driver.by_uuid("trigger_crash_dump")
    get_serial_console = ironic_driver.by_node("get_serial_console")
    get_vnc_console = ironic_driver.by_node("get_vnc_console")
    get_volume_connector = ironic_driver.by_node("get_volume_connector")

    plug_vifs = ironic_driver.by_uuid("plug_vifs")
    attach_interface = ironic_driver.by_node("attach_interface")
    detach_interface = ironic_driver.by_node("detach_interface")
    network_binding_host_id = ironic_driver.by_uuid("network_binding_host_id")
    manages_network_binding_host_id = ironic_driver.by_uuid("manages_network_binding_host_id")
    prepare_networks_before_block_device_mapping = ironic_driver.by_node(
        "prepare_networks_before_block_device_mapping"
    )

    def clean_networks_preparation(self, instance: objects.Instance, network_info: Any) -> None:
        """Detach the ports of the network, if the server has a machine."""
        if self._has_machine(instance):
            self.ironic.clean_networks_preparation(self.view(instance), network_info)

    def unplug_vifs(self, instance: objects.Instance, network_info: Any) -> None:
        """Detach the ports of the network, if the server has a machine."""
        if self._has_machine(instance):
            self.ironic.unplug_vifs(self.view(instance), network_info)

    def view(self, instance: objects.Instance) -> objects.Instance:
        """Return a copy of an instance for the Ironic driver.

        :raises InstanceNotFound: it has no machine.
        """
        ironic_uuid = self._ironic_uuid(instance)
        if ironic_uuid is None:
            raise exception.InstanceNotFound(instance_id=instance.uuid)
        return ironic_driver.view(instance, ironic_uuid)

    @property
    def _service(self) -> nova_service.Service:
        if self._current is None:
            raise exception.VirtDriverNotReady()
        return self._current

    @property
    def _servers(self) -> servers.Servers:
        return self._service.servers

    def _node(self, nodename: str) -> ComputeNode:
        try:
            return self._service.compute_nodes()[nodename]
        except KeyError:
            raise exception.ComputeHostNotFound(host=nodename) from None

    def _has_machine(self, instance: objects.Instance) -> bool:
        if self._current is None:
            return False
        row = self._servers.find(instance.uuid)
        return row is not None and row.state == states.ACTIVE

    def _ironic_uuid(self, instance: objects.Instance) -> str | None:
        row = self._servers.find(instance.uuid)
        return None if row is None or row.state == states.DELETED else row.ironic_uuid

    def _release(self, instance: objects.Instance) -> None:
        try:
            self._servers.release(instance.uuid, CONF.valence.destroy_timeout)
        except servers.NotReleased as exc:
            raise exceptions.not_released(instance.uuid, exc) from exc
        finally:
            self._service.capacity.expire()

    def _set_missing_servers(self) -> None:
        """Set servers to error whose node is missing; skipped while another thread does."""
        if not self._missing_check.acquire(blocking=False):
            return
        try:
            for row, reason in self._service.missing_nodes.find(self._service.rows()):
                spawn.set_missing(row.uuid, reason)
        except conductor_errors.Fault as exc:
            LOG.warning("The nodes of servers could not be checked in Ironic: %s", exc)
        finally:
            self._missing_check.release()
