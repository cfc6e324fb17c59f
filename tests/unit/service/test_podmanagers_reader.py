# SPDX-License-Identifier: Apache-2.0

"""Collections: pages, and members that come with them."""

from typing import Any
from unittest import mock

import fixtures
import requests
import testscenarios

from tests import base
from tests.unit.service import fake_redfish
from valence import errors
from valence.podmanagers.redfish import reader
from valence.podmanagers.redfish.expand import ExpandQuery
from valence.podmanagers.redfish.expand import Expansion

THINGS = "/redfish/v1/Things"
EXPANDED = f"{THINGS}?$expand=."


def offer(**features: Any) -> dict[str, Any]:
    """A service root."""
    return {"ProtocolFeaturesSupported": {"ExpandQuery": features}}


class TestExpandQuery(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (str(root), {"root": root, "one": one, "four": four})
        for root, one, four in [
            ({}, None, None),
            ({"ProtocolFeaturesSupported": {"ExpandQuery": True}}, None, None),
            (offer(ExpandAll=False, NoLinks=False, Links=True, Levels=True), None, None),
            (offer(NoLinks="true"), None, None),
            (offer(NoLinks=1, ExpandAll="yes"), None, None),
            (offer(NoLinks=1, ExpandAll=True), "$expand=*", "$expand=*"),
            (offer(NoLinks=True), "$expand=.", "$expand=."),
            (offer(NoLinks=True, Levels="true", MaxLevels=6), "$expand=.", "$expand=."),
            (
                offer(NoLinks=True, ExpandAll=True, Levels=True, MaxLevels=6),
                "$expand=.($levels=1)",
                "$expand=.($levels=4)",
            ),
            (
                offer(ExpandAll=True, Levels=True, MaxLevels=2),
                "$expand=*($levels=1)",
                "$expand=*($levels=2)",
            ),
            *(
                (
                    offer(NoLinks=True, Levels=True, MaxLevels=limit),
                    "$expand=.($levels=1)",
                    "$expand=.($levels=1)",
                )
                for limit in (None, "6", True, 0, -1, 2.5)
            ),
        ]
    ]
    root: dict[str, Any]
    one: str | None
    four: str | None

    def test_a_service_is_sent_what_it_offers(self) -> None:
        expand = ExpandQuery.from_root(self.root)
        self.assertEqual(self.one, expand and expand.query(1))
        self.assertEqual(self.four, expand and expand.query(4))


