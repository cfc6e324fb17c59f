# SPDX-License-Identifier: Apache-2.0

"""What all collections have in common: list, get, create, update and delete."""

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

    def test_a_list_requests_no_page_before_it_is_consumed(self) -> None:
        list(itertools.islice(self.client.flavors.list(limit=2), 2))
        self.assertEqual(1, len(self.valence.calls))

    def test_a_list_begins_after_the_marker(self) -> None:
        third = list(self.client.flavors.list())[2]
        names = [flavor.name for flavor in self.client.flavors.list(marker=third.uuid)]
        self.assertEqual(["flavor-3", "flavor-4"], names)

    def test_filters_and_sorting_are_sent_to_the_service(self) -> None:
        self.assertEqual([], list(self.client.flavors.list(name="none", sort="name:desc")))
        self.assertEqual({"name": "none", "sort": "name:desc"}, self.valence.calls[-1].query)

    def test_a_filter_that_is_none_is_not_sent(self) -> None:
        self.assertEqual(5, len(list(self.client.flavors.list(name=None))))
        self.assertEqual({}, self.valence.calls[-1].query)

    def test_a_list_of_some_fields_leaves_the_others_at_their_defaults(self) -> None:
        flavor = next(self.client.flavors.list(fields=["name"]))
        self.assertEqual(("flavor-0", "", None), (flavor.name, flavor.uuid, flavor.created_at))

    def test_the_address_of_a_next_link_is_ignored(self) -> None:
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

    def test_unknown_fields_are_in_raw_and_missing_ones_are_none(self) -> None:
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

    def test_resources_are_hashable(self) -> None:
        flavor = self.client.flavors.create(name="a", properties=SMALL)
        self.assertEqual(1, len({flavor, self.client.flavors.get("a")}))

    def test_a_name_with_special_characters_is_one_path_segment(self) -> None:
        self.valence.add_flavor("big one?", SMALL)
        self.assertEqual("big one?", self.client.flavors.get("big one?").name)

    def test_an_empty_or_dotted_ident_is_not_sent(self) -> None:
        for ident in ("", ".", ".."):
            self.assertRaises(errors.ValenceError, self.client.flavors.delete, ident)
        self.assertEqual([], self.valence.calls)


class TestPodManagersAndFlavors(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.valence = testing.FakeValence()
        self.client = self.valence.client()

    def test_a_pod_manager_is_created_read_updated_and_deleted(self) -> None:
        podm = self.client.podmanagers.create(
            name="pod-2", url="https://pod-2.test:8443", username="admin", password="secret"
        )
        self.assertEqual("online", podm.status)
        self.assertNotIn("password", podm.raw)
        updated = self.client.podmanagers.update("pod-2", name="pod-two", verify_ca=False)
        self.assertEqual(
            (podm.uuid, "pod-two", False), (updated.uuid, updated.name, updated.verify_ca)
        )
        self.client.podmanagers.delete("pod-two")
        self.assertRaises(errors.NotFound, self.client.podmanagers.get, podm.uuid)

    def test_a_pod_manager_has_its_ca_its_tags_and_whether_it_is_enabled(self) -> None:
        podm = self.client.podmanagers.create(
            name="pod-2", url="https://pod-2.test", ca="PEM", enabled=False, tags={"gpu"}
        )
        self.assertEqual(("PEM", False, ("gpu",)), (podm.ca, podm.enabled, podm.tags))
        self.assertEqual((True, ()), (self.client.podmanagers.get("pod-1").enabled, ()))

    def test_a_url_is_a_duplicate_in_any_spelling(self) -> None:
        for url in ("https://pod-1.test:443/redfish/v1/", "HTTPS://POD-1.test/"):
            self.assertRaises(errors.Conflict, self.client.podmanagers.create, name="x", url=url)
        self.client.podmanagers.create(name="pod-2", url="https://pod-2.test")
        self.assertRaises(
            errors.Conflict, self.client.podmanagers.update, "pod-2", url="https://pod-1.test/"
        )

    def test_the_identity_of_a_replaced_pod_manager_is_accepted(self) -> None:
        mismatch = {"status": "mismatched", "status_reason": "other systems"}
        self.valence.podmanagers.get("pod-1").update(mismatch)
        self.assertEqual("mismatched", self.client.podmanagers.get("pod-1").status)
        accepted = self.client.podmanagers.accept_identity("pod-1", url="https://new.test/")
        self.assertEqual(
            ("online", None, "https://new.test"),
            (accepted.status, accepted.status_reason, accepted.url),
        )
        self.assertRaises(errors.NotFound, self.client.podmanagers.accept_identity, "unknown")

    def test_an_offline_pod_manager_is_removed_with_its_nodes(self) -> None:
        node = self.client.nodes.create(name="web-1", properties=SMALL, wait=True)
        error = self.assertRaises(errors.Conflict, self.client.podmanagers.forget, "pod-1")
        self.assertEqual("valence.podmanager.reachable", error.code)
        self.valence.podmanagers.get("pod-1")["status"] = "offline"
        result = self.client.podmanagers.forget("pod-1")
        self.assertEqual(("pod-1", 1), (result.name, len(result.nodes)))
        self.assertEqual((node.uuid, "web-1"), (result.nodes[0].uuid, result.nodes[0].name))
        self.assertRaises(errors.NotFound, self.client.podmanagers.forget, "pod-1")

    def test_a_flavor_is_created_read_updated_and_deleted(self) -> None:
        flavor = self.client.flavors.create(name="small", properties=SMALL, description="8 cores")
        self.assertEqual(SMALL, flavor.properties)
        self.client.flavors.update(flavor.uuid, description=None)
        self.assertIsNone(self.client.flavors.get("small").description)
        self.client.flavors.delete("small")
        self.assertEqual([], list(self.client.flavors.list()))

    def test_a_post_whose_response_is_lost_is_not_retried(self) -> None:
        self.useFixture(clock.Clock())
        self.valence.lose("POST", "/v1/flavors")
        error = self.assertRaises(
            errors.ConnectFailed, self.client.flavors.create, name="small", properties=SMALL
        )
        self.assertTrue(error.lost)
        self.assertEqual(1, len(self.valence.calls))

    def test_a_patch_whose_response_is_lost_is_not_retried(self) -> None:
        self.valence.lose("PATCH", "/v1/podmanagers/.*")
        self.assertRaises(
            errors.ConnectFailed, self.client.podmanagers.update, "pod-1", name="other"
        )
        self.assertEqual(1, len(self.valence.calls))

    def test_a_post_is_not_retried_even_if_the_session_retries(self) -> None:
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

    def test_a_deletion_whose_response_was_lost_succeeds(self) -> None:
        self.useFixture(clock.Clock())
        self.valence.add_flavor("small", SMALL)
        self.valence.lose("DELETE", "/v1/flavors/small")
        self.client.flavors.delete("small")
        self.assertEqual([None, 404], [call.status for call in self.valence.calls])

    def test_deleting_an_unknown_member_is_not_found(self) -> None:
        error = self.assertRaises(errors.NotFound, self.client.flavors.delete, "none")
        self.assertEqual("valence.flavor.not_found", error.code)
