# SPDX-License-Identifier: Apache-2.0

"""Servers are built, used and deleted, with a real Nova, Valence and Ironic."""

import os

from nova import context
from nova import objects

from tests.nova import base

#: Servers at once, twenty at most. Ironic needs most of the time.
MANY = int(os.environ.get("VALENCE_NOVA_SERVERS", "20"))


class TestServer(base.NovaTestCase):
    def test_a_server_is_built_used_and_released(self) -> None:
        compute = self.compute(pod_managers=["single"])
        port = self.neutron.port_1["id"]
        server = self.create(self.flavor("web"), networks=[{"port": port}])
        self.check_machine(server)
        self.update_inventory(compute)
        self.assertEqual((1, 0), self.total_and_reserved("single"))

        self.assertEqual("power on", self.node_of(server).power_state)
        self.act(server, {"os-stop": None}, "SHUTOFF")
        self.assertEqual("power off", self.node_of(server).power_state)
        self.act(server, {"os-start": None})
        self.act(server, {"reboot": {"type": "HARD"}})
        self.assertEqual("power on", self.node_of(server).power_state)
        machine = self.node_of(server).uuid
        image = self.glance.auto_disk_config_enabled_image["id"]
        self.act(server, {"rebuild": {"imageRef": image}})
        self.assertEqual(("active", machine), self.state_and_uuid(server))

        self.delete(server)
        self.assertEqual({}, self._get_allocations_by_server_uuid(server["id"]))
        self.assertEqual([], list(self.valence.nodes.list()))
        self.assertEqual([], compute.manager.driver.list_instance_uuids())

    def check_machine(self, server: dict) -> None:
        """Check that all services have the same ids of the machine."""
        pod = self.pods["single"]
        allocations = self._get_allocations_by_server_uuid(server["id"])
        self.assertEqual({"CUSTOM_VALENCE_WEB": 1}, allocations[pod]["resources"])
        self.assertEqual(("active", self.node_of(server).uuid), self.state_and_uuid(server))
        [node] = self.valence.nodes.list()
        self.assertEqual((pod, "ironic"), (node.podm_id, node.managed_by))
        instance = objects.Instance.get_by_uuid(context.get_admin_context(), server["id"])
        metadata = instance.system_metadata
        self.assertEqual(
            ("True", node.uuid, node.ironic_uuid, pod),
            tuple(
                metadata[f"valence_{key}"]
                for key in ("composed", "node", "ironic_node", "pod_manager")
            ),
        )

    def state_and_uuid(self, server: dict) -> tuple[str, str]:
        node = self.node_of(server)
        return node.provision_state, node.uuid

    def total_and_reserved(self, pod: str) -> tuple[int, int]:
        inventory = self.inventory(pod)
        return inventory["total"], inventory["reserved"]


class TestMany(base.NovaTestCase):
    def test_many_servers_at_once(self) -> None:
        self.compute(pod_managers=["rack"])
        self.flags(max_concurrent_builds=20)
        flavor = self.flavor("web")
        servers = [self.start_create(flavor) for _ in range(MANY)]
        for server in servers:
            self._wait_for_state_change(server, "ACTIVE")
        self.assertEqual(MANY, len({self.node_of(server).uuid for server in servers}))
        for server in servers:
            self.api.delete_server(server["id"])
        for server in servers:
            self._wait_until_deleted(server)
