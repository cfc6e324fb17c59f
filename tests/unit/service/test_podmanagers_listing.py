# SPDX-License-Identifier: Apache-2.0

"""What a collection lists, and when it may be incomplete."""

from typing import Any

import testscenarios

from tests import base
from tests.unit.service import fake_redfish
from valence import errors
from valence.podmanagers.redfish import reader

THINGS = "/redfish/v1/Things"
ONE, TWO, THREE = (f"{THINGS}/{number}" for number in (1, 2, 3))
COUNT, NEXT = "Members@odata.count", "Members@odata.nextLink"


def page(*members: Any, count: Any = None, **more: Any) -> dict[str, Any]:
    """A page as a service may send it: without a count unless there is one."""
    links = [{"@odata.id": each} if isinstance(each, str) else each for each in members]
    return {"Members": links, **({} if count is None else {"Members@odata.count": count}), **more}


def pages(*bodies: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Path -> body of the pages of a collection, each with a link to the next."""
    paths = [THINGS, *(f"{THINGS}?$skip={number}" for number in range(1, len(bodies)))]
    links = [{NEXT: path} for path in paths[1:]]
    return {
        path: {**body, **link}
        for path, body, link in zip(paths, bodies, [*links, {}], strict=True)
    }


class ListingTestCase(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.transport = fake_redfish.Transport()
        self.reader = reader.Reader(fake_redfish.client(self.transport))

    def on(self, path: str, *answers: Any) -> None:
        canned = [fake_redfish.ok(each) if isinstance(each, dict) else each for each in answers]
        self.transport.on("GET", path, *canned)

    def listed(self) -> list[str]:
        listing = self.reader.listing(THINGS)
        listing.require_complete()
        return list(listing.paths)

    def asked(self, path: str = THINGS) -> int:
        return self.transport.asked.count(f"GET {path}")


class TestComplete(testscenarios.WithScenarios, ListingTestCase):
    """Shapes of collections from which absence may be concluded."""

    scenarios = [
        (name, {"bodies": bodies, "paths": paths})
        for name, bodies, paths in [
            ("no count", pages(page(ONE)), [ONE]),
            ("empty", pages(page(count=0)), []),
            ("null, counted as nothing", pages({"Members": None, COUNT: 0}), []),
            ("no Members, counted as nothing", pages({COUNT: "0"}), []),
            ("a count in a string", pages(page(ONE, count="1")), [ONE]),
            ("a count that is no number", pages(page(ONE, count="many")), [ONE]),
            ("a negative count", pages(page(ONE, count=-5)), [ONE]),
            ("a count of less than it lists", pages(page(ONE, TWO, count=1)), [ONE, TWO]),
            ("links as strings", pages({"Members": [ONE, TWO]}), [ONE, TWO]),
            ("members with an Id", pages(page({"Id": 1}, {"Id": "2"}, count=2)), [ONE, TWO]),
            ("null without a count", pages(page(ONE, None)), [ONE]),
            ("null that is not counted", pages(page(ONE, None, count=1)), [ONE]),
            ("twice, counted once", pages(page(ONE, ONE, count=1)), [ONE]),
            ("twice, counted twice", pages(page(ONE, ONE, TWO, count=3)), [ONE, TWO]),
            (
                "in several spellings",
                pages(page(ONE, f"{ONE}/", f"{THINGS}/%31", f"{THINGS}/./1", count=4)),
                [ONE],
            ),
            ("two pages", pages(page(ONE, count=2), page(TWO, count=2)), [ONE, TWO]),
            ("a count of each page", pages(page(ONE, count=1), page(TWO, count=1)), [ONE, TWO]),
            (
                "a next page as OData has it",
                {
                    THINGS: page(ONE, **{"@odata.nextLink": f"{THINGS}?p=2"}),
                    f"{THINGS}?p=2": page(TWO),
                },
                [ONE, TWO],
            ),
            ("an empty page", pages(page(ONE, count=1), page(count=1)), [ONE]),
            (
                "all twice, on pages",
                pages(page(ONE, ONE, TWO, count=4), page(TWO, count=4)),
                [ONE, TWO],
            ),
            (
                "a member that is repeated, and none that is missing",
                pages(page(ONE, TWO, count=3), page(TWO, THREE, count=3)),
                [ONE, TWO, THREE],
            ),
            ("names in another case", {THINGS: {"members": [{"@odata.id": ONE}]}}, [ONE]),
        ]
    ]
    bodies: dict[str, Any]
    paths: list[str]

    def test_each_member_is_listed_once(self) -> None:
        for path, body in self.bodies.items():
            self.on(path, body)
        self.assertEqual(self.paths, self.listed())
        self.assertEqual(1, self.asked())


class TestIncomplete(testscenarios.WithScenarios, ListingTestCase):
    """Shapes of collections from which nothing is concluded, with what they list."""

    MISSING = "counts 2 members, and lists 1"
    NO_LINK = "has 1 members without a link"
    scenarios = [
        (name, {"bodies": bodies, "paths": paths, "problem": problem})
        for name, bodies, paths, problem in [
            ("shorter than it counts", pages(page(ONE, count=2)), [ONE], MISSING),
            ("shorter by OData", pages(page(ONE) | {"@odata.count": 2}), [ONE], MISSING),
            ("shorter on pages", pages(page(ONE, count=3), page(TWO, count=3)), [ONE, TWO], "3"),
            ("null in the place of one", pages(page(ONE, None, count=2)), [ONE], NO_LINK),
            ("a number", pages(page(ONE, 7)), [ONE], NO_LINK),
            ("an object without a link", pages(page(ONE, {})), [ONE], NO_LINK),
            ("a link that is no URL", pages(page(ONE, "http://[::1")), [ONE], NO_LINK),
            ("a link to itself", pages(page(ONE, f"{THINGS}/")), [ONE], NO_LINK),
            (
                "a member in the place of another",
                pages(page(ONE, TWO, count=4), page(TWO, THREE, count=4)),
                [ONE, TWO, THREE],
                "counts 4 members, and lists 3",
            ),
            (
                "a count that changes",
                pages(page(ONE, count=3), page(TWO, count=2)),
                [ONE, TWO],
                "counts 2 members on one page, and 3 on another",
            ),
            ("a page that is missing", {THINGS: page(ONE, **{NEXT: "?p=2"})}, [ONE], "p=2"),
        ]
    ]
    bodies: dict[str, Any]
    paths: list[str]
    problem: str

    def test_nothing_is_concluded_from_it(self) -> None:
        for path, body in self.bodies.items():
            self.on(path, body)
        exc = self.assertRaises(errors.PodManagerFailed, self.listed)
        self.assertIn(self.problem, exc.detail)
        self.assertEqual(self.paths, self.reader.listing(THINGS).paths)


class TestNoCollection(testscenarios.WithScenarios, ListingTestCase):
    scenarios = [
        (str(answer)[:60], {"answer": answer})
        for answer in (
            {},
            {"Members": None},
            {"Members": None, COUNT: 1},
            {"Members": None, COUNT: None},
            {"Members": {"@odata.id": ONE}},
            {"Members": ONE, COUNT: 0},
            page(ONE, **{NEXT: THINGS}),
            page(ONE, **{NEXT: 7}),
            fake_redfish.refusal(400),
            fake_redfish.refusal(405),
            fake_redfish.refusal(500),
        )
    ]
    answer: Any

    def test_it_is_an_error_and_not_empty(self) -> None:
        self.on(THINGS, self.answer)
        self.assertRaises(errors.PodManagerFailed, self.listed)

    def test_a_next_page_that_is_none_is_an_error_and_not_the_end(self) -> None:
        self.on(THINGS, page(ONE, **{NEXT: f"{THINGS}?$skip=1"}))
        self.on(f"{THINGS}?$skip=1", self.answer)
        self.assertRaises(errors.PodManagerFailed, self.listed)


class TestReadAgain(ListingTestCase):
    def test_a_collection_that_was_short_for_a_moment_is_read_again(self) -> None:
        self.on(THINGS, page(ONE, count=2), page(ONE, TWO, count=2))
        self.assertEqual([ONE, TWO], self.listed())

    def test_a_member_that_was_removed_while_pages_were_read_loses_no_other(self) -> None:
        later = f"{THINGS}?$skip=1"
        self.on(THINGS, page(ONE, count=3, **{NEXT: later}), page(TWO, count=2, **{NEXT: later}))
        self.on(later, page(THREE, count=2))
        self.assertEqual([TWO, THREE], self.listed())

    def test_a_member_that_was_added_while_pages_were_read_is_read(self) -> None:
        later = f"{THINGS}?$skip=1"
        self.on(THINGS, page(ONE, count=2, **{NEXT: later}), page(ONE, count=3, **{NEXT: later}))
        self.on(later, page(TWO, THREE, count=3))
        self.assertEqual([ONE, TWO, THREE], self.listed())
        self.assertEqual(2, self.asked())

    def test_a_page_that_vanished_is_read_again_from_the_first(self) -> None:
        self.on(THINGS, page(ONE, count=2, **{NEXT: f"{THINGS}?$skip=1"}), page(ONE, count=1))
        self.assertEqual([ONE], self.listed())

    def test_it_is_read_a_few_times_and_not_for_ever(self) -> None:
        self.on(THINGS, page(ONE, count=2))
        self.assertRaises(errors.PodManagerFailed, self.listed)
        self.assertEqual(reader.READS, self.asked())

    def test_pages_that_repeat_the_same_members_end(self) -> None:
        def answer(number: int) -> dict[str, Any]:
            return page(ONE, TWO, **{NEXT: f"{THINGS}?p={number + 1}"})

        self.on(THINGS, answer(0))
        for number in range(1, 200):
            self.on(f"{THINGS}?p={number}", answer(number))
        exc = self.assertRaises(errors.PodManagerFailed, self.listed)
        self.assertIn("again and again", exc.detail)
