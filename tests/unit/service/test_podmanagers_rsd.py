# SPDX-License-Identifier: Apache-2.0

"""The RSD driver: every dialect, and faulty pod managers."""

from typing import Any

import requests
import testscenarios

from tests.unit.service import fake_redfish
from tests.unit.service import rsd_base
from tests.unit.service import rsd_samples as samples
from valence import errors
from valence.podmanagers import base as podmanagers
from valence.podmanagers import identity

ok = fake_redfish.ok
refusal = fake_redfish.refusal
NODES = rsd_base.NODES
NODE = samples.NODE


class TestDialects(testscenarios.WithScenarios, rsd_base.RSDTestCase):
    """The same requests to each of them cost the same and return the same."""

    scenarios = [
        (name, dict(zip(("root", "allocate", "node", "location"), row, strict=True)))
        for name, row in {
            "2.1": (samples.ROOT_2_1, samples.ALLOCATE_2_1, samples.NODE_2_1, NODE),
            "2.2": (samples.ROOT_2_2, samples.ALLOCATE_NODES, samples.NODE_2_2, NODE),
            "2.4": (samples.ROOT_2_4, samples.ALLOCATE_2_1, samples.NODE_NODES, NODE),
            "2.5": (
                samples.ROOT_2_5,
                samples.ALLOCATE_ABSOLUTE,
                samples.NODE_2_5,
                f"https://POD.example:8443{NODE}",
            ),
            "Intel:RackScale": (
                samples.ROOT_COLON,
                samples.ALLOCATE_2_1,
                samples.NODE_2_1,
                f"{fake_redfish.URL}{NODE}",
            ),
            "no Location": (samples.ROOT_2_4, samples.ALLOCATE_2_1, samples.NODE_2_1, None),
        }.items()
    ]

    @property
    def nodes(self) -> str:  # type: ignore[override]
        """As it is advertised, with or without a slash at its end."""
        return f"{NODES}/" if self.root is samples.ROOT_2_2 else NODES

    def test_a_node_is_composed_read_and_deleted(self) -> None:
        path = self.driver.allocate("valence-1", "d", {"processor": {"total_cores": 8}})
        self.assertEqual(NODE, path)
        sent = {"Name": "valence-1", "Description": "d", "TotalSystemCoreCount": 8}
        allocated = self.transport.asked.index(f"POST {samples.ALLOCATE}")
        self.assertEqual(sent, self.transport.sent(allocated))
        state = self.driver.state(path)
        self.assertEqual(podmanagers.State.ALLOCATED, state.state)
        system = f"{samples.SYSTEM}/" if self.node is samples.NODE_2_2 else samples.SYSTEM
        self.assertEqual(system, state.system_path)
        self.driver.assemble(path)
        composing = [line for line in self.transport.asked if line != f"GET {NODE}"]
        expected = ["GET /redfish/v1/", f"GET {self.nodes}", f"POST {samples.ALLOCATE}"]
        expected += [] if self.location else [f"GET {self.nodes}"]
        self.assertEqual([*expected, f"POST {samples.ASSEMBLE}"], composing)
        self.transport.requests.clear()
        node = self.driver.read(path)
        self.assertEqual([f"GET {NODE}", f"GET {system}"], self.transport.asked)
        self.assertEqual("valence-1", node.name)
        self.assertEqual("On", node.power_state)
        self.assertEqual({"count": 2, "model": "Xeon Gold"}, node.processor)
        self.assertEqual({"capacity_mib": 65536}, node.memory)
        self.assertTrue(self.driver.exists(path))
        self.driver.delete(path)

    def test_check_reports_the_service(self) -> None:
        info = self.driver.check()
        self.assertEqual(self.root["Name"], info.name)
        self.assertEqual(self.root["RedfishVersion"], info.redfish_version)
        self.assertRegex(info.api_version or "", r"^2\.\d\.\d$")
        self.assertEqual(1, info.nodes)
        self.assertEqual(2, len(self.transport.requests))


