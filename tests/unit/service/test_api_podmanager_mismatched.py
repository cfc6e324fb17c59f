# SPDX-License-Identifier: Apache-2.0

"""Pod managers at whose address another service, or none, responds."""

from typing import Any

import fixtures

from tests.unit.service import fake_redfish
from tests.unit.service import test_api_podmanager_identity
from tests.unit.service.test_api_podmanager_identity import DUPLICATE
from tests.unit.service.test_api_podmanager_identity import MISMATCHED
from valence import drivers
from valence import errors
from valence.podmanagers.service_identity import Service


class TestAddressOfAnother(test_api_podmanager_identity.IdentityTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.other = self.simulate("pod-2")
        self.know(self.other)
        self.nodes = [self.composed(podm_id=self.show(name)["uuid"]) for name in self.both]
        self.refresh()

    both = ("pod-1", "pod-2")

    def statuses(self) -> list[str]:
        return [self.show(name)["status"] for name in self.both]

    def states(self) -> list[str]:
        nodes = [self.node(node["uuid"]) or {} for node in self.nodes]
        return [str(node.get("state")) for node in nodes]

    def test_after_a_swap_nothing_is_concluded_and_nothing_is_deleted(self) -> None:
        books = [self.books_of(self.pod), self.books_of(self.other)]
        self.swap(self.pod, self.other)
        for simulator in (self.pod, self.other):
            simulator.journal.clear()
        self.assertEqual([], self.audit())
        self.assertEqual([], self.audit())
        self.assertEqual(["mismatched", "mismatched"], self.statuses())
        self.assertEqual(["composed", "composed"], self.states())
        self.assertEqual([], self.writes(self.pod, self.other))
        self.swap(self.pod, self.other)
        self.assertEqual([], self.audit())
        self.assertEqual(["online", "online"], self.statuses())
        self.assertEqual(["composed", "composed"], self.states())
        self.assertEqual(books, [self.books_of(self.pod), self.books_of(self.other)])
        for node in self.nodes:
            self.api("DELETE", f"/v1/nodes/{node['uuid']}")
            self.assertIsNone(self.settled(node["uuid"]))

    def test_the_reason_has_both_sides_and_names_the_other(self) -> None:
        self.swap(self.pod, self.other)
        self.audit()
        shown = self.show()
        for words in (self.pod.pod.uuid, self.other.pod.uuid, "it is pod manager pod-2"):
            self.assertIn(words, shown["status_reason"])
        metrics = self.api("GET", "/metrics").get_data(as_text=True)
        self.assertIn('valence_podmanagers{status="mismatched"} 2.0', metrics)
        (error, _other) = self.api("GET", "/v1/nodes").json["errors"]
        self.assertEqual(MISMATCHED, error["code"])
        self.assertTrue(self.api("GET", f"/v1/nodes/{self.nodes[0]['uuid']}").json["stale"])

    def test_a_refresh_notices_it_and_keeps_the_inventory(self) -> None:
        before = self.api("GET", "/v1/systems").json["systems"]
        self.swap(self.pod, self.other)
        answer = self.api("GET", "/v1/systems?refresh=true").json
        self.assertEqual(
            {MISMATCHED},
            {error["code"] for error in answer["errors"]},
        )
        self.assertEqual(
            [one["uuid"] for one in before], [one["uuid"] for one in answer["systems"]]
        )
        self.assertEqual(["mismatched", "mismatched"], self.statuses())
        self.swap(self.pod, self.other)
        self.refresh()
        self.assertEqual(["online", "online"], self.statuses())

    def test_nothing_is_scheduled_there(self) -> None:
        self.swap(self.pod, self.other)
        self.audit()
        for simulator in (self.pod, self.other):
            simulator.journal.clear()
        for fields in ({}, {"podm_id": self.uuid}):
            node = self.settled(self.compose(**fields)["uuid"])
            assert node is not None
            self.assertEqual("valence.no_podmanager", node["fault"]["code"])
            self.assertIn("Another service answers", node["fault"]["reason"])
        self.assertEqual([], self.writes(self.pod, self.other))

    def test_a_release_ends_in_error_and_deletes_nothing(self) -> None:
        self.swap(self.pod, self.other)
        self.audit()
        for simulator in (self.pod, self.other):
            simulator.journal.clear()
        uuid = self.nodes[0]["uuid"]
        self.assertEqual(202, self.api("DELETE", f"/v1/nodes/{uuid}").status_code)
        node = self.settled(uuid)
        assert node is not None
        self.assertEqual(
            ("error", MISMATCHED),
            (node["state"], node["fault"]["code"]),
        )
        path = f"/v1/nodes/{self.nodes[1]['uuid']}/action"
        answer = self.api("POST", path, {"Reset": {"Type": "On"}})
        self.assertRefused(409, MISMATCHED, answer)
        self.assertEqual([], self.writes(self.pod, self.other))
        self.swap(self.pod, self.other)
        self.audit()
        self.wait_for(lambda: self.release_or_gone(uuid))

    def test_an_answer_without_an_error_does_not_clear_it(self) -> None:
        self.swap(self.pod, self.other)
        self.audit()
        self.service.drivers.record_status(self.uuid)
        self.service.drivers.record_status(self.uuid, errors.PodManagerUnreachable("Down."))
        self.assertEqual("mismatched", self.show()["status"])

    def test_a_copied_appliance_at_the_address_is_noticed_by_its_systems(self) -> None:
        self.other.pod.uuid = self.pod.pod.uuid
        self.swap(self.pod, self.other)
        self.api("GET", "/v1/systems?refresh=true")
        self.assertEqual("mismatched", self.show()["status"])
        self.assertRaises(errors.PodManagerMismatched, self.service.drivers.verify, self.uuid)
        # While no system can be read, the UUID alone clears nothing.
        self.fail(self.other, "/Systems", type="error", status=500)
        self.assertRaises(errors.PodManagerMismatched, self.service.drivers.verify, self.uuid)


class TestNoPodManager(test_api_podmanager_identity.IdentityTestCase):
    def verify(self, kind: Any) -> None:
        self.assertRaises(kind, self.service.drivers.verify, self.uuid)

    def test_a_page_of_a_proxy_for_a_moment_is_no_mismatch(self) -> None:
        self.fail(self.pod, type="garbage")
        for _request in range(3):
            self.verify(errors.PodManagerFailed)
            self.now += drivers.CONFIRM_AFTER / 4
        self.assertEqual("degraded", self.show()["status"])
        self.pod.faults.clear()
        self.service.drivers.verify(self.uuid)
        self.now += 60
        self.fail(self.pod, type="garbage")
        self.verify(errors.PodManagerFailed)

    def test_something_else_that_answers_for_longer_is_one(self) -> None:
        for action in (
            {"type": "garbage"},
            {"type": "error", "status": 404},
            {"type": "error", "status": 410},
        ):
            with self.subTest(action):
                self.fail(self.pod, **action)
                self.verify(errors.PodManagerFailed)
                self.now += drivers.CONFIRM_AFTER
                self.verify(errors.PodManagerMismatched)
                self.assertIn("no Redfish service", self.show()["status_reason"])
                self.pod.faults.clear()
                self.service.drivers.verify(self.uuid)
                self.assertEqual("online", self.show()["status"])

    def test_other_json_is_no_service_root(self) -> None:
        root = "/redfish/v1/"
        transport = fake_redfish.Transport({("GET", root): fake_redfish.ok({"status": "ok"})})
        driver = fake_redfish.driver(transport)
        exc = self.assertRaises(errors.PodManagerFailed, driver.identify_service)
        self.assertIs(False, exc.details["service"])
        transport.on("GET", root, fake_redfish.ok({"Systems": {"@odata.id": "/redfish/v1/S"}}))
        self.assertEqual(Service(), driver.identify_service())

    def test_outages_are_none(self) -> None:
        for status, shown in (
            (401, "degraded"),
            (403, "degraded"),
            (500, "degraded"),
            (502, "offline"),
        ):
            with self.subTest(status):
                self.fail(self.pod, type="error", status=status)
                for _request in range(3):
                    self.verify(errors.ValenceError)
                    self.now += 60
                self.assertEqual(shown, self.show()["status"])
                self.pod.faults.clear()
        self.pod.stop()
        for _request in range(3):
            self.verify(errors.PodManagerUnreachable)
            self.now += 60
        self.assertEqual("offline", self.show()["status"])


class TestAcceptance(test_api_podmanager_identity.IdentityTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.node_before = self.composed()
        self.refresh()
        self.other = self.simulate("new hardware", systems=1)

    def test_the_new_identity_is_recorded_and_the_pod_manager_is_in_use(self) -> None:
        logged = self.useFixture(fixtures.FakeLogger())
        self.replace()
        self.audit()
        self.assertEqual("mismatched", self.show()["status"])
        answer = self.accept()
        self.assertEqual(200, answer.status_code, answer.get_data(as_text=True))
        self.assertEqual(
            ("online", None, self.other.pod.uuid),
            tuple(answer.json[field] for field in ("status", "status_reason", "service_uuid")),
        )
        self.assertIn(f"{self.uuid} was replaced", logged.output)
        self.service.drivers.verify(self.uuid)
        self.refresh()
        self.refresh()
        self.assertEqual("online", self.show()["status"])
        self.composed()

    def replace(self) -> None:
        self.pod.stop()
        self.other.stop()
        self.other._port = self.pod._port
        self.other.start()

    def test_what_is_known_of_the_old_one_does_not_count_any_more(self) -> None:
        self.replace()
        self.accept()
        self.refresh()
        self.other.stop()
        self.pod.start()
        self.audit()
        self.assertEqual("mismatched", self.show()["status"])

    def test_a_new_address_may_be_accepted_at_once(self) -> None:
        answer = self.accept(url=self.other.url)
        self.assertEqual(
            (self.other.url, self.other.pod.uuid),
            (answer.json["url"], answer.json["service_uuid"]),
        )
        self.refresh()
        self.assertEqual("online", self.show()["status"])

    def test_what_does_not_answer_is_not_accepted(self) -> None:
        before = self.show()
        answer = self.accept(url="http://127.0.0.1:1")
        self.assertRefused(400, "valence.podmanager.unreachable", answer)
        answer = self.accept(password="wrong")
        self.assertRefused(400, "valence.podmanager.unauthorized", answer)
        self.assertRefused(404, "valence.podmanager.not_found", self.accept("unknown"))
        self.assertRefused(400, "valence.request.invalid", self.accept(name="new"))
        self.assertEqual(before, self.show())

    def test_another_registered_one_is_not_accepted(self) -> None:
        self.know(self.other, "pod-2")
        self.refresh()
        self.swap(self.pod, self.other)
        self.audit()
        error = self.assertRefused(409, DUPLICATE, self.accept())
        self.assertIn("'pod-2'", error["detail"])
        self.assertEqual("mismatched", self.show()["status"])
