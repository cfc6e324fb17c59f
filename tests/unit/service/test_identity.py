# SPDX-License-Identifier: Apache-2.0

"""Which facts identify a machine, and which do not."""

import dataclasses
from typing import Any
import unittest

import hypothesis
from hypothesis import strategies as st
import testscenarios

from valence import ownership
from valence.podmanagers import identity
from valence.podmanagers.identity import Facts
from valence.podmanagers.identity import Verdict

NODE = "77777777-7777-4777-8777-777777777777"
OTHER_NODE = "88888888-8888-4888-8888-888888888888"
OURS = "11111111-1111-4111-8111-111111111111"
FOREIGN = "99999999-9999-4999-8999-999999999999"

NAME = ownership.node_name(NODE)
MARK = ownership.description(OURS, NODE)
OTHER_NAME = ownership.node_name(OTHER_NODE)
SWAPPED = "aaaaaaaa-0000-0040-8000-000000000001"
HARDWARE: dict[str, Any] = {
    "system_path": "/redfish/v1/Systems/1",
    "system_uuid": "aaaaaaaa-0000-4000-8000-000000000001",
    "serial_number": "SN1",
    "macs": ("52:54:00:00:00:01", "52:54:00:00:00:02"),
}
ELSEWHERE: dict[str, Any] = {
    "system_path": "/redfish/v1/Systems/2",
    "system_uuid": "aaaaaaaa-0000-4000-8000-000000000002",
    "serial_number": "SN2",
    "macs": ("52:54:00:00:00:03",),
}
NO_HARDWARE = dict.fromkeys(HARDWARE)
COMPOSED = Facts("/redfish/v1/Nodes/1", NAME, MARK, "eeeeeeee-0000-4000-8000-000000000001")
COMPOSED = dataclasses.replace(COMPOSED, **HARDWARE)
#: On a pod manager that keeps neither Name nor Description.
BARE = dataclasses.replace(COMPOSED, name=None, description=None, redfish_uuid=None)
ADOPTED = dataclasses.replace(COMPOSED, name="db", description="hers", redfish_uuid=None)
MOVED = "/redfish/v1/Nodes/77"
SAME, OTHER, CONFLICT, UNKNOWN = Verdict.SAME, Verdict.OTHER, Verdict.CONFLICT, Verdict.UNKNOWN

STRANGER: dict[str, Any] = {
    "name": "a database",
    "description": "of another client",
    "redfish_uuid": "eeeeeeee-0000-4000-8000-000000000002",
}
ANOTHER_ROW: dict[str, Any] = {
    "name": ownership.node_name(OTHER_NODE),
    "description": ownership.description(OURS, OTHER_NODE),
    "redfish_uuid": STRANGER["redfish_uuid"],
}
#: The UUID of a node is that of its system.
COPY = dataclasses.replace(COMPOSED, redfish_uuid=COMPOSED.system_uuid)

