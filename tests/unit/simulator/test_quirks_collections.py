# SPDX-License-Identifier: Apache-2.0

"""Quirks of links and collections: each one changes what it says."""

import urllib.parse

from podm_simulator.server import Simulator
from tests.unit.simulator import base
from tests.unit.simulator import test_quirks
from tests.unit.simulator.test_quirks import NODES
from tests.unit.simulator.test_quirks import ROOT
from tests.unit.simulator.test_quirks import SYSTEMS

COUNT = "Members@odata.count"


class TestLinks(test_quirks.QuirkTestCase):
    def follow(self, document, url):
        """Read what a URL in a document refers to."""
        target = urllib.parse.urljoin(self.url + document, url)
        response = self.session.get(target, timeout=10)
        self.assertEqual(200, response.status_code, target)
        return response.json()

    def test_links_are_written_in_other_ways_and_work(self):
        self.allocated(Name="n")
        for quirk, listed, resource in (
            ("links-slash", f"{NODES}/1/", f"{NODES}/1/"),
            ("links-encoded", f"{ROOT}/%4eodes/1", f"{ROOT}/%4Eodes/1"),
            (
                "links-absolute",
                f"{self.url}{NODES}/1",
                f"{self.url}{NODES}/1",
            ),
            ("links-relative", "Nodes/1", f"{NODES}/1"),
        ):
            self.switch(quirk)
            self.assertEqual([listed], self.members(), quirk)
            node = self.follow(NODES, listed)
            self.assertEqual(("n", resource), (node["Name"], node["@odata.id"]), quirk)
            system = node["Links"]["ComputerSystem"]["@odata.id"]
            self.assertEqual("1", self.follow(f"{NODES}/1", system)["Id"], quirk)

    def test_a_location_is_absolute_or_relative(self):
        for quirk in ("location-absolute", "links-absolute", "links-relative", "links-encoded"):
            self.switch(quirk)
            location = self.allocated(Name=quirk)
            self.assertFalse(location.startswith(NODES), location)
            self.assertEqual(quirk, self.follow(base.ALLOCATE, location)["Name"])
            self.switch()
            self.assertEqual(204, self.delete(self.members()[0]))

    def test_a_location_names_another_host(self):
        self.switch("location-localhost")
        self.assertEqual(f"http://localhost{NODES}/1", self.allocated())

    def test_a_target_without_its_slash_is_redirected(self):
        self.switch("targets-slash")
        target = self.get(NODES)["Actions"]["#ComposedNodeCollection.Allocate"]["target"]
        self.assertTrue(target.endswith("/"))
        response = self.call("POST", target.rstrip("/"), json={}, allow_redirects=False)
        self.assertEqual((308, target), (response.status_code, response.headers["Location"]))
        self.assertEqual(201, self.post(target, {}).status_code)

    def test_every_path_without_a_slash_is_redirected_with_its_query(self):
        self.switch("slash-redirect")
        response = self.call("GET", f"{SYSTEMS}?$top=1", allow_redirects=False)
        self.assertEqual(308, response.status_code)
        self.assertEqual(f"{SYSTEMS}/?$top=1", response.headers["Location"])
        self.assertEqual(1, len(self.get(f"{SYSTEMS}?$top=1")["Members"]))


class TestCollections(test_quirks.QuirkTestCase):
    def test_a_member_is_listed_twice_or_dangles(self):
        paths = self.members(SYSTEMS)
        self.switch("members-twice")
        self.assertEqual([path for path in paths for _ in "ab"], self.members(SYSTEMS))
        self.assertEqual(2 * len(paths), self.get(SYSTEMS)[COUNT])
        self.switch("member-dangling")
        self.assertEqual([*paths, f"{SYSTEMS}/Removed"], self.members(SYSTEMS))
        self.assertEqual(404, self.call("GET", f"{SYSTEMS}/Removed").status_code)

    def test_the_count_is_another(self):
        number = len(self.members(SYSTEMS))
        for quirk, members, count in (
            ("count-too-large", number, number + 1),
            ("count-absent", number, None),
            ("count-of-page", 1, 1),
        ):
            self.switch(quirk)
            collection = self.get(SYSTEMS)
            found = len(collection["Members"]), collection.get(COUNT)
            self.assertEqual((members, count), found, quirk)

    def test_a_member_has_an_empty_path(self):
        paths = self.members(SYSTEMS)
        self.switch("member-empty")
        self.assertEqual([*paths, ""], self.members(SYSTEMS))

    def test_every_third_listing_is_incomplete(self):
        number = len(self.members(SYSTEMS))
        self.switch("listing-incomplete")
        listings = [self.get(SYSTEMS) for _ in range(6)]
        self.assertEqual([number] * 6, [listing[COUNT] for listing in listings])
        lengths = [len(listing["Members"]) for listing in listings]
        self.assertEqual([number, number, number - 1] * 2, lengths)

    def test_pages_have_one_member_and_a_link_to_the_next(self):
        for quirk, link in (
            ("pages", f"{SYSTEMS}?$skip=1"),
            ("next-link-absolute", f"{self.url}{SYSTEMS}?$skip=1"),
            ("next-link-query", "?$skip=1"),
        ):
            self.switch(quirk)
            collection = self.get(SYSTEMS)
            self.assertEqual(1, len(collection["Members"]))
            self.assertEqual(link, collection["Members@odata.nextLink"], quirk)
        self.switch()
        self.assertNotIn("Members@odata.nextLink", self.get(SYSTEMS))

    def test_expand_is_advertised_and_does_not_work(self):
        self.switch("expand-404")
        self.assertIn("ProtocolFeaturesSupported", self.get(f"{ROOT}/"))
        self.assertEqual(404, self.call("GET", f"{SYSTEMS}?$expand=.").status_code)
        self.switch("expand-ignored")
        self.assertEqual(["@odata.id"], list(self.get(f"{SYSTEMS}?$expand=.")["Members"][0]))
        self.switch()
        self.assertNotIn("ProtocolFeaturesSupported", self.get(f"{ROOT}/"))

    def test_expand_and_other_quirks_of_collections_combine(self):
        for quirk in ("members-twice", "member-dangling", "listing-incomplete"):
            simulator = Simulator(base.SIZE, expand=True, username=None, quirks=[quirk])
            url = simulator.start()
            self.addCleanup(simulator.stop)
            response = self.session.get(f"{url}{SYSTEMS}?$expand=.($levels=2)", timeout=10)
            self.assertEqual(200, response.status_code, quirk)
            self.assertIn("SerialNumber", response.json()["Members"][0])

    def test_the_list_is_behind_changes(self):
        self.switch("listed-late")
        node = self.allocated()
        self.assertEqual([], self.members())
        self.get(node)
        self.wait_for(lambda: self.members() == [node])
        self.assertEqual(204, self.delete(node))
        self.assertEqual([node], self.members())
        self.assertEqual(404, self.call("GET", node).status_code)
        self.wait_for(lambda: self.members() == [])

    def test_a_new_node_cannot_be_read_at_once(self):
        self.switch("created-unreadable")
        node = self.allocated()
        self.assertEqual([node], self.members())
        self.assertEqual(404, self.call("GET", node).status_code)
        self.wait_for_status(node, 200)
