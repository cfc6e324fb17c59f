# SPDX-License-Identifier: Apache-2.0

"""Which facts tell one pod manager from another, and what their comparison shows."""

import uuid as uuids

from tests import base
from valence.podmanagers.service_identity import compare
from valence.podmanagers.service_identity import Service
from valence.podmanagers.service_identity import System
from valence.podmanagers.service_identity import Verdict

ONE = "7a1b1bcd-7d1f-4b57-9b6e-3f1f0a1c2d3e"
TWO = "1cb30a11-0c4f-4d35-a2ad-5a7ad7b1f3c0"
ZEROS = "00000000-0000-0000-0000-000000000000"


def system(number: int, serial: str | None = None) -> System:
    """Return a system that only this number has."""
    return System.of(f"38947555-7742-3448-3784-{number:012}", serial or f"SN-77{number:04}")


def service(uuid: str | None, *numbers: int) -> Service:
    return Service(uuid, tuple(map(system, numbers)))


class TestVerdict(base.TestCase):
    def assertVerdict(self, verdict: Verdict, known: Service, observed: Service) -> None:
        self.assertEqual(verdict, compare(known, observed).verdict)

    def test_the_same_uuid_is_the_same_pod_manager(self) -> None:
        for observed in (service(ONE), service(ONE, 1), service(ONE, 2, 9, 10)):
            self.assertVerdict(Verdict.SAME, service(ONE, 1, 2), observed)
        self.assertVerdict(Verdict.SAME, service(ONE), service(ONE, 1))

    def test_a_uuid_is_the_same_in_any_spelling(self) -> None:
        for spelling in (
            ONE.upper(),
            f"{{{ONE}}}",
            f"urn:uuid:{ONE}",
            ONE.replace("-", ""),
            f" {ONE} ",
        ):
            self.assertVerdict(Verdict.SAME, service(ONE), Service(spelling))

    def test_a_uuid_is_the_same_in_the_other_byte_order(self) -> None:
        swapped = str(uuids.UUID(bytes=uuids.UUID(ONE).bytes_le))
        self.assertVerdict(Verdict.SAME, service(ONE), Service(swapped))
        known, observed = System.of(ONE, None), System.of(swapped, None)
        self.assertVerdict(Verdict.SAME, Service(None, (known,)), Service(None, (observed,)))
        self.assertFalse(known.contradicts(observed))

    def test_text_that_is_no_uuid_tells_apart_all_the_same(self) -> None:
        self.assertVerdict(Verdict.SAME, service("rack-12"), service("RACK-12"))
        self.assertVerdict(Verdict.OTHER, service("rack-12"), service("rack-13"))

    def test_a_copied_appliance_with_other_systems_is_another(self) -> None:
        self.assertVerdict(Verdict.OTHER, service(ONE, 1, 2), service(ONE, 3, 4))

    def test_the_same_systems_under_a_new_uuid_are_the_same_pod_manager(self) -> None:
        self.assertVerdict(Verdict.RENEWED, service(ONE, 1, 2, 3), service(TWO, 1, 2, 3))

    def test_one_that_starts_lists_only_some_of_its_systems_at_first(self) -> None:
        self.assertVerdict(Verdict.RENEWED, service(ONE, 1, 2, 3, 4), service(TWO, 4))

    def test_a_system_that_was_moved_to_another_does_not_make_it_the_same(self) -> None:
        for known in (service(ONE, 1), service(ONE, 1, 2, 3, 4)):
            self.assertVerdict(Verdict.OTHER, known, service(TWO, 1, 7, 8))
        self.assertVerdict(Verdict.OTHER, service(ONE, 1, 2), service(TWO, 2, 3))

    def test_another_uuid_with_other_systems_is_another(self) -> None:
        self.assertVerdict(Verdict.OTHER, service(ONE, 1, 2), service(TWO, 3, 4))

    def test_another_uuid_is_another_where_no_systems_are_known(self) -> None:
        self.assertVerdict(Verdict.OTHER, service(ONE), service(TWO, 3))
        self.assertVerdict(Verdict.OTHER, service(ONE), service(TWO))

    def test_without_uuids_the_systems_decide(self) -> None:
        for known, observed in ((None, None), (None, ONE), (ONE, None), (ZEROS, ONE)):
            self.assertVerdict(Verdict.SAME, service(known, 1, 2), service(observed, 2))
            self.assertVerdict(Verdict.OTHER, service(known, 1, 2), service(observed, 3))

    def test_nothing_is_concluded_while_the_known_facts_cannot_be_read(self) -> None:
        for known, observed in (
            (service(ONE, 1), service(TWO)),
            (service(ONE, 1), service(None)),
            (service(ONE), service(None, 1)),
            (service(None, 1), service(ONE)),
        ):
            self.assertVerdict(Verdict.UNREAD, known, observed)

    def test_nothing_is_known_of_one_without_facts(self) -> None:
        for observed in (service(None), service(ONE, 1)):
            self.assertVerdict(Verdict.UNKNOWN, service(ZEROS), observed)


