# SPDX-License-Identifier: Apache-2.0

"""A failed build is released, built elsewhere if possible, and the user gets the reason."""

from typing import Any

from nova import exception

from tests.nova import base

UNREACHABLE = "http://127.0.0.1:9"


class TestRefusal(base.NovaTestCase):
    def fault(self, flavor: str) -> str:
        """Create a server that fails; return the message of its fault."""
        server = self.create(flavor, state="ERROR")
        self.delete(server)
        return str(server["fault"]["message"])

    def test_a_full_pod_manager_has_no_inventory_until_a_server_is_deleted(self) -> None:
        compute = self.compute(pod_managers=["single"])
        flavor = self.flavor("web")
        first = self.create(flavor)
        self.update_inventory(compute)
        self.assertEqual(1, self.inventory("single")["total"])
        self.assertIn("No valid host", self.fault(flavor))
        self.delete(first)
        self.update_inventory(compute)
        self.delete(self.create(flavor))

    def test_a_server_is_built_on_another_pod_manager_when_one_refuses(self) -> None:
        self.compute(pod_managers=["single", "pair"])
        flavor = self.flavor("web")
        for pod in ("single", "pair"):
            # The scheduler may try either of them first.
            self.lab.pods[pod].misbehave({"node": {"assemble": "fail"}, "times": 1})
        self.assertIn("pod manager", self.fault(flavor))
        self.lab.pods["single"].misbehave({"node": {"assemble": "fail"}, "times": 1000})
        servers = [self.create(flavor) for _ in range(2)]
        self.assertEqual(["pair", "pair"], [self.pod_of(server) for server in servers])
        for server in servers:
            self.delete(server)

    def test_when_every_pod_manager_refuses_the_fault_has_the_reason_of_each(self) -> None:
        self.compute(pod_managers=["single", "pair"])
        message = self.fault(self.flavor("huge"))
        for pod in ("single", "pair"):
            self.assertIn(f"pod manager {pod}: ", message)
        self.assertEqual(2, message.count("There are no computer"), message)

    def test_a_flavor_without_valence_extra_specs_is_refused_with_what_to_do(self) -> None:
        self.compute(pod_managers=["single"])
        flavor = self._create_flavor(
            vcpu=1, extra_spec={**base.BARE, "resources:CUSTOM_VALENCE_NODE": "1"}
        )
        self.assertIn("add extra specs such as valence:flavor", self.fault(flavor))

    def test_a_failed_deployment_is_released_and_the_fault_has_the_reason(self) -> None:
        self.compute(pod_managers=["single"])
        self.lab.pods["single"].misbehave(base.STUCK_TRAY)
        self.assertIn("the media tray is stuck", self.fault(self.flavor("web")))


class TestMissingNode(base.NovaTestCase):
    def test_a_server_whose_node_was_deleted_is_in_error_and_can_be_deleted(self) -> None:
        compute = self.compute(pod_managers=["single"])
        server = self.create(self.flavor("web"))
        node = self.node_of(server).uuid
        self.ironic.node.set_maintenance(node, "true")
        self.ironic.node.delete(node)
        self.update_inventory(compute)
        server = self._wait_for_state_change(server, "ERROR")
        self.assertIn(f"Ironic no longer has its node {node}", server["fault"]["message"])
        self.delete(server)


class TestStart(base.NovaTestCase):
    def refused(self, **options: Any) -> str:
        """Start a nova-compute that must fail; return the message."""
        return str(self.assertRaises(exception.NovaException, self.compute, **options))

    def test_without_valence_or_ironic_the_start_fails_and_names_what_to_check(self) -> None:
        for peer in ("valence", "ironic"):
            message = self.refused(host=f"no-{peer}", **{f"{peer}_url": UNREACHABLE})
            self.assertIn(f"{peer.capitalize()} cannot be reached", message)
            self.assertIn(f"group [{peer}]", message)

    def test_a_second_compute_for_the_same_pod_manager_does_not_start(self) -> None:
        self.compute(pod_managers=["single"])
        message = self.refused(host="second", pod_managers=["single", "pair"])
        self.assertIn("refusing to start", message)

    def test_two_computes_divide_the_pod_managers(self) -> None:
        self.compute("first", pod_managers=["single"])
        self.compute("second", pod_managers=["pair"])
        flavor = self.flavor("web", **{"trait:CUSTOM_VALENCE_POD_PAIR": "required"})
        server = self.create(flavor)
        self.assertEqual("second", server["OS-EXT-SRV-ATTR:host"])
        self.assertEqual("pair", self.pod_of(server))
        self.delete(server)
