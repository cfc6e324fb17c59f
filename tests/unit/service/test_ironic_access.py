# SPDX-License-Identifier: Apache-2.0

"""Ironic reaches the machine of a registered node, wherever that is by now."""

from typing import Any

from tests import base as tests_base
from tests.unit.service import base
from valence.ironic import driver_info
from valence.objects import node as node_objects
from valence.objects import node_changes

PRESENT = {
    "redfish_address": "https://pod.example",
    "redfish_system_id": "/redfish/v1/Systems/1",
    "redfish_username": "admin",
    "redfish_password": driver_info.MASKED,
    "redfish_verify_ca": True,
}


class TestChanges(tests_base.TestCase):
    def changes(self, wanted: dict[str, Any], *, renew: bool = False) -> list[str]:
        patch = driver_info.changes(PRESENT, wanted, renew=renew)
        return [f"{change['op']} {change['path'].rpartition('/')[2]}" for change in patch]

    def test_a_secret_that_is_not_shown_is_no_change_by_itself(self) -> None:
        same = {**PRESENT, "redfish_password": "secret"}
        self.assertEqual([], self.changes(same))
        self.assertEqual(["add redfish_password"], self.changes(same, renew=True))

    def test_what_differs_is_set_with_the_secret(self) -> None:
        moved = {**PRESENT, "redfish_password": "secret", "redfish_system_id": "/Systems/7"}
        self.assertEqual(["add redfish_system_id", "add redfish_password"], self.changes(moved))

    def test_what_has_no_value_any_more_is_removed(self) -> None:
        keys = ("redfish_username", "redfish_password")
        open_to_all = {key: value for key, value in PRESENT.items() if key not in keys}
        self.assertEqual([f"remove {key}" for key in keys], self.changes(open_to_all))

    def test_what_is_no_object_is_set_whole(self) -> None:
        self.assertEqual(len(PRESENT), len(driver_info.changes(None, PRESENT, renew=False)))


class TestIronicAccess(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate(systems=4)
        self.start()
        self.podm = self.know(self.pod)
        self.uuid = self.composed()["uuid"]
        self.api("POST", f"/v1/nodes/{self.uuid}/register")
        self.ironic_uuid = (self.settled(self.uuid) or {})["ironic_uuid"]
        self.refresh()
        self.ironic.wire.calls.clear()

    def refresh(self) -> None:
        self.assertEqual(200, self.api("GET", "/v1/systems?refresh=true").status_code)

    @property
    def registered(self) -> dict[str, Any]:
        return self.ironic.nodes[self.ironic_uuid]

    @property
    def system_id(self) -> str:
        return str(self.registered["driver_info"]["redfish_system_id"])

    def requests(self) -> int:
        return len(self.ironic.wire.calls)

    def move(self) -> str:
        """Move the system of the node to another path, and return it."""
        (node,) = self.pod.pod.nodes.values()
        systems = self.pod.pod.stock.systems
        system = systems.pop(node.system.id)
        system.id = f"9{system.id}"
        system.path = f"/redfish/v1/Systems/{system.id}"
        systems[system.id] = system
        return str(system.path)

    def change(self, **fields: Any) -> None:
        answer = self.api("PATCH", f"/v1/podmanagers/{self.podm['uuid']}", fields)
        self.assertEqual(200, answer.status_code, answer.get_data(as_text=True))

    def test_refreshes_without_a_change_send_ironic_nothing(self) -> None:
        self.refresh()
        self.assertEqual(0, self.requests())

    def test_the_path_of_a_system_that_moved_is_corrected_once(self) -> None:
        self.registered["driver_info"]["redfish_auth_type"] = "basic"
        path = self.move()
        self.refresh()
        self.assertEqual(path, self.system_id)
        self.assertEqual("basic", self.registered["driver_info"]["redfish_auth_type"])
        self.assertEqual("admin", self.registered["driver_info"]["redfish_password"])
        requests = self.requests()
        self.refresh()
        self.assertEqual(requests, self.requests())

    def test_a_path_that_was_followed_already_is_corrected(self) -> None:
        path = self.move()
        shown = self.api("GET", f"/v1/nodes/{self.uuid}?refresh=true").json
        self.assertEqual(path, shown["system_path"])
        self.refresh()
        self.assertEqual(path, self.system_id)

    def test_new_credentials_are_corrected(self) -> None:
        sessions = self.pod.sessions
        sessions._password = "renewed"
        self.change(password="renewed")
        self.refresh()
        self.assertEqual("renewed", self.registered["driver_info"]["redfish_password"])
        self.change(verify_ca=False)
        self.refresh()
        self.assertIs(False, self.registered["driver_info"]["redfish_verify_ca"])
        sessions._username = None
        self.change(username=None, password=None)
        self.refresh()
        keys = {"redfish_username", "redfish_password"}
        self.assertEqual(set(), keys & set(self.registered["driver_info"]))

    def test_a_new_address_is_corrected(self) -> None:
        url = self.pod.url.replace("127.0.0.1", "localhost")
        self.change(url=url)
        self.refresh()
        self.assertEqual(url, self.registered["driver_info"]["redfish_address"])

    def test_a_locked_node_is_corrected_later(self) -> None:
        before, path = self.system_id, self.move()
        self.registered["reservation"] = "a-conductor"
        self.refresh()
        self.assertEqual(before, self.system_id)
        self.registered["reservation"] = None
        self.refresh()
        self.assertEqual(path, self.system_id)

    def test_a_node_in_transition_is_corrected_later(self) -> None:
        before, path = self.system_id, self.move()
        message = "can not be updated while a state transition is in progress."
        self.ironic.answer("PATCH", "/v1/nodes/.*", 409, f"Node {self.ironic_uuid} {message}")
        self.refresh()
        self.assertEqual(before, self.system_id)
        self.refresh()
        self.assertEqual(path, self.system_id)

    def test_a_node_that_is_away_or_that_of_another_is_left_alone(self) -> None:
        before = self.system_id
        self.move()
        self.registered["extra"] = {"valence_node": "another"}
        self.refresh()
        self.assertEqual(before, self.system_id)
        del self.ironic.nodes[self.ironic_uuid]
        self.refresh()
        inventory = self.api("GET", "/v1/podmanagers/pod-1").json
        self.assertEqual("online", inventory["status"])

    def test_an_ironic_that_is_away_does_not_fail_the_refresh(self) -> None:
        path = self.move()
        self.ironic.answer("GET", "/v1/nodes/.*", 503, "Away.")
        self.refresh()
        self.assertNotEqual(path, self.system_id)
        self.refresh()
        self.assertEqual(path, self.system_id)

    def test_a_machine_that_is_not_identified_is_not_passed_on(self) -> None:
        before = self.system_id
        self.move()
        (node,) = self.pod.pod.nodes.values()
        self.take_over(node)
        self.refresh()
        self.assertEqual(before, self.system_id)
        self.assertEqual(0, self.requests())

    def test_a_node_that_an_earlier_release_registered_is_compared_once(self) -> None:
        db = self.service.db
        node_changes.record(db, node_objects.get(db, self.uuid), ironic_access=None)
        info = dict(self.registered["driver_info"])
        self.refresh()
        self.refresh()
        self.assertEqual((info, 1), (self.registered["driver_info"], self.requests()))
