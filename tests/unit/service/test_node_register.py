# SPDX-License-Identifier: Apache-2.0

"""Registering nodes in Ironic, and unregistering them."""

import functools
from typing import Any
import uuid as uuids

from tests import log_lines
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
        macs = [port["address"] for port in self.ironic.ports.values()]
        self.assertEqual([i["mac"] for i in node["interfaces"]], macs)
        self.assertEqual(2, len(macs))
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
        before = self.node(self.uuid)
        for option in ("endpoint_override", "auth_type"):
            self.service.conf.set_override(option, None, "ironic")
        code = errors.IronicNotConfigured.code
        self.assertRefused(409, code, self.post("register"))
        self.service.conf.set_override("endpoint_override", self.ironic.url, "ironic")
        self.ironic.answer("GET", "/v1/nodes/?", 503, "Busy.")
        code = errors.IronicUnavailable.code
        self.assertRefused(503, code, self.post("register"))
        self.assertEqual(before, self.node(self.uuid))

    def test_an_interface_whose_mac_another_node_has_is_marked(self) -> None:
        first = self.registered()["interfaces"]
        self.assertEqual([None, None], [interface.get("has_port") for interface in first])
        self.post("unregister")
        self.settled(self.uuid)
        shared = first[0]["mac"]
        other = self.ironic.add(str(uuids.uuid4()))
        self.ironic.create_port({"node_uuid": other["uuid"], "address": shared})
        node = self.registered()
        self.assertEqual(("ironic", None), (node["managed_by"], node["fault"]))
        marks = {each["mac"]: each.get("has_port") for each in node["interfaces"]}
        self.assertEqual({shared: False, first[1]["mac"]: None}, marks)

    def test_a_protected_node_is_a_refusal_at_once(self) -> None:
        node = self.registered()
        self.ironic.nodes[node["ironic_uuid"]]["protected"] = True
        self.post("unregister")
        fault = (self.settled(self.uuid) or {})["fault"]
        self.assertEqual("valence.ironic.refused", fault["code"])
        self.assertIn("is protected", fault["reason"])
        deletions = [call for call in self.ironic.wire.calls if call.method == "DELETE"]
        self.assertEqual(1, len(deletions))

    def test_a_refusal_of_ironic_leaves_the_node_composed(self) -> None:
        self.ironic.answer("POST", "/v1/ports", 400, "No such network.")
        node = self.registered()
        self.assertEqual(("composed", None), (node["state"], node["managed_by"]))
        fault = node["fault"]
        self.assertEqual("register", fault["operation"])
        self.assertIn("No such network.", fault["reason"])
        self.assertEqual({}, self.ironic.nodes)
        self.assertEqual("ironic", self.registered()["managed_by"])

    def test_a_short_outage_of_ironic_does_no_harm(self) -> None:
        self.ironic.lose("POST", "/v1/nodes", done=True)
        self.ironic.lose("POST", "/v1/ports", done=False)
        self.ironic.answer("POST", "/v1/ports", 503, "Busy.")
        self.assertEqual("ironic", self.registered()["managed_by"])
        self.assertEqual((1, 2), (len(self.ironic.nodes), len(self.ironic.ports)))

    def test_a_node_whose_revert_failed_stays_registered_until_it_is_unregistered(self) -> None:
        self.ironic.answer("POST", "/v1/ports", 400, "No.")
        self.ironic.answer("DELETE", "/v1/nodes/.*", 400, "Not now.")
        node = self.registered()
        self.assertEqual("ironic", node["managed_by"])
        self.assertEqual("register", node["fault"]["operation"])
        self.assertEqual("failed", node["fault"]["cleanup"]["result"])
        self.assertIn("refused to delete node", node["fault"]["cleanup"]["detail"])
        self.assertRefused(
            409, "valence.node.registered", self.api("DELETE", f"/v1/nodes/{self.uuid}")
        )
        self.post("unregister")
        self.assertIsNone((self.settled(self.uuid) or {})["managed_by"])
        self.assertEqual({}, self.ironic.nodes)

    def test_an_ironic_node_of_another_node_is_not_changed(self) -> None:
        uuid = str(uuids.uuid4())
        log = self.useFixture(log_lines.LogLines())
        foreign = dict(self.ironic.add(uuid, extra={"valence_node": "foreign-node"}))
        node = self.registered(uuid=uuid)
        # Its user learns that the uuid is in use, and the log for whom.
        self.assertIn(f"{uuid} is in use", node["fault"]["detail"])
        self.assertNotIn("foreign-node", str(node["fault"]))
        self.assertIn("foreign-node", "".join(log.lines()))
        self.assertEqual(("composed", None), (node["state"], node["managed_by"]))
        self.assertEqual("valence.ironic.refused", node["fault"]["code"])
        self.assertEqual({uuid: foreign}, self.ironic.nodes)

    def test_a_fault_does_not_name_the_node_that_has_a_mac(self) -> None:
        self.registered()
        macs = [port["address"] for port in self.ironic.ports.values()]
        self.post("unregister")
        self.settled(self.uuid)
        foreign = str(uuids.uuid4())
        self.ironic.add(foreign)
        for mac in macs:
            uuid = str(uuids.uuid4())
            self.ironic.ports[uuid] = {"uuid": uuid, "node_uuid": foreign, "address": mac}
        node = self.registered()
        self.assertEqual("valence.ironic.refused", node["fault"]["code"])
        self.assertIn(macs[0], node["fault"]["detail"])
        self.assertNotIn(foreign, str(node["fault"]))

    def test_every_json_that_is_accepted_arrives_in_ironic_unchanged(self) -> None:
        levels: object = functools.reduce(lambda inner, _level: [inner], range(28), 2**63 - 1)
        extra = {"a": levels, "k" * 255: [-(2**63), 1.5, True, None, "\u2603 \U0001f5a5"]}
        node = self.registered(extra=extra)
        self.assertEqual("ironic", node["managed_by"], node["fault"])
        stored = self.ironic.nodes[node["ironic_uuid"]]["extra"]
        self.assertEqual(extra, {key: stored[key] for key in extra})

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
