# SPDX-License-Identifier: Apache-2.0

"""Pod managers that are registered twice, change their UUID, or lose their address."""

from concurrent import futures
from typing import Any
import uuid as uuids

import fixtures
import sqlalchemy as sa

from podm_simulator.pod.factory import Shape
from podm_simulator.pod.factory import Size
from podm_simulator.server import Simulator
from tests.unit.service import base
from tests.unit.service import fake_redfish
from valence import drivers
from valence import errors
from valence import ledger
from valence.api import app
from valence.objects import podmanager as podmanager_objects
from valence.objects import podmanager_identity
from valence.objects.node import Node
from valence.podmanagers.service_identity import Service

ZEROS = "00000000-0000-0000-0000-000000000000"
SESSIONS = "/redfish/v1/SessionService/Sessions"

DUPLICATE = "valence.podmanager.duplicate"
MISMATCHED = "valence.podmanager.mismatched"


class IdentityTestCase(base.ServiceTestCase):
    """A service with one registered pod manager that has four systems."""

    def setUp(self) -> None:
        super().setUp()
        self.now = 0.0
        self.pod = self.simulate()
        self.start()
        self.service.drivers._clock = lambda: self.now
        self.uuid = str(self.know(self.pod)["uuid"])

    def post(self, simulator: Simulator, name: str, **changes: Any) -> Any:
        body = {"name": name, "url": simulator.url, "username": "admin", "password": "admin"}
        api = base.API(app.application(self.service))
        return api("POST", "/v1/podmanagers", {**body, **changes})

    def show(self, ident: str = "pod-1") -> dict[str, Any]:
        return dict(self.api("GET", f"/v1/podmanagers/{ident}").json)

    def refresh(self) -> None:
        self.assertEqual(200, self.api("GET", "/v1/systems?refresh=true").status_code)

    def audit(self) -> list[Any]:
        nodes = ledger.NodeLedger(self.service.context)
        return list(nodes.audit()) or list(nodes.audit())

    def accept(self, ident: str = "pod-1", **changes: Any) -> Any:
        return self.api("POST", f"/v1/podmanagers/{ident}/accept-identity", changes or None)

    def copy(self, **fields: Any) -> Simulator:
        """Start the same pod manager, with the same hardware, at another address."""
        simulator = Simulator(Size(shapes=self.shapes), name="pod-1", **fields)
        simulator.start()
        self.addCleanup(simulator.stop)
        return simulator

    @property
    def shapes(self) -> Any:
        return Size().shapes

    def swap(self, one: Simulator, other: Simulator) -> None:
        """Exchange the addresses of two pod managers."""
        one.stop()
        other.stop()
        one._port, other._port = other._port, one._port
        one.start()
        other.start()

    def writes(self, *simulators: Simulator) -> list[tuple[str, str]]:
        """Return the requests for a change that simulators got."""
        return [
            (request["method"], request["path"])
            for simulator in simulators
            for request in simulator.journal.show()["requests"]
            if request["method"] != "GET" and not request["path"].startswith(SESSIONS)
        ]

    def fail(self, simulator: Simulator, path: str = ".*", **action: Any) -> None:
        simulator.faults.add({"match": {"path": path}, "times": 1000, "action": action})


