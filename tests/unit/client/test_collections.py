# SPDX-License-Identifier: Apache-2.0

"""Lists, reads, changes: what all nouns have in common."""

import datetime
import itertools

from tests import base
from tests.unit.client import clock
from valenceclient import Client
from valenceclient import errors
from valenceclient import testing

SMALL = {"processor": {"total_cores": 8}, "memory": {"capacity_mib": 16384}}


class TestLists(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.valence = testing.FakeValence()
        self.client = self.valence.client()
        for number in range(5):
            self.valence.add_flavor(f"flavor-{number}", SMALL)

    def test_a_list_follows_the_next_links_to_the_end(self) -> None:
        names = [flavor.name for flavor in self.client.flavors.list(limit=2)]
        self.assertEqual([f"flavor-{number}" for number in range(5)], names)
        self.assertEqual(3, len(self.valence.calls))

    def test_a_list_asks_for_no_page_that_nobody_reads(self) -> None:
        list(itertools.islice(self.client.flavors.list(limit=2), 2))
        self.assertEqual(1, len(self.valence.calls))

    def test_a_list_begins_after_the_marker(self) -> None:
        third = list(self.client.flavors.list())[2]
        names = [flavor.name for flavor in self.client.flavors.list(marker=third.uuid)]
        self.assertEqual(["flavor-3", "flavor-4"], names)

    def test_filters_and_sorting_go_to_the_service(self) -> None:
        self.assertEqual([], list(self.client.flavors.list(name="none", sort="name:desc")))
        self.assertEqual({"name": "none", "sort": "name:desc"}, self.valence.calls[-1].query)

    def test_a_filter_that_is_none_is_no_filter(self) -> None:
        self.assertEqual(5, len(list(self.client.flavors.list(name=None))))
        self.assertEqual({}, self.valence.calls[-1].query)

    def test_a_list_of_some_fields_leaves_the_others_at_their_defaults(self) -> None:
        flavor = next(self.client.flavors.list(fields=["name"]))
        self.assertEqual(("flavor-0", "", None), (flavor.name, flavor.uuid, flavor.created_at))

    def test_a_next_link_with_a_foreign_address_leads_nowhere_else(self) -> None:
        page = {"flavors": [{"name": "a"}], "next": "http://elsewhere.test/v1/flavors?marker=x"}
        self.valence.answer("GET", "/v1/flavors", 200, page)
        self.valence.answer("GET", "/v1/flavors", 200, {"flavors": [{"name": "b"}]})
        self.assertEqual(["a", "b"], [flavor.name for flavor in self.client.flavors.list()])
        self.assertEqual({"marker": "x"}, self.valence.calls[-1].query)

    def test_a_list_that_continues_with_itself_is_an_error(self) -> None:
        page = {"flavors": [], "next": "/v1/flavors?marker=x"}
        self.valence.answer("GET", "/v1/flavors", 200, page, times=2)
        error = self.assertRaises(errors.ValenceError, list, self.client.flavors.list())
        self.assertIn("continues with itself", str(error))


class TestResources(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.valence = testing.FakeValence()
        self.client = self.valence.client()

    def test_unknown_fields_are_kept_and_missing_ones_are_none(self) -> None:
        raw = {"uuid": "u", "colour": "red", "state": "composed", "fault": None}
        self.valence.answer("GET", "/v1/nodes/u", 200, raw)
        node = self.client.nodes.get("u")
        self.assertEqual(
            ("u", "composed", None, None), (node.uuid, node.state, node.fault, node.created_at)
        )
        self.assertEqual("red", node.raw["colour"])

    def test_times_are_read_as_times_in_utc(self) -> None:
        times = {"created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05"}
        self.valence.answer("GET", "/v1/nodes/u", 200, {**times, "task_since": "yesterday"})
        node = self.client.nodes.get("u")
        expected = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
        self.assertEqual(
            (expected, expected, None), (node.created_at, node.updated_at, node.task_since)
        )

    def test_resources_can_be_kept_in_sets(self) -> None:
        first = self.client.flavors.create(name="a", properties=SMALL)
        again = self.client.flavors.get("a")
        self.assertEqual(1, len({first, again}))

    def test_a_name_with_odd_characters_stays_one_path_segment(self) -> None:
        self.valence.add_flavor("big one?", SMALL)
        self.assertEqual("big one?", self.client.flavors.get("big one?").name)

    def test_an_empty_or_dotted_ident_never_reaches_the_service(self) -> None:
        for ident in ("", ".", ".."):
            self.assertRaises(errors.ValenceError, self.client.flavors.delete, ident)
        self.assertEqual([], self.valence.calls)


class TestPodManagersAndFlavors(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.valence = testing.FakeValence()
        self.client = self.valence.client()

    def test_a_pod_manager_is_registered_read_changed_and_forgotten(self) -> None:
        made = self.client.podmanagers.create(
            name="pod-2", url="https://pod-2.test:8443", username="admin", password="secret"
        )
        self.assertEqual("online", made.status)
        self.assertNotIn("password", made.raw)
        changed = self.client.podmanagers.update("pod-2", name="pod-two", verify_ca=False)
        self.assertEqual(
            (made.uuid, "pod-two", False), (changed.uuid, changed.name, changed.verify_ca)
        )
        self.client.podmanagers.delete("pod-two")
        self.assertRaises(errors.NotFound, self.client.podmanagers.get, made.uuid)

    def test_what_a_pod_manager_is_used_for_and_whom_to_trust_comes_back(self) -> None:
        made = self.client.podmanagers.create(
            name="pod-2", url="https://pod-2.test", ca="PEM", enabled=False, tags={"gpu"}
        )
        self.assertEqual(("PEM", False, ("gpu",)), (made.ca, made.enabled, made.tags))
        self.assertEqual((True, ()), (self.client.podmanagers.get("pod-1").enabled, ()))

    def test_a_url_is_known_in_all_its_forms(self) -> None:
        for url in ("https://pod-1.test:443/redfish/v1/", "HTTPS://POD-1.test/"):
            self.assertRaises(errors.Conflict, self.client.podmanagers.create, name="x", url=url)
        self.client.podmanagers.create(name="pod-2", url="https://pod-2.test")
        self.assertRaises(
            errors.Conflict, self.client.podmanagers.update, "pod-2", url="https://pod-1.test/"
        )

    def test_one_that_is_gone_is_forgotten_with_its_nodes(self) -> None:
        made = self.client.nodes.create(name="web-1", properties=SMALL, wait=True)
        error = self.assertRaises(errors.Conflict, self.client.podmanagers.forget, "pod-1")
        self.assertEqual("valence.podmanager.reachable", error.code)
        self.valence.podmanagers.get("pod-1")["status"] = "offline"
        forgotten = self.client.podmanagers.forget("pod-1")
        self.assertEqual(("pod-1", 1), (forgotten.name, len(forgotten.nodes)))
        self.assertEqual((made.uuid, "web-1"), (forgotten.nodes[0].uuid, forgotten.nodes[0].name))
        self.assertRaises(errors.NotFound, self.client.podmanagers.forget, "pod-1")

    def test_a_flavor_is_created_read_changed_and_deleted(self) -> None:
        made = self.client.flavors.create(name="small", properties=SMALL, description="8 cores")
        self.assertEqual(SMALL, made.properties)
        self.client.flavors.update(made.uuid, description=None)
        self.assertIsNone(self.client.flavors.get("small").description)
        self.client.flavors.delete("small")
        self.assertEqual([], list(self.client.flavors.list()))

    def test_a_post_whose_answer_is_lost_is_not_sent_again(self) -> None:
        self.useFixture(clock.Clock())
        self.valence.lose("POST", "/v1/flavors")
        error = self.assertRaises(
            errors.ConnectFailed, self.client.flavors.create, name="small", properties=SMALL
        )
        self.assertTrue(error.lost)
        self.assertEqual(1, len(self.valence.calls))

    def test_a_patch_whose_answer_is_lost_is_not_sent_again(self) -> None:
        self.valence.lose("PATCH", "/v1/podmanagers/.*")
        self.assertRaises(
            errors.ConnectFailed, self.client.podmanagers.update, "pod-1", name="other"
        )
        self.assertEqual(1, len(self.valence.calls))

    def test_a_session_set_to_retry_does_not_make_a_post_be_sent_again(self) -> None:
        session = self.valence.session()
        session._connect_retries = 3
        self.valence.lose("POST", "/v1/flavors")
        self.assertRaises(
            errors.ConnectFailed,
            Client(session).flavors.create,
            name="small",
            properties=SMALL,
        )
        self.assertEqual(1, len(self.valence.calls))

    def test_a_deletion_whose_answer_was_lost_counts_as_done(self) -> None:
        self.useFixture(clock.Clock())
        self.valence.add_flavor("small", SMALL)
        self.valence.lose("DELETE", "/v1/flavors/small")
        self.client.flavors.delete("small")
        self.assertEqual([None, 404], [call.status for call in self.valence.calls])

    def test_deleting_what_never_was_is_not_found(self) -> None:
        error = self.assertRaises(errors.NotFound, self.client.flavors.delete, "none")
        self.assertEqual("valence.flavor.not_found", error.code)