class TestCheck(rsd_base.RSDTestCase):
    def test_another_redfish_service_is_no_pod_manager(self) -> None:
        self.transport.on("GET", "/redfish/v1/", ok({**samples.ROOT_2_1, "Nodes": None}))
        exc = self.assertRaises(errors.PodManagerFailed, self.driver.check)
        self.assertIn("names no Nodes", exc.detail)

    def test_no_redfish_service_at_all(self) -> None:
        self.transport.on("GET", "/redfish/v1/", ok("<h1>It works!</h1>", 404))
        exc = self.assertRaises(errors.PodManagerFailed, self.driver.check)
        self.assertIn("Check the URL", exc.detail)
        self.assertEqual("It works!", exc.own_words)

    def test_credentials_that_the_root_does_not_need_are_checked(self) -> None:
        self.transport.on("GET", NODES, refusal(401, "Bad password."))
        exc = self.assertRaises(errors.PodManagerUnauthorized, self.driver.check)
        self.assertIn("user name and the password", exc.detail)

    def test_check_reads_what_is_cached_again(self) -> None:
        self.driver.check()
        self.driver.check()
        self.assertEqual(4, len(self.transport.requests))


class TestVersions(testscenarios.WithScenarios, rsd_base.RSDTestCase):
    """Every version is asked for what it can be asked for, and says what it cannot do."""

    scenarios = [
        (str(version), {"version": version, "limited": limited})
        for version, limited in [
            ("1.2.0", True),
            ("2.0.0", True),
            ("2.1.0", True),
            ("v2.1", True),
            (2.1, True),
            ("2.2.0", False),
            ("2.10.0", False),
            ("3.0.0", False),
            (None, False),
            ("", False),
            ("nonsense", False),
            ({"Major": 2}, False),
            ("9" * 5000, False),
        ]
    ]
    version: Any
    limited: bool

    def setUp(self) -> None:
        super().setUp()
        oem = {"Intel_RackScale": {"ApiVersion": self.version}}
        self.transport.on("GET", "/redfish/v1/", ok({**samples.ROOT_2_1, "Oem": oem}))

    def test_it_allocates_what_every_version_can(self) -> None:
        properties = {
            "processor": {"total_cores": 8, "model": "Xeon"},
            "memory": {"capacity_mib": 16384, "type": "DDR4"},
            "storage": [{"capacity_gib": 100}],
            "network": [{"speed_mbps": 10000}],
        }
        self.assertEqual(NODE, self.driver.allocate("valence-1", "d", properties))

    def test_it_reports_what_it_cannot_allocate_and_is_not_sent_it(self) -> None:
        limitations = self.driver.check().limitations
        self.assertEqual(self.limited, bool(limitations))
        properties = {"pci_device": [{"type": "FPGA"}]}
        if self.limited:
            exc = self.assertRaises(
                errors.PodManagerRefused, self.driver.allocate, "valence-1", "d", properties
            )
            self.assertEqual(limitations[0].reason, exc.own_words)
            self.assertNotIn(f"POST {samples.ALLOCATE}", self.transport.asked)
        else:
            self.driver.allocate("valence-1", "d", properties)

    def test_one_without_allocate_reports_that_it_composes_nothing(self) -> None:
        self.transport.on("GET", NODES, ok(fake_redfish.page(NODES, NODE)))
        self.assertIn(
            "does not offer the action Allocate", self.driver.check().limitations[-1].reason
        )


