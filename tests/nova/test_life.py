# SPDX-License-Identifier: Apache-2.0

"""Servers come, live and go: Nova, Valence, pod managers and Ironic, all of them real."""

import os

from nova import context
from nova import objects

from tests.nova import base

#: Servers at once, twenty at the most. Ironic's own work is most of their time.
MANY = int(os.environ.get("VALENCE_NOVA_SERVERS", "20"))


class TestLife(base.NovaTestCase):
    def test_a_server_is_built_driven_and_given_back(self) -> None:
        compute = self.compute(pod_managers=["single"])
        port = self.neutron.port_1["id"]
        server = self.boot(self.flavor("web"), networks=[{"port": port}])
        self.check_what_stands(server)
        self.renew(compute)
        self.assertEqual((1, 0), self.counted("single"))

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

    def check_what_stands(self, server: dict) -> None:
        """See that everybody knows the machine by the same ids."""
        pod = self.pods["single"]
        allocated = self._get_allocations_by_server_uuid(server["id"])
        self.assertEqual({"CUSTOM_VALENCE_WEB": 1}, allocated[pod]["resources"])
        self.assertEqual(("active", self.node_of(server).uuid), self.state_and_uuid(server))
        [node] = self.valence.nodes.list()
        self.assertEqual((pod, "ironic"), (node.podm_id, node.managed_by))
        instance = objects.Instance.get_by_uuid(context.get_admin_context(), server["id"])
        notes = instance.system_metadata
        self.assertEqual(
            ("True", node.uuid, node.ironic_uuid, pod),
            tuple(
                notes[f"valence_{key}"]
                for key in ("composed", "node", "ironic_node", "pod_manager")
            ),
        )

    def state_and_uuid(self, server: dict) -> tuple[str, str]:
        node = self.node_of(server)
        return node.provision_state, node.uuid

    def counted(self, pod: str) -> tuple[int, int]:
        found = self.inventory(pod)
        return found["total"], found["reserved"]


class TestMany(base.NovaTestCase):
    def test_many_servers_at_once(self) -> None:
        self.compute(pod_managers=["rack"])
        self.flags(max_concurrent_builds=20)
        flavor = self.flavor("web")
        servers = [self.begin(flavor) for _ in range(MANY)]
        for server in servers:
            self._wait_for_state_change(server, "ACTIVE")
        self.assertEqual(MANY, len({self.node_of(server).uuid for server in servers}))
        for server in servers:
            self.api.delete_server(server["id"])
        for server in servers:
            self._wait_until_deleted(server)