class TestRegistration(IdentityTestCase):
    def refuse(self, answer: Any, name: str = "pod-1") -> None:
        error = self.assertRefused(409, DUPLICATE, answer)
        self.assertIn(repr(name), error["detail"])
        self.assertEqual(1, len(self.api("GET", "/v1/podmanagers").json["podmanagers"]))

    def test_another_name_of_the_host_is_the_same_pod_manager(self) -> None:
        url = self.pod.url.replace("127.0.0.1", "localhost")
        self.refuse(self.post(self.pod, "other", url=url))

    def test_another_port_is_the_same_pod_manager(self) -> None:
        copy = self.copy()
        self.refuse(self.post(copy, "other"))

    def test_a_new_uuid_does_not_make_it_another(self) -> None:
        copy = self.copy()
        copy.pod.uuid = str(uuids.uuid4())
        self.refuse(self.post(copy, "other"))
        self.refresh()
        self.refuse(self.post(copy, "other"))

    def test_without_a_uuid_its_systems_decide(self) -> None:
        for missing in (None, ZEROS, ""):
            copy = self.copy()
            copy.pod.uuid = missing
            self.refuse(self.post(copy, f"other {missing}"))

    def test_others_are_registered(self) -> None:
        self.assertEqual(201, self.post(self.simulate("pod-2"), "pod-2").status_code)
        silent = self.simulate("pod-3")
        silent.pod.uuid = None
        self.assertEqual(201, self.post(silent, "pod-3").status_code)
        self.assertIsNone(self.show("pod-3")["service_uuid"])

    def test_a_copied_appliance_with_other_systems_is_another(self) -> None:
        other = self.simulate("pod-2")
        other.pod.uuid = self.pod.pod.uuid
        self.assertEqual(201, self.post(other, "pod-2").status_code)
        self.refresh()
        self.assertEqual("online", self.show("pod-2")["status"])

    def test_systems_without_facts_refuse_nothing(self) -> None:
        for simulator in (self.pod, self.simulate("pod-2"), self.simulate("pod-3")):
            simulator.pod.uuid = None
            for system in simulator.pod.stock.systems.values():
                system.uuid, system.serial = ZEROS, "To be filled by O.E.M."
        self.assertEqual(204, self.api("DELETE", "/v1/podmanagers/pod-1").status_code)
        for name, simulator in self.simulators.items():
            self.assertEqual(201, self.post(simulator, name).status_code)
        self.refresh()
        self.assertEqual({"online"}, {self.show(name)["status"] for name in self.simulators})

    def test_systems_that_cannot_be_read_do_not_hinder_registration(self) -> None:
        other = self.simulate("pod-2")
        self.fail(other, "/Systems", type="error", status=500)
        self.assertEqual(201, self.post(other, "pod-2").status_code)
        self.assertEqual(other.pod.uuid, self.show("pod-2")["service_uuid"])

    def test_the_identities_of_a_large_pod_cost_few_requests(self) -> None:
        large = self.simulate("large", systems=300)
        self.assertEqual(201, self.post(large, "large").status_code)
        self.assertLess(large.journal.show()["total"], 25)

    def test_of_two_addresses_at_the_same_time_one_is_stored(self) -> None:
        self.assertEqual(204, self.api("DELETE", "/v1/podmanagers/pod-1").status_code)
        first, second = self.copy(), self.copy()
        second.pod.uuid = str(uuids.uuid4())
        for simulator in (first, second):
            simulator._latency = 0.05  # so that the checks overlap
        with futures.ThreadPoolExecutor(4) as pool:
            answers = pool.map(
                lambda number: self.post((first, second)[number % 2], f"pod {number}"), range(4)
            )
            statuses = sorted(answer.status_code for answer in answers)
        self.assertEqual([201, 409, 409, 409], statuses)

    def test_earlier_releases_refuse_it_as_well(self) -> None:
        url = self.pod.url.replace("127.0.0.1", "localhost")
        items = {"username": "admin", "password": "admin"}
        body = {
            "name": "x",
            "url": url,
            "authentication": [{"type": "basic", "auth_items": items}],
        }
        self.refuse(self.api("POST", "/v1/pod_managers", body))


class TestNewAddress(IdentityTestCase):
    def patch(self, **changes: Any) -> Any:
        return self.api("PATCH", "/v1/podmanagers/pod-1", changes)

    def test_the_same_pod_manager_at_a_new_address_goes_on(self) -> None:
        copy = self.copy()
        copy.pod.uuid = str(uuids.uuid4())
        answer = self.patch(url=copy.url)
        self.assertEqual(
            (copy.url, copy.pod.uuid), (answer.json["url"], answer.json["service_uuid"])
        )
        self.refresh()
        self.assertEqual("online", self.show()["status"])

    def test_another_pod_manager_at_a_new_address_is_refused(self) -> None:
        before = self.show()
        other = self.simulate("pod-2")
        error = self.assertRefused(409, MISMATCHED, self.patch(url=other.url, name="moved"))
        for words in (other.url, other.pod.uuid, self.pod.pod.uuid, "accept-identity"):
            self.assertIn(words, error["detail"])
        self.assertEqual(before, self.show())

    def test_another_registered_one_is_refused_as_a_duplicate_or_a_mismatch(self) -> None:
        other = self.simulate("pod-2")
        self.know(other)
        url = other.url.replace("127.0.0.1", "localhost")
        self.assertRefused(409, MISMATCHED, self.patch(url=url))
        self.assertRefused(409, DUPLICATE, self.accept(url=url))

    def test_one_that_cannot_be_recognized_is_refused_at_a_new_address_only(self) -> None:
        self.refresh()
        known = self.show()["service_uuid"]
        self.pod.pod.uuid = str(uuids.uuid4())
        self.fail(self.pod, "/Systems", type="error", status=500)
        answer = self.patch(password="admin")
        self.assertEqual((200, known), (answer.status_code, answer.json["service_uuid"]))
        url = self.pod.url.replace("127.0.0.1", "localhost")
        self.assertRefused(409, MISMATCHED, self.patch(url=url))