class TestAllocate(rsd_base.RSDTestCase):
    def allocate_node(self) -> str:
        return self.driver.allocate("valence-1", "d", {})

    def test_what_is_cached_is_not_read_again(self) -> None:
        self.allocate_node()
        self.transport.requests.clear()
        self.allocate_node()
        self.assertEqual([f"POST {samples.ALLOCATE}"], self.transport.asked)

    def test_a_refusal_has_the_pod_managers_own_words(self) -> None:
        reason = "Available assets count after applying filters: [available: 9 -> memory: 0]"
        self.transport.on("POST", samples.ALLOCATE, refusal(409, reason))
        exc = self.assertRaises(errors.PodManagerRefused, self.allocate_node)
        self.assertEqual(reason, exc.own_words)

    def test_a_post_with_a_lost_response_is_not_repeated(self) -> None:
        for lost in (requests.ReadTimeout(), ok("<h1>Bad Gateway</h1>", 502), ok(None, 504)):
            self.transport.on("POST", samples.ALLOCATE, lost)
            self.transport.requests.clear()
            self.assertRaises(errors.PodManagerUnreachable, self.allocate_node)
            self.assertEqual(1, self.transport.asked.count(f"POST {samples.ALLOCATE}"))

    def test_a_failure_before_the_post_has_sent_false(self) -> None:
        for path in (NODES, "/redfish/v1/"):
            self.driver._nodes.forget()
            self.transport.on("GET", path, refusal(503))
            exc = self.assertRaises(errors.PodManagerUnreachable, self.allocate_node)
            self.assertIs(False, exc.details["sent"])
            self.assertEqual("valence.podmanager.unreachable", exc.details["code"])
        self.assertNotIn(f"POST {samples.ALLOCATE}", self.transport.asked)

    def test_a_target_that_moved_is_read_again(self) -> None:
        self.allocate_node()
        moved = {"#ComposedNodeCollection.Allocate": {"target": "/redfish/v1/Nodes/Allocate"}}
        self.transport.on("POST", samples.ALLOCATE, refusal(404))
        self.transport.on("GET", NODES, ok(fake_redfish.page(NODES, NODE, Actions=moved)))
        self.transport.on("POST", "/redfish/v1/Nodes/Allocate", ok(None, 201, Location=NODE))
        self.assertEqual(NODE, self.allocate_node())

    def test_a_target_that_does_not_exist_fails(self) -> None:
        self.transport.on("POST", samples.ALLOCATE, refusal(404))
        exc = self.assertRaises(errors.PodManagerFailed, self.allocate_node)
        self.assertIn("answers 404 there", exc.detail)
        self.assertIs(False, exc.details["sent"])
        self.assertEqual(2, self.transport.asked.count(f"POST {samples.ALLOCATE}"))

    def test_a_pod_manager_without_the_action_fails(self) -> None:
        self.transport.on("GET", NODES, ok(fake_redfish.page(NODES)))
        exc = self.assertRaises(errors.PodManagerFailed, self.allocate_node)
        self.assertIn("does not offer the action Allocate", exc.detail)

    def test_a_location_that_is_no_node_is_ignored(self) -> None:
        for location in ("/redfish/v1/TaskService/Tasks/7", NODES, f"{NODES}/", "1"):
            self.transport.on("POST", samples.ALLOCATE, ok(None, 202, Location=location))
            self.assertEqual(NODE, self.allocate_node())

    def test_a_node_is_requested_as_its_location_has_it(self) -> None:
        self.transport.on("POST", samples.ALLOCATE, ok(None, 201, Location=f"{NODE}/"))
        self.assertEqual(f"{NODE}/", self.allocate_node())
        self.assertTrue(self.driver.exists(f"{NODE}/"))

    def test_a_location_on_another_host_is_refused_and_names_both(self) -> None:
        for location in ("http://pod.example:8443/redfish/v1/Nodes/1", "//10.0.0.5:80/x"):
            self.transport.on("POST", samples.ALLOCATE, ok(None, 201, Location=location))
            exc = self.assertRaises(errors.PodManagerFailed, self.allocate_node)
            self.assertIn(fake_redfish.URL, exc.detail)
            self.assertIn(
                location.removesuffix("/x").removesuffix("/redfish/v1/Nodes/1"), exc.detail
            )
            self.assertNotIn("sent", exc.details, "a node was allocated")

    def test_a_node_in_the_response_is_used(self) -> None:
        self.transport.on("POST", samples.ALLOCATE, ok(samples.NODE_2_1, 201))
        self.assertEqual(NODE, self.allocate_node())
        self.assertNotIn(f"GET {NODE}", self.transport.asked)

    def test_a_success_without_a_node_fails(self) -> None:
        self.transport.on("POST", samples.ALLOCATE, ok(None, 201))
        self.transport.on("GET", NODES, self.collection())
        exc = self.assertRaises(errors.PodManagerFailed, self.allocate_node)
        self.assertIn("has no node named 'valence-1'", exc.detail)

    def test_an_error_in_a_success_is_a_refusal(self) -> None:
        response = ok({"error": {"code": 409, "message": "Nothing left."}})
        self.transport.on("POST", samples.ALLOCATE, response)
        exc = self.assertRaises(errors.PodManagerRefused, self.allocate_node)
        self.assertEqual("Nothing left.", exc.own_words)


