# SPDX-License-Identifier: Apache-2.0

"""What fails is given back, built elsewhere where it can be, and the user reads why."""

from typing import Any

from nova import exception

from tests.nova import base

NOBODY = "http://127.0.0.1:9"


class TestRefusal(base.NovaTestCase):
    def fault(self, flavor: str) -> str:
        """Have a server built that comes to nothing; return what its user reads."""
        server = self.boot(flavor, state="ERROR")
        self.delete(server)
        return str(server["fault"]["message"])

    def test_a_full_pod_says_so_and_takes_servers_again_after_a_delete(self) -> None:
        compute = self.compute(pod_managers=["single"])
        flavor = self.flavor("web")
        first = self.boot(flavor)
        self.renew(compute)
        self.assertEqual(1, self.inventory("single")["total"])
        self.assertIn("No valid host", self.fault(flavor))
        self.delete(first)
        self.renew(compute)
        self.delete(self.boot(flavor))

    def test_a_server_is_built_on_the_other_pod_when_one_refuses(self) -> None:
        self.compute(pod_managers=["single", "pair"])
        flavor = self.flavor("web")
        for pod in ("single", "pair"):
            # Whichever comes first: it fails once, and the other one does not.
            self.lab.pods[pod].misbehave({"node": {"assemble": "fail"}, "times": 1})
        self.assertIn("pod manager", self.fault(flavor))
        self.lab.pods["single"].misbehave({"node": {"assemble": "fail"}, "times": 1000})
        servers = [self.boot(flavor) for _ in range(2)]
        self.assertEqual(["pair", "pair"], [self.pod_of(server) for server in servers])
        for server in servers:
            self.delete(server)

    def test_when_every_pod_refuses_the_user_reads_the_words_of_each(self) -> None:
        self.compute(pod_managers=["single", "pair"])
        said = self.fault(self.flavor("huge"))
        for pod in ("single", "pair"):
            self.assertIn(f"pod manager {pod}: ", said)
        self.assertEqual(2, said.count("There are no computer"), said)

    def test_a_flavor_that_asks_for_nothing_of_ours_is_refused_with_what_to_do(self) -> None:
        self.compute(pod_managers=["single"])
        flavor = self._create_flavor(
            vcpu=1, extra_spec={**base.BARE, "resources:CUSTOM_VALENCE_NODE": "1"}
        )
        self.assertIn("give it extra specs such as valence:flavor", self.fault(flavor))

    def test_a_deployment_that_fails_is_given_back_and_the_user_reads_why(self) -> None:
        self.compute(pod_managers=["single"])
        self.lab.pods["single"].misbehave(base.STUCK_TRAY)
        self.assertIn("the media tray is stuck", self.fault(self.flavor("web")))


class TestBehindOurBack(base.NovaTestCase):
    def test_a_server_whose_node_was_deleted_is_in_error_and_can_be_deleted(self) -> None:
        compute = self.compute(pod_managers=["single"])
        server = self.boot(self.flavor("web"))
        node = self.node_of(server).uuid
        self.ironic.node.set_maintenance(node, "true")
        self.ironic.node.delete(node)
        self.renew(compute)
        server = self._wait_for_state_change(server, "ERROR")
        self.assertIn(f"Ironic does not know its node {node}", server["fault"]["message"])
        self.delete(server)


class TestStart(base.NovaTestCase):
    def refused(self, **options: Any) -> str:
        return str(self.assertRaises(exception.NovaException, self.compute, **options))

    def test_without_valence_or_ironic_it_does_not_start_and_says_what_to_check(self) -> None:
        for who in ("valence", "ironic"):
            said = self.refused(host=f"no-{who}", **{f"{who}_url": NOBODY})
            self.assertIn(f"{who.capitalize()} cannot be reached", said)
            self.assertIn(f"group [{who}]", said)

    def test_a_second_one_for_the_same_pod_does_not_start(self) -> None:
        self.compute(pod_managers=["single"])
        said = self.refused(host="second", pod_managers=["single", "pair"])
        self.assertIn("refusing to start", said)

    def test_two_of_them_divide_the_pods(self) -> None:
        self.compute("first", pod_managers=["single"])
        self.compute("second", pod_managers=["pair"])
        flavor = self.flavor("web", **{"trait:CUSTOM_VALENCE_POD_PAIR": "required"})
        server = self.boot(flavor)
        self.assertEqual("second", server["OS-EXT-SRV-ATTR:host"])
        self.assertEqual("pair", self.pod_of(server))
        self.delete(server)
