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
from valence import errors
from valence import ledger
from valence.api import app
from valence.objects import podmanager as podmanager_objects
from valence.objects import podmanager_identity
from valence.objects.node import Node

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