class TestFind(rsd_base.RSDTestCase):
    def named(self, number: int, name: str) -> str:
        path = f"{NODES}/{number}"
        self.transport.on("GET", path, ok({**samples.NODE_2_1, "@odata.id": path, "Name": name}))
        return path

    def test_the_newest_is_read_first_and_no_more_than_needed(self) -> None:
        paths = [self.named(number, f"n{number}") for number in range(1, 6)]
        self.transport.on("GET", NODES, self.collection(*paths))
        self.assertEqual(paths[3], self.driver.find("n4"))
        read = [line for line in self.transport.asked if f"{NODES}/" in line]
        self.assertEqual([f"GET {paths[4]}", f"GET {paths[3]}"], read)

    def test_members_with_a_name_are_not_read(self) -> None:
        members = [{"@odata.id": f"{NODES}/{n}", "Id": n, "Name": f"n{n}"} for n in (1, 2)]
        self.transport.on("GET", NODES, self.collection(*members))
        self.assertEqual(f"{NODES}/1", self.driver.find("n1"))
        self.assertIsNone(self.driver.find("n3"))
        self.assertNotIn(f"GET {NODES}/1", self.transport.asked)

    def test_members_are_listed_with_what_the_collection_has_of_them(self) -> None:
        named = {"@odata.id": f"{NODES}/2", "Name": "n2", "Description": "for the web"}
        self.transport.on("GET", NODES, self.collection(f"{NODES}/1", named))
        self.assertEqual(
            [(f"{NODES}/1", None, None), (f"{NODES}/2", "n2", "for the web")],
            [(node.path, node.name, node.description) for node in self.driver.members()],
        )
        self.assertNotIn(f"GET {NODES}/1", self.transport.asked)
        self.named(1, "n1")
        self.assertEqual("n1", self.driver.member(f"{NODES}/1").name)

    def test_pages_are_followed(self) -> None:
        self.two_pages()
        self.assertEqual(["n1", "n2"], [self.driver.member(m.path).name for m in self.members()])
        self.assertEqual(f"{NODES}/1", self.driver.find("n1"))
        self.assertEqual(f"{NODES}/2", self.driver.find("n2"))

    def members(self) -> list[identity.Facts]:
        return list(self.driver.members())

    def two_pages(self) -> None:
        first, second = self.named(1, "n1"), self.named(2, "n2")
        link = {"Members@odata.nextLink": f"{fake_redfish.URL}{NODES}?$skip=1"}
        self.transport.on("GET", NODES, self.collection(first, **link))
        self.transport.on("GET", f"{NODES}?$skip=1", self.collection(second))

    def test_a_missing_page_is_an_error_and_not_the_end(self) -> None:
        self.two_pages()
        self.transport.on("GET", f"{NODES}?$skip=1", refusal(404))
        self.assertRaises(errors.PodManagerFailed, self.members)
        self.assertRaises(errors.PodManagerFailed, self.driver.find, "n7")
        self.assertRaises(errors.PodManagerFailed, self.driver.exists, f"{NODES}/7")

    def test_pages_that_lead_back_are_an_error_and_not_the_end(self) -> None:
        for back in (NODES, f"{NODES}?$skip=1"):
            self.two_pages()
            link = {"Members@odata.nextLink": back}
            self.transport.on("GET", f"{NODES}?$skip=1", self.collection(**link))
            self.assertRaises(errors.PodManagerFailed, self.driver.exists, f"{NODES}/7")

    def test_members_that_do_not_exist_any_more_are_skipped(self) -> None:
        path = self.named(1, "n1")
        self.transport.on("GET", NODES, self.collection(path, f"{NODES}/2", {}, {"Id": 3}))
        self.assertEqual(path, self.driver.find("n1"))

    def test_a_collection_that_cannot_be_read_is_not_empty(self) -> None:
        responses = [
            ok({"@odata.id": NODES, "Name": "Nodes"}),
            ok({"@odata.id": NODES, "Members": None}),
            ok({"@odata.id": NODES, "Members": [], "Members@odata.count": 3}),
            ok("<h1>Welcome</h1>"),
            ok(None),
            ok({"error": {"code": 500}}),
            refusal(404),
            refusal(500),
        ]
        for response in responses:
            self.transport.on("GET", NODES, response)
            self.assertRaises(errors.PodManagerFailed, self.driver.find, "n1")
            self.assertRaises(errors.PodManagerFailed, self.driver.exists, NODE)

    def test_a_collection_is_not_empty_during_an_outage(self) -> None:
        for response in (refusal(503), requests.ConnectTimeout()):
            self.transport.on("GET", NODES, response)
            self.assertRaises(errors.PodManagerUnreachable, self.driver.find, "n1")
            self.assertRaises(errors.PodManagerUnreachable, self.driver.exists, NODE)