#: what it is, the facts of the row, what its pod manager reports instead, the verdict
TABLE: list[tuple[str, Facts, dict[str, Any], Verdict]] = [
    ("unchanged", COMPOSED, {}, SAME),
    ("at another path", COMPOSED, {"path": MOVED}, SAME),
    ("its system at another path", COMPOSED, {"system_path": "/redfish/v1/Systems/5"}, SAME),
    ("all paths changed", COMPOSED, {"path": MOVED, "system_path": "/Systems/5"}, SAME),
    ("a path that is spelled otherwise", COMPOSED, {"path": "/redfish/v1/Nodes/%31/"}, SAME),
    ("Name in upper case", COMPOSED, {"name": NAME.upper()}, SAME),
    ("Name cut to 15 characters", COMPOSED, {"name": NAME[:15], "path": MOVED}, SAME),
    ("Name cut to 14 characters", BARE, {"name": NAME[:14], **NO_HARDWARE}, UNKNOWN),
    ("renamed", COMPOSED, {"name": "web server", "path": MOVED}, SAME),
    ("renamed to the Name of another row", COMPOSED, {"name": ANOTHER_ROW["name"]}, CONFLICT),
    ("renamed to a cut Name", COMPOSED, {"name": ANOTHER_ROW["name"][:20]}, CONFLICT),
    ("mark of another installation", COMPOSED, {"description": f"[valence {FOREIGN}]"}, CONFLICT),
    ("mark of another node", COMPOSED, {"description": ANOTHER_ROW["description"]}, CONFLICT),
    ("another Description", COMPOSED, {"description": "web", "path": MOVED}, SAME),
    ("more after the mark", COMPOSED, {"description": f"{MARK} web", "name": None}, SAME),
    ("dead system", COMPOSED, {**NO_HARDWARE}, SAME),
    ("dead system, at another path", COMPOSED, {**NO_HARDWARE, "path": MOVED}, SAME),
    ("on another system", COMPOSED, {**ELSEWHERE}, CONFLICT),
    ("on another system and path", COMPOSED, {**ELSEWHERE, "path": MOVED}, CONFLICT),
    ("another serial number alone", COMPOSED, {"serial_number": "SN2"}, CONFLICT),
    ("UUID in the other byte order", COMPOSED, {"system_uuid": SWAPPED}, SAME),
    ("Name with a number", COMPOSED, {"name": f"{NAME}-1", "description": None}, SAME),
    ("Name of another row with a number", COMPOSED, {"name": f"{OTHER_NAME}-1"}, CONFLICT),
    ("exchanged NICs", COMPOSED, {"macs": ELSEWHERE["macs"]}, SAME),
    ("stranger at its path", COMPOSED, {**STRANGER, **ELSEWHERE}, OTHER),
    ("stranger on its system", COMPOSED, {**STRANGER}, CONFLICT),
    ("stranger on its system, elsewhere", COMPOSED, {**STRANGER, "path": MOVED}, CONFLICT),
    ("stranger, dead system", COMPOSED, {**STRANGER, **NO_HARDWARE}, OTHER),
    ("another row at its path", COMPOSED, {**ANOTHER_ROW, **ELSEWHERE}, OTHER),
    ("another row, dead system", COMPOSED, {**ANOTHER_ROW, **NO_HARDWARE}, OTHER),
    ("another row on its system", COMPOSED, {**ANOTHER_ROW}, CONFLICT),
    (
        "another row whose texts are cut, dead system",
        dataclasses.replace(COMPOSED, redfish_uuid=None),
        {
            **NO_HARDWARE,
            "name": ANOTHER_ROW["name"][:32],
            "description": ANOTHER_ROW["description"][:32],
        },
        OTHER,
    ),
    (
        "stranger with the copied UUID",
        COPY,
        {**STRANGER, "redfish_uuid": COPY.system_uuid},
        CONFLICT,
    ),
    (
        "stranger with the copied UUID, dead system",
        COPY,
        {**STRANGER, "redfish_uuid": COPY.system_uuid, "system_uuid": None, "serial_number": None},
        CONFLICT,
    ),
    ("mark cut before the node", COMPOSED, {"name": None, "description": MARK[:40]}, SAME),
    (
        "mark cut before the node, dead system",
        COMPOSED,
        {"name": None, "description": MARK[:40], "redfish_uuid": None, **NO_HARDWARE},
        UNKNOWN,
    ),
    (
        "mark cut before the node, on another system",
        COMPOSED,
        {"name": None, "description": MARK[:40], "redfish_uuid": None, **ELSEWHERE},
        CONFLICT,
    ),
    (
        "mark cut before the node, elsewhere on another system",
        COMPOSED,
        {"path": MOVED, "name": None, "description": MARK[:40], "redfish_uuid": None, **ELSEWHERE},
        OTHER,
    ),
    (
        "mark without a node, dead system",
        COMPOSED,
        {
            "name": None,
            "description": f"[valence {OURS}] web",
            "redfish_uuid": None,
            **NO_HARDWARE,
        },
        UNKNOWN,
    ),
    (
        "mark cut within the uuid of the node",
        COMPOSED,
        {"name": None, "description": MARK[:-8], "redfish_uuid": None, **NO_HARDWARE},
        SAME,
    ),
    (
        "mark cut within the uuid of another node",
        COMPOSED,
        {
            "name": None,
            "description": ANOTHER_ROW["description"][:-8],
            "redfish_uuid": None,
            **NO_HARDWARE,
        },
        OTHER,
    ),
    ("no texts", BARE, {}, SAME),
    ("no texts, at another path", BARE, {"path": MOVED}, UNKNOWN),
    ("no texts, dead system", BARE, {**NO_HARDWARE}, UNKNOWN),
    ("no texts, another system", BARE, {**ELSEWHERE}, CONFLICT),
    ("no texts, elsewhere, another system", BARE, {**ELSEWHERE, "path": MOVED}, OTHER),
    (
        "no texts, and a MAC that many machines have",
        dataclasses.replace(BARE, system_uuid=None, serial_number=None),
        {"macs": (HARDWARE["macs"][0], "52:54:00:00:00:09")},
        UNKNOWN,
    ),
    ("adopted", ADOPTED, {}, SAME),
    ("adopted, at another path", ADOPTED, {"path": MOVED}, SAME),
    ("adopted and renamed", ADOPTED, {"name": "cache"}, SAME),
    (
        "adopted, renamed and moved",
        ADOPTED,
        {"name": "x", "description": "y", "path": MOVED},
        CONFLICT,
    ),
    ("adopted, like all others", ADOPTED, {"path": MOVED, **ELSEWHERE}, OTHER),
    ("adopted, like all others, dead system", ADOPTED, {"path": MOVED, **NO_HARDWARE}, UNKNOWN),
]


