# SPDX-License-Identifier: Apache-2.0

"""Registering nodes in Ironic, and unregistering them."""

from typing import Any
import uuid as uuids

from tests.unit.service import base
from valence import errors


class TestRegister(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.start()
        self.know(self.pod)
        self.uuid = self.composed(name="one")["uuid"]

    def post(self, verb: str, body: Any = None) -> Any:
        return self.api("POST", f"/v1/nodes/{self.uuid}/{verb}", body)

    def registered(self, **body: Any) -> dict[str, Any]:
        self.assertEqual(202, self.post("register", body).status_code)
        node = self.settled(self.uuid)
        assert node is not None
        return node

    def test_a_node_is_registered_with_its_interfaces_and_unregistered_again(self) -> None:
        uuid = str(uuids.uuid4())
        node = self.registered(uuid=uuid, name="metal", traits=["CUSTOM_X"], extra={"a": 1})
        self.assertEqual(("ironic", uuid), (node["managed_by"], node["ironic_uuid"]))
        registered = self.ironic.nodes[uuid]
        self.assertEqual([i["mac"] for i in node["interfaces"]], registered["macs"])
        self.assertEqual(2, len(registered["macs"]))
        self.assertEqual(self.pod.url, registered["driver_info"]["redfish_address"])
        self.assertEqual(node["system_path"], registered["driver_info"]["redfish_system_id"])
        self.assertEqual(("metal", ["CUSTOM_X"]), (registered["name"], registered["traits"]))
        self.assertEqual(202, self.post("unregister").status_code)
        node = self.settled(self.uuid) or {}
        self.assertEqual((None, None), (node["managed_by"], node["ironic_uuid"]))
        self.assertEqual({}, self.ironic.nodes)

    def test_a_registered_node_is_not_deleted(self) -> None:
        self.registered()
        answer = self.api("DELETE", f"/v1/nodes/{self.uuid}")
        self.assertRefused(409, "valence.node.registered", answer)

    def test_a_node_is_registered_once(self) -> None:
        node = self.registered()
        again = self.post("register", {"uuid": node["ironic_uuid"]})
        self.assertEqual(
            (200, node["ironic_uuid"]), (again.status_code, again.json["ironic_uuid"])
        )
        for body in ({}, {"uuid": str(uuids.uuid4())}):
            self.assertRefused(409, "valence.node.registered", self.post("register", body))

    def test_a_node_that_is_not_registered_cannot_be_unregistered(self) -> None:
        self.assertRefused(409, "valence.node.not_registered", self.post("unregister"))

    def test_without_ironic_nothing_changes(self) -> None:
        for error, status in (
            (errors.IronicUnavailable("Ironic does not answer."), 503),
            (errors.IronicNotConfigured("There is no Ironic."), 409),
        ):
            self.ironic.trouble["ping"] = [error]
            before = self.node(self.uuid)
            self.assertRefused(status, error.code, self.post("register"))
            self.assertEqual(before, self.node(self.uuid))

    def test_a_refusal_of_ironic_leaves_the_node_composed(self) -> None:
        refused = errors.IronicRefused("The name is taken.", reason="409 Conflict")
        self.ironic.trouble["create_node"] = [refused]
        node = self.registered()
        self.assertEqual(("composed", None), (node["state"], node["managed_by"]))
        fault = node["fault"]
        self.assertEqual(("register", "409 Conflict"), (fault["operation"], fault["reason"]))
        self.assertEqual({}, self.ironic.nodes)
        self.assertEqual("ironic", self.registered()["managed_by"])

    def test_a_short_outage_of_ironic_does_no_harm(self) -> None:
        unavailable = errors.IronicUnavailable("Ironic does not answer.")
        self.ironic.trouble["create_node"] = [unavailable, unavailable]
        self.assertEqual("ironic", self.registered()["managed_by"])
        self.assertEqual(1, len(self.ironic.nodes))

    def test_a_node_whose_revert_failed_stays_registered_until_it_is_unregistered(self) -> None:
        self.ironic.trouble["create_node"] = [errors.IronicRefused("No.")]
        self.ironic.trouble["delete_node"] = [errors.IronicRefused("Not now.")]
        node = self.registered()
        self.assertEqual("ironic", node["managed_by"])
        self.assertEqual("register", node["fault"]["operation"])
        self.assertRefused(
            409, "valence.node.registered", self.api("DELETE", f"/v1/nodes/{self.uuid}")
        )
        self.post("unregister")
        self.assertIsNone((self.settled(self.uuid) or {})["managed_by"])
        self.assertEqual({}, self.ironic.nodes)

    def test_an_ironic_node_of_another_node_is_not_changed(self) -> None:
        uuid = str(uuids.uuid4())
        self.ironic.nodes[uuid] = {"valence_node": "other", "provision_state": "enroll"}
        node = self.registered(uuid=uuid)
        self.assertEqual(("composed", None), (node["state"], node["managed_by"]))
        self.assertEqual("valence.ironic.refused", node["fault"]["code"])
        self.assertEqual(["other"], [n["valence_node"] for n in self.ironic.nodes.values()])

    def test_a_deployed_node_stays_registered(self) -> None:
        node = self.registered()
        self.ironic.nodes[node["ironic_uuid"]]["provision_state"] = "active"
        self.post("unregister")
        node = self.settled(self.uuid) or {}
        self.assertEqual(("composed", "ironic"), (node["state"], node["managed_by"]))
        self.assertEqual("valence.ironic.refused", node["fault"]["code"])

    def test_a_node_that_is_not_composed_is_not_registered(self) -> None:
        node = self.settled(self.compose(properties=base.TOO_MUCH)["uuid"]) or {}
        answer = self.api("POST", f"/v1/nodes/{node['uuid']}/register")
        self.assertRefused(409, "valence.node.busy", answer)