class TestNewUUID(IdentityTestCase):
    def test_one_that_makes_its_uuid_at_each_start_goes_on_being_itself(self) -> None:
        node = self.composed()
        logged = self.useFixture(fixtures.FakeLogger())
        for _start in range(3):
            self.pod.stop()
            self.pod.pod.uuid = str(uuids.uuid4())
            self.pod.start()
            self.assertEqual([], self.audit())
            self.assertEqual(self.pod.pod.uuid, self.show()["service_uuid"])
            self.refresh()
        self.assertEqual(("online", "composed"), (self.show()["status"], self.read(node)["state"]))
        self.assertIn(f"{self.uuid} has a new UUID", logged.output)

    def read(self, node: dict[str, Any]) -> dict[str, Any]:
        return dict(self.api("GET", f"/v1/nodes/{node['uuid']}?refresh=true").json)

    def test_with_a_uuid_it_costs_one_request_to_verify(self) -> None:
        self.refresh()
        self.pod.journal.clear()
        self.service.drivers.verify(self.uuid)
        self.assertEqual(1, self.pod.journal.show()["total"])

    def test_it_is_not_used_while_its_systems_cannot_be_read(self) -> None:
        self.refresh()
        self.pod.pod.uuid = str(uuids.uuid4())
        self.fail(self.pod, "/Systems", type="error", status=500)
        exc = self.assertRaises(errors.PodManagerFailed, self.service.drivers.verify, self.uuid)
        self.assertIn("cannot be verified", exc.detail)
        self.assertEqual("degraded", self.show()["status"])
        self.pod.faults.clear()
        self.service.drivers.verify(self.uuid)
        self.assertEqual(self.pod.pod.uuid, self.show()["service_uuid"])

    def test_a_row_of_an_earlier_release_learns_its_uuid(self) -> None:
        self.refresh()
        row = podmanager_objects.get(self.service.db, self.uuid)
        podmanager_identity._update(self.service.db, row, {"service_uuid": None})
        self.assertIsNone(self.show()["service_uuid"])
        self.refresh()
        self.assertEqual(self.pod.pod.uuid, self.show()["service_uuid"])

    def test_a_pool_of_accelerators_is_no_system_that_contradicts(self) -> None:
        small = Simulator(Size((Shape(systems=1),), fpgas=2), name="small")
        small.start()
        self.addCleanup(small.stop)
        self.assertEqual(201, self.post(small, "small").status_code)
        self.refresh()
        small.pod.uuid = str(uuids.uuid4())
        self.service.drivers.verify(self.show("small")["uuid"])
        self.assertEqual(small.pod.uuid, self.show("small")["service_uuid"])


class TestAddressOfAnother(IdentityTestCase):
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
        self.assertEqual({MISMATCHED}, {error["code"] for error in answer["errors"]})
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
        self.assertEqual(("error", MISMATCHED), (node["state"], node["fault"]["code"]))
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


class TestNoPodManager(IdentityTestCase):
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


class TestAcceptance(IdentityTestCase):
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


class TestRegisteredTwiceBefore(IdentityTestCase):
    """Rows of an earlier release, which registered one pod manager by two addresses."""

    def register_twin(self) -> str:
        """Register the pod manager by another address, as earlier releases did."""
        url = self.pod.url.replace("127.0.0.1", "localhost")
        row = podmanager_objects.get(self.service.db, self.uuid)
        values = {"uuid": str(uuids.uuid4()), "name": "twin", "url": url, "driver": "rsd"}
        values |= {"verify_ca": True, "username": "admin"}
        values["password_encrypted"] = row.password_encrypted
        podmanager_objects.create(self.service.db, values)
        return str(values["uuid"])

    def test_the_second_is_put_out_of_use_and_names_the_first(self) -> None:
        node = self.composed()
        self.register_twin()
        for _audit in range(2):
            self.assertEqual([], self.audit())
        self.assertEqual(
            ("online", "mismatched"), (self.show()["status"], self.show("twin")["status"])
        )
        self.assertIn("it is pod manager pod-1", self.show("twin")["status_reason"])
        self.assertEqual("composed", (self.node(node["uuid"]) or {})["state"])
        self.assertEqual(
            200, self.api("PATCH", "/v1/podmanagers/pod-1", {"password": "admin"}).status_code
        )
        self.assertEqual(204, self.api("DELETE", "/v1/podmanagers/twin").status_code)

    def test_the_nodes_of_the_second_go_to_the_first_when_it_is_deleted(self) -> None:
        node = self.composed()
        twin = self.register_twin()
        with self.service.db.writer() as session:
            session.execute(sa.update(Node).values(podm_uuid=twin))
        self.audit()
        self.assertEqual("mismatched", self.show("twin")["status"])
        answer = self.api("DELETE", "/v1/podmanagers/twin?force=true")
        self.assertEqual([node["uuid"]], [one["uuid"] for one in answer.json["nodes"]])
        self.assertEqual([], self.audit())
        moved = self.api("GET", f"/v1/nodes/{node['uuid']}?refresh=true").json
        self.assertEqual((self.uuid, "composed"), (moved["podm_uuid"], moved["state"]))
        self.assertEqual(404, self.api("GET", f"/v1/podmanagers/{twin}").status_code)

    def test_the_nodes_of_one_that_lost_its_address_go_to_no_other(self) -> None:
        self.refresh()
        node = self.composed()
        other = self.simulate("pod-2")
        self.know(other)
        self.swap(self.pod, other)
        self.audit()
        answer = self.api("DELETE", "/v1/podmanagers/pod-1?force=true")
        self.assertRefused(409, "valence.podmanager.reachable", answer)
        self.assertEqual(self.uuid, (self.node(node["uuid"]) or {})["podm_uuid"])