class ReaderTestCase(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.transport = fake_redfish.Transport()
        self.reader = reader.Reader(fake_redfish.client(self.transport))
        self.reader.expansion.learn(offer(NoLinks=True))

    def on(self, path: str, *members: Any, **more: Any) -> None:
        self.transport.on("GET", path, fake_redfish.ok(fake_redfish.page(path, *members, **more)))

    def walk(self, levels: int = 1) -> list[str]:
        listing = self.reader.listing(THINGS, levels=levels)
        listing.require_complete()
        return list(listing.paths)


class TestFallback(testscenarios.WithScenarios, ReaderTestCase):
    """A row of EXPAND_FALLBACKS each: errors after which a collection is read without $expand."""

    FOR_EVER, AN_HOUR = 10**9, 3600
    scenarios = [
        (str(response), {"response": response, "seconds": seconds})
        for response, seconds in [
            (fake_redfish.refusal(400), FOR_EVER),
            (fake_redfish.refusal(404), FOR_EVER),
            (fake_redfish.refusal(405), FOR_EVER),
            (fake_redfish.refusal(410), FOR_EVER),
            (fake_redfish.refusal(500), AN_HOUR),
            (fake_redfish.refusal(501), AN_HOUR),
            (fake_redfish.ok("<html>"), AN_HOUR),
        ]
    ]
    response: Any
    seconds: int

    def setUp(self) -> None:
        super().setUp()
        self.now = 0.0
        self.reader.expansion = Expansion(lambda: self.now)
        self.reader.expansion.learn(offer(NoLinks=True))
        self.transport.on("GET", EXPANDED, self.response)
        self.on(THINGS, f"{THINGS}/1")

    def test_collections_of_this_name_are_read_without(self) -> None:
        self.assertEqual([f"{THINGS}/1"], self.walk())
        self.now = self.seconds - 1
        self.assertEqual([f"{THINGS}/1"], self.walk())
        expected = [f"GET {EXPANDED}", f"GET {THINGS}", f"GET {THINGS}"]
        self.assertEqual(expected, self.transport.asked)
        self.assertIsNone(self.reader.expansion.of(f"/redfish/v1/Other/1{THINGS}"))
        self.assertIsNotNone(self.reader.expansion.of("/redfish/v1/Others"))

    def test_it_ends(self) -> None:
        self.walk()
        self.reader.expansion.learn(offer(NoLinks=True))
        self.assertIsNotNone(self.reader.expansion.of(THINGS))
        self.walk()
        self.now = self.AN_HOUR
        expands = self.reader.expansion.of(THINGS) is not None
        self.assertEqual(self.seconds == self.AN_HOUR, expands)

    def test_a_collection_that_fails_without_as_well_is_expanded_the_next_time(self) -> None:
        self.transport.on("GET", THINGS, self.response)
        self.assertRaises(errors.ValenceError, self.walk)
        self.assertIsNotNone(self.reader.expansion.of(THINGS))


class TestNoFallback(testscenarios.WithScenarios, ReaderTestCase):
    """Errors that the request without $expand would meet, too."""

    scenarios = [
        (str(response), {"response": response})
        for response in (
            *map(fake_redfish.refusal, (401, 403, 408, 429, 502, 503, 504)),
            requests.ReadTimeout(),
        )
    ]
    response: Any

    def test_it_is_the_callers(self) -> None:
        self.transport.on("GET", EXPANDED, self.response)
        self.assertRaises(errors.ValenceError, self.walk)
        self.assertEqual([f"GET {EXPANDED}"], self.transport.asked)
        self.assertIsNotNone(self.reader.expansion.of(THINGS))


class TestReader(ReaderTestCase):
    def test_members_come_with_the_collection(self) -> None:
        self.on(EXPANDED, {"@odata.id": f"{THINGS}/1", "Name": "one"})
        ((path, member),) = self.reader.listing(THINGS, levels=1).members
        self.assertEqual((f"{THINGS}/1", "one"), (path, member["Name"]))

    def test_without_levels_there_is_no_expand(self) -> None:
        self.on(THINGS, f"{THINGS}/1")
        self.walk(levels=0)
        self.assertEqual([f"GET {THINGS}"], self.transport.asked)

    def test_every_form_of_the_link_to_the_next_page_is_followed(self) -> None:
        for link in (
            f"{THINGS}?$skip=1",
            f"{fake_redfish.URL}{THINGS}?$skip=1",
            "?$skip=1",
            {"@odata.id": f"{THINGS}?$skip=1"},
        ):
            self.on(EXPANDED, f"{THINGS}/1", **{"Members@odata.nextLink": link})
            self.on(f"{THINGS}?$skip=1", f"{THINGS}/2")
            self.assertEqual([f"{THINGS}/1", f"{THINGS}/2"], self.walk(), link)

    def test_a_count_is_not_needed(self) -> None:
        for count in ({}, {"Members@odata.count": "many"}, {"Members@odata.count": {}}):
            body = {"Members": [{"@odata.id": f"{THINGS}/1"}], **count}
            self.transport.on("GET", EXPANDED, fake_redfish.ok(body))
            self.assertEqual([f"{THINGS}/1"], self.walk())

    def test_a_collection_without_an_end_is_an_error(self) -> None:
        for number in range(9):
            path = f"{THINGS}?$skip={number}" if number else THINGS
            link = {"Members@odata.nextLink": f"{THINGS}?$skip={number + 1}"}
            self.on(path, f"{THINGS}/{number}", **link)
        with mock.patch.object(reader, "MAX_PAGES", 5):
            exc = self.assertRaises(errors.PodManagerFailed, self.walk, levels=0)
        self.assertIn("no end after 5 pages", exc.detail)
        self.assertEqual(5, len(self.transport.requests))

    def test_a_link_to_the_next_page_that_cannot_be_read_ends_no_collection(self) -> None:
        for link in ("https://[::1/redfish", 7, {}):
            self.on(EXPANDED, f"{THINGS}/1", **{"Members@odata.nextLink": link})
            self.assertRaises(errors.PodManagerFailed, self.walk)


class TestSnapshot(ReaderTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.snapshot = reader.Snapshot(self.reader)
        self.one = {
            "@odata.id": f"{THINGS}/1",
            "@odata.type": "#Thing.Thing",
            "Name": "whole",
            "Status": {},
        }

    def test_what_came_with_an_expanded_collection_is_not_requested_again(self) -> None:
        following = {"Members@odata.nextLink": f"{THINGS}?$skip=1"}
        two = {**self.one, "@odata.id": f"{THINGS}/2"}
        self.on(EXPANDED, self.one, **following)
        self.on(f"{THINGS}?$skip=1", two)
        paths = self.snapshot.list_required_members(THINGS)
        self.assertEqual([self.one, two], [self.snapshot.resource(path) for path in paths])
        self.assertEqual(2, self.snapshot.requests)

    def test_a_member_of_a_collection_that_was_not_expanded_may_be_less_than_the_resource(
        self,
    ) -> None:
        self.reader.expansion.learn({})
        less = {**self.one, "Name": "less"}
        following = {"Members@odata.nextLink": f"{THINGS}?$skip=1"}
        self.on(THINGS, less, **following)
        self.on(f"{THINGS}?$skip=1", {**less, "@odata.id": f"{THINGS}/2"})
        for number in (1, 2):
            path = f"{THINGS}/{number}"
            self.transport.on("GET", path, fake_redfish.ok({**self.one, "@odata.id": path}))
        paths = self.snapshot.list_required_members(THINGS)
        names = [(self.snapshot.resource(path) or {})["Name"] for path in paths]
        self.assertEqual(["whole", "whole"], names)

    def test_a_collection_that_came_without_its_members_is_requested(self) -> None:
        inner = f"{THINGS}/1/Parts"
        parts = {"@odata.id": inner, "@odata.type": "#Parts.Parts", "Name": "Parts"}
        self.on(EXPANDED, {**self.one, "Parts": parts})
        self.on(f"{inner}?$expand=.", f"{inner}/1")
        self.snapshot.list_required_members(THINGS)
        self.assertEqual([f"{inner}/1"], self.snapshot.list_members(inner))

    def test_pages_of_a_collection_inside_an_expanded_one_are_expanded_as_well(self) -> None:
        inner = f"{THINGS}/1/Parts"
        part = {**self.one, "@odata.id": f"{inner}/1", "Name": "part"}
        following = {"Members@odata.nextLink": f"{inner}?$skip=1"}
        self.on(EXPANDED, {**self.one, "Parts": fake_redfish.page(inner, part, **following)})
        self.on(f"{inner}?$skip=1", {**part, "@odata.id": f"{inner}/2"})
        self.snapshot.list_required_members(THINGS)
        for path in self.snapshot.list_members(inner) or ():
            self.assertEqual("part", (self.snapshot.resource(path) or {})["Name"])
        self.assertEqual(2, self.snapshot.requests)

    def test_snapshots_share_what_failed_of_expand(self) -> None:
        self.on(THINGS, f"{THINGS}/1")
        self.transport.on("GET", EXPANDED, fake_redfish.refusal(501))
        for _ in range(2):
            reader.Snapshot(self.reader).list_required_members(THINGS)
        self.assertEqual(1, self.transport.asked.count(f"GET {EXPANDED}"))

    def test_a_member_that_is_not_expanded_is_requested(self) -> None:
        whole = {"@odata.id": f"{THINGS}/1", "Name": "one", "SerialNumber": "1"}
        self.transport.on("GET", f"{THINGS}/1", fake_redfish.ok(whole))
        less = {
            "@odata.id": f"{THINGS}/1",
            "@odata.type": "#Thing.Thing",
            "Id": "1",
            "Name": "one",
        }
        for member in ({"@odata.id": f"{THINGS}/1"}, less):
            self.on(EXPANDED, member)
            snapshot = reader.Snapshot(self.reader)
            (path,) = snapshot.list_required_members(THINGS)
            self.assertEqual(whole, snapshot.resource(path))

    def test_a_resource_is_read_once_in_every_spelling_of_its_path(self) -> None:
        self.transport.on("GET", f"{THINGS}/1", fake_redfish.ok(self.one))
        for path in (f"{THINGS}/1", f"{THINGS}/1/", f"{THINGS}/%31", f"{THINGS}/2/../1"):
            self.assertEqual(self.one, self.snapshot.resource(path))
        self.assertEqual(1, self.snapshot.requests)

    def test_an_inner_collection_that_is_cut_is_requested(self) -> None:
        inner = f"{THINGS}/1/Parts"
        cut = fake_redfish.page(inner, f"{inner}/1", **{"Members@odata.count": 2})
        self.on(EXPANDED, {**self.one, "Parts": cut})
        self.on(f"{inner}?$expand=.", f"{inner}/1", f"{inner}/2")
        self.snapshot.list_required_members(THINGS)
        self.assertEqual([f"{inner}/1", f"{inner}/2"], self.snapshot.list_members(inner))

    def test_a_link_that_dangles_is_gone_and_any_other_error_is_not(self) -> None:
        for status, gone in ((404, True), (410, True), (400, False), (405, False), (500, False)):
            path = f"{THINGS}/{status}"
            self.transport.on("GET", path, fake_redfish.refusal(status))
            self.assertIsNone(self.snapshot.resource(path))
            self.assertEqual(gone, self.snapshot.is_settled(path))
            self.assertEqual(gone, path not in self.snapshot.unread)

    def test_a_collection_that_dangles_is_empty_unless_it_is_required(self) -> None:
        self.assertEqual([], self.snapshot.list_members(THINGS))
        self.assertRaises(errors.PodManagerFailed, self.snapshot.list_required_members, THINGS)

    def test_a_link_that_dangles_is_reported_once(self) -> None:
        log = self.useFixture(fixtures.FakeLogger())
        for _ in range(3):
            reader.Snapshot(self.reader).resource(f"{THINGS}/1")
        self.assertEqual(1, log.output.count("does not exist"))

    def test_an_entry_without_a_link_hides_no_other(self) -> None:
        self.on(THINGS, f"{THINGS}/1", {}, 7, None)
        self.assertEqual([f"{THINGS}/1"], self.snapshot.list_required_members(THINGS))
        self.assertTrue(self.snapshot.partial)
        self.assertIn(THINGS, self.snapshot.unread)


class TestExpandedBadly(testscenarios.WithScenarios, ReaderTestCase):
    """Services that offer $expand, and do something else: read without, both ways."""

    FOLLOWING = f"{THINGS}?page=2"
    PAGED = {**fake_redfish.page(THINGS, f"{THINGS}/1"), "Members@odata.nextLink": FOLLOWING}
    scenarios = [
        (name, {"answer": answer, "following": following})
        for name, answer, following in [
            ("no collection", fake_redfish.ok({"Name": "Things"}), fake_redfish.refusal(404)),
            ("cut", fake_redfish.ok({**PAGED, "Members@odata.count": 2}), fake_redfish.ok({})),
            ("a next page 404", fake_redfish.ok(PAGED), fake_redfish.refusal(404)),
            ("a next page 400", fake_redfish.ok(PAGED), fake_redfish.refusal(400)),
            ("a next page 501", fake_redfish.ok(PAGED), fake_redfish.refusal(501)),
            ("null", fake_redfish.ok(fake_redfish.page(THINGS, None)), fake_redfish.refusal(404)),
            ("404", fake_redfish.refusal(404), fake_redfish.refusal(404)),
        ]
    ]
    answer: Any
    following: Any

    def setUp(self) -> None:
        super().setUp()
        self.transport.on("GET", EXPANDED, self.answer)
        self.transport.on("GET", self.FOLLOWING, self.following)
        self.on(THINGS, f"{THINGS}/1", f"{THINGS}/2")

    def test_a_reader_reads_it_without(self) -> None:
        self.assertEqual([f"{THINGS}/1", f"{THINGS}/2"], self.walk())
        self.assertIsNone(self.reader.expansion.of(THINGS))

    def test_a_snapshot_reads_it_without(self) -> None:
        for number in (1, 2):
            self.transport.on("GET", f"{THINGS}/{number}", fake_redfish.ok({"Id": number}))
        snapshot = reader.Snapshot(self.reader)
        paths = snapshot.list_required_members(THINGS)
        self.assertEqual([{"Id": 1}, {"Id": 2}], [snapshot.resource(path) for path in paths])