class TestCompare(testscenarios.WithScenarios, unittest.TestCase):
    scenarios = [
        (what, {"expected": expected, "changes": changes, "verdict": verdict})
        for what, expected, changes, verdict in TABLE
    ]
    expected: Facts
    changes: dict[str, Any]
    verdict: Verdict

    def test_the_facts_decide(self) -> None:
        changes = {**self.changes}
        if "macs" in changes:
            changes["macs"] = changes["macs"] or ()
        observed = dataclasses.replace(self.expected, **changes)
        comparison = identity.compare(self.expected, observed)
        self.assertEqual(self.verdict, comparison.verdict, comparison.describe())


class TestShared(unittest.TestCase):
    def test_a_serial_number_of_all_systems_identifies_nothing(self) -> None:
        expected = dataclasses.replace(BARE, system_uuid=None, macs=())
        shared = frozenset({"serial_number"})
        self.assertIs(SAME, identity.compare(expected, expected).verdict)
        self.assertIs(UNKNOWN, identity.compare(expected, expected, shared).verdict)

    def test_and_contradicts_nothing(self) -> None:
        observed = dataclasses.replace(COMPOSED, serial_number="SN2")
        shared = frozenset({"serial_number"})
        self.assertIs(SAME, identity.compare(COMPOSED, observed, shared).verdict)


class TestKept(unittest.TestCase):
    def test_a_mark_that_is_cut_before_the_node_is_that_of_the_installation(self) -> None:
        table = {
            MARK: "whole",
            f"{MARK} web": "whole",
            MARK.upper(): "whole",
            MARK[:-4]: "part",
            MARK[:52]: "installation",
            MARK[:32]: "installation",
            f"[valence {OURS}] web": "installation",
            MARK[:14]: "no",
            "web": "no",
            None: "no",
        }
        self.assertEqual(table, {text: identity.kept(MARK, text) for text in table})

    def test_a_name(self) -> None:
        table = {NAME: "whole", NAME[:15]: "part", NAME[:14]: "no", "web": "no", None: "no"}
        self.assertEqual(table, {text: identity.kept(NAME, text) for text in table})


def cut(text: str) -> st.SearchStrategy[str | None]:
    lengths = st.integers(0, len(text)).map(lambda length: text[:length] or None)
    return st.sampled_from([text, text.upper(), None]) | lengths


def texts(node: str) -> dict[str, st.SearchStrategy[str | None]]:
    other = st.sampled_from([None, "", "web", f"[valence {OURS}]", f"[valence {FOREIGN}] x"])
    return {
        "name": cut(ownership.node_name(node)) | other,
        "description": cut(ownership.description(OURS, node)) | other,
    }


FACTS = st.sampled_from([NODE, OTHER_NODE]).flatmap(
    lambda node: st.builds(
        Facts,
        path=st.sampled_from(["/redfish/v1/Nodes/1", MOVED]),
        redfish_uuid=st.sampled_from([None, "e1", "e2", "s1", "s2"]),
        system_path=st.sampled_from([None, "/Systems/1", "/Systems/2"]),
        system_uuid=st.sampled_from([None, "s1", "s2"]),
        serial_number=st.sampled_from([None, "SN1", "SN2"]),
        macs=st.sampled_from([(), ("a", "b"), ("a", "c"), ("c",)]),
        is_read=st.booleans(),
        **texts(node),
    )
)
SHARED = st.frozensets(st.sampled_from(["system_uuid", "serial_number", "description"]))


class TestAnyFacts(unittest.TestCase):
    @hypothesis.given(FACTS, FACTS, SHARED)
    @hypothesis.settings(max_examples=400, deadline=None, derandomize=True)
    def test_no_machine_is_identified_on_a_guess(
        self, expected: Facts, observed: Facts, shared: frozenset[str]
    ) -> None:
        result = identity.compare(expected, observed, shared)
        if result.verdict is Verdict.SAME:
            self.assertGreaterEqual(len(result.agree), identity.ENOUGH)
            self.assertEqual(set(), identity.HARDWARE & {*result.contradict})
            self.assertTrue({*result.agree} - identity.ADDRESSES)
            self.assertFalse(shared & {*result.agree})

    @hypothesis.given(FACTS, texts(OTHER_NODE)["name"], texts(OTHER_NODE)["description"])
    @hypothesis.settings(max_examples=400, deadline=None, derandomize=True)
    def test_no_other_row_on_other_hardware_is_identified(
        self, reported: Facts, name: str | None, description: str | None
    ) -> None:
        """However the texts of the other are cut, and at whatever path it is."""
        observed = dataclasses.replace(
            reported, name=name, description=description, **ELSEWHERE, redfish_uuid=None
        )
        dead = dataclasses.replace(observed, **{**NO_HARDWARE, "macs": ()})
        for facts in (observed, dead):
            self.assertIsNot(SAME, identity.compare(COMPOSED, facts).verdict)