class TestFacts(base.TestCase):
    def test_placeholders_are_no_facts(self) -> None:
        for text in (
            *("", "  ", "0", ZEROS, ZEROS.replace("0", "F"), "To Be Filled By O.E.M.", "N/A"),
            *("Not Specified", "Default string", "None", "System Serial Number", "0123456789"),
            *("unknown", "--", "03000200-0400-0500-0006-000700080009", "Default", "Empty"),
            *("00020003-0004-0005-0006-000700080009", "12345678-1234-5678-90AB-CDDEEFAABBCC"),
        ):
            self.assertEqual(System(), System.of(text, text), text)
            self.assertIsNone(Service(text).uuid)

    def test_what_several_systems_have_tells_none_of_them_apart(self) -> None:
        same = (System.of(ONE, "SN-1234"), System.of(ONE, "SN-1234"))
        self.assertEqual(
            Verdict.UNKNOWN, compare(Service(None, same), Service(None, same)).verdict
        )
        # Neither does it if only one side has it twice.
        for known, observed in ((same, same[:1]), (same[:1], same)):
            comparison = compare(Service(ONE, known), Service(TWO, observed))
            self.assertEqual(Verdict.OTHER, comparison.verdict)
            self.assertEqual((), comparison.agree)

    def test_the_other_facts_of_such_systems_count(self) -> None:
        known = Service(None, tuple(system(number, "SN-1234") for number in (1, 2)))
        observed = Service(None, tuple(system(number, "SN-1234") for number in (2, 1)))
        self.assertEqual(Verdict.SAME, compare(known, observed).verdict)

    def test_a_system_with_a_contradicting_fact_does_not_agree(self) -> None:
        known, observed = system(1, "SN-1234"), system(2, "SN-1234")
        comparison = compare(Service(None, (known,)), Service(None, (observed,)))
        self.assertEqual(Verdict.OTHER, comparison.verdict)

    def test_a_fact_that_only_one_side_has_contradicts_nothing(self) -> None:
        known = Service(None, (System.of(None, "SN-1234"),))
        observed = Service(None, (System.of(ONE, "sn-1234 "),))
        self.assertEqual(Verdict.SAME, compare(known, observed).verdict)

    def test_facts_are_compared_as_far_as_they_are_stored(self) -> None:
        long = "x1" * 60
        known = Service(long[:64], (System.of(None, long[:64]),))
        self.assertEqual(Verdict.SAME, compare(known, Service(long)).verdict)
        observed = Service(None, (System.of(None, long),))
        self.assertEqual(Verdict.SAME, compare(Service(None, known.systems), observed).verdict)

    def test_a_description_has_both_sides(self) -> None:
        text = compare(service(ONE, 1, 2), service(TWO, 3)).describe()
        for word in (ONE, TWO, "0 of the 1 systems", "000000000001", "000000000003"):
            self.assertIn(word, text)
        self.assertIn("no UUID", compare(service(None, 1), service(TWO, 1)).describe())
        self.assertIn("no systems are recorded", compare(service(ONE), service(TWO)).describe())
        self.assertIn("no system could be", compare(service(ONE, 1), service(TWO)).describe())
