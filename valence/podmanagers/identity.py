# SPDX-License-Identifier: Apache-2.0

"""Who a machine is: the facts that tell one composed machine from another.

A path is an address, and anybody may write a Name: a machine is identified by several
facts together. Three kinds are distinguished:

- facts of the composition: its Name, its Description, its own UUID;
- facts of the hardware: UUID, serial number and MAC addresses of its system;
- addresses: the path of the node and that of its system, which a pod manager may
  renumber.

The hardware outlives the composition: the same system may be part of another client's
node today. So the hardware alone never identifies a node at another address.
"""

import dataclasses
import enum
from typing import Any

from valence import ownership
from valence.podmanagers import distinct
from valence.podmanagers import odata

COMPOSITION = frozenset({"name", "description", "redfish_uuid"})
HARDWARE = frozenset({"system_uuid", "serial_number", "macs"})
ADDRESSES = frozenset({"path", "system_path"})

#: How the facts are named in reports.
LABELS = {
    "path": "path",
    "name": "Name",
    "description": "Description",
    "redfish_uuid": "UUID of the node",
    "system_path": "path of its system",
    "system_uuid": "UUID of its system",
    "serial_number": "serial number of its system",
    "macs": "MAC addresses",
}

#: Characters that a pod manager must keep of a Name or a Description that it truncates:
#: ``valence-`` or ``[valence `` and six digits of a uuid.
SHORTEST = 15

#: What precedes the uuid of the node in a mark.
_NODE = "] [node "

#: Agreeing facts that identify a machine.
ENOUGH = 2


@dataclasses.dataclass(frozen=True)
class Facts:
    """The facts of one composed machine; None for one that is unknown or does not count.

    :ivar path: of the node, as its pod manager lists it.
    :ivar redfish_uuid: UUID of the node, where its pod manager gives it one of its own.
    :ivar macs: in lower case with colons.
    :ivar is_read: False for a member of a collection of which only the path is known.
    """

    path: str = ""
    name: str | None = None
    description: str | None = None
    redfish_uuid: str | None = None
    system_path: str | None = None
    system_uuid: str | None = None
    serial_number: str | None = None
    macs: tuple[str, ...] = ()
    is_read: bool = True

    def get(self, fact: str) -> Any:
        """Return a fact by its name; None: unknown."""
        return getattr(self, fact) or None

    @property
    def node_uuid(self) -> str | None:
        """The node of Valence that the Name or the mark names; None: neither names one."""
        marked = ownership.mark_from_description(self.description)
        return ownership.node_uuid_from_name(self.name) or (marked.node if marked else None)


class Verdict(enum.Enum):
    """What the comparison of two sets of facts shows."""

    SAME = "same"
    #: A different machine, or a different composition.
    OTHER = "other"
    #: Facts agree, and facts contradict.
    CONFLICT = "conflict"
    #: Too few facts agree, and none contradicts.
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How the facts of a row compare with those of a machine.

    :ivar agree: names of the facts that agree.
    :ivar contradict: names of those that do not.
    """

    verdict: Verdict
    expected: Facts
    observed: Facts
    agree: tuple[str, ...]
    contradict: tuple[str, ...]

    def describe(self) -> str:
        """Return the facts that agree and both sides of those that do not, as a sentence."""
        agreeing = ", ".join(LABELS[fact] for fact in self.agree) or "nothing"
        contradicting = ", ".join(
            f"{LABELS[fact]} (recorded {_shown(self.expected.get(fact))}, reported "
            f"{_shown(self.observed.get(fact))})"
            for fact in self.contradict
        )
        return f"{agreeing} agrees, {contradicting or 'nothing'} does not"

    def details(self) -> dict[str, Any]:
        """Return the same for programs: ``agree``, and fact -> recorded, reported."""
        return {
            "agree": list(self.agree),
            "contradict": {
                fact: {
                    "recorded": _plain(self.expected.get(fact)),
                    "reported": _plain(self.observed.get(fact)),
                }
                for fact in self.contradict
            },
        }


def compare(expected: Facts, observed: Facts, shared: frozenset[str] = frozenset()) -> Comparison:
    """Compare what a row records of a machine with what a pod manager reports of one.

    :param shared: facts that several machines of the pod manager have in common, such as
        a serial number that every system has: they do not count.
    """
    agree: list[str] = []
    contradict: list[str] = []
    for fact in LABELS:
        result = None if fact in shared else _agrees(fact, expected, observed)
        if result is not None:
            (agree if result else contradict).append(fact)
    if "macs" in contradict and {"system_uuid", "serial_number"} & {*agree}:
        contradict.remove("macs")  # the NICs of a system may be exchanged
    verdict = _verdict(expected, observed, set(agree), set(contradict))
    return Comparison(verdict, expected, observed, tuple(agree), tuple(contradict))


def kept(sent: str, reported: str | None) -> str:
    """Return how a pod manager keeps a Name or a mark that it was sent.

    ``whole``, ``part``, ``no``, or ``installation`` for a mark that was cut off before the
    node, so that all nodes of the installation have the same. What follows a mark does not
    matter.
    """
    text, mark = (reported or "").casefold(), sent.casefold()
    if text.startswith(mark):
        return "whole"
    whole = Facts(description=sent)
    if whole.node_uuid is None:  # a Name
        return "part" if _same_text(sent, text, is_mark=True) else "no"
    part = Facts(description=reported)
    if not _same_description(whole, part):
        return "no"
    return "part" if _shows_node(part) else "installation"


def _verdict(expected: Facts, observed: Facts, agree: set[str], contradict: set[str]) -> Verdict:
    names_another = _names_another(expected, observed, contradict)
    hardware_differs = bool(contradict & HARDWARE)
    hardware_agrees = not hardware_differs and bool(agree & {*HARDWARE, "system_path"})
    identifying = agree & COMPOSITION
    if not _is_own_text(expected, observed):
        identifying.discard("description")
    if identifying:
        if expected.node_uuid is None and not agree - {"name", "description"}:
            # Texts of an adopted node, which others may have chosen for many nodes.
            return Verdict.OTHER if hardware_differs else Verdict.UNKNOWN
        if hardware_differs or names_another:
            return Verdict.CONFLICT
        return Verdict.SAME if len(agree) >= ENOUGH else Verdict.UNKNOWN
    if "description" in agree and not names_another and not hardware_differs:
        # The mark of the installation alone: it takes a fact of the hardware besides.
        return Verdict.SAME if agree & HARDWARE else Verdict.UNKNOWN
    if contradict & COMPOSITION:
        if _is_renamed(expected, observed, agree, contradict):
            return Verdict.SAME
        return Verdict.CONFLICT if hardware_agrees else Verdict.OTHER
    if hardware_differs:
        return Verdict.CONFLICT if "path" in agree else Verdict.OTHER
    return Verdict.SAME if "path" in agree and agree & HARDWARE else Verdict.UNKNOWN


def _is_renamed(expected: Facts, observed: Facts, agree: set[str], contradict: set[str]) -> bool:
    """Return whether a node that Valence adopted was given another Name.

    Its Name was never Valence's, and it has no mark: its path and two facts of its system
    identify it. A node that Valence composed is not taken for a renamed one: where its pod
    manager keeps the mark, the mark identifies it.
    """
    is_adopted = not {expected.node_uuid, observed.node_uuid} - {None}
    return (
        is_adopted
        and contradict <= {"name", "description"}
        and "path" in agree
        and bool(agree & HARDWARE)
        and len(agree - {"path"}) >= ENOUGH
    )


def _names_another(expected: Facts, observed: Facts, contradict: set[str]) -> bool:
    """Return whether a machine has the Name, or the mark, of another node of Valence."""
    if "description" in contradict and ownership.mark_from_description(observed.description):
        return True
    named = ownership.node_uuid_from_name(observed.name)
    if named is None and ownership.is_part_of_name(observed.name):
        return "name" in contradict
    return named is not None and named != expected.node_uuid


def _is_own_text(expected: Facts, observed: Facts) -> bool:
    """Return whether a Description that agrees tells a node from others of Valence."""
    is_marked = ownership.mark_from_description(expected.description) is not None
    return _shows_node(observed) if is_marked else True


def _shows_node(facts: Facts) -> bool:
    """Return whether a mark contains enough of the uuid of its node to recognize it."""
    digits = (facts.description or "").casefold().partition(_NODE)[2]
    return len(digits) >= SHORTEST - len("[valence ")


def _agrees(fact: str, expected: Facts, observed: Facts) -> bool | None:
    """Return whether a fact agrees; None where one side does not have it."""
    recorded, reported = expected.get(fact), observed.get(fact)
    if fact == "description":
        return _same_description(expected, observed)
    if recorded is None or reported is None:
        return None
    if fact == "redfish_uuid" and not _is_own_uuid(expected, observed):
        return None
    if fact in ADDRESSES:
        # Another address contradicts nothing: a pod manager may renumber.
        return odata.same_path(recorded, reported) or None
    if fact == "macs":
        return _same_macs({*recorded}, {*reported})
    if fact == "name":
        return _same_name(recorded, reported)
    if fact in ("redfish_uuid", "system_uuid"):
        return distinct.canonical_uuid(recorded) == distinct.canonical_uuid(reported)
    return bool(recorded.casefold() == reported.casefold())


def _is_own_uuid(expected: Facts, observed: Facts) -> bool:
    """Return whether the UUID of a node is known to be no copy of its system's (RSD 2.x)."""
    systems = {expected.system_uuid, observed.system_uuid} - {None}
    return bool(systems) and not systems & {expected.redfish_uuid, observed.redfish_uuid}


def _same_macs(recorded: set[str], reported: set[str]) -> bool | None:
    """Return whether most MAC addresses agree; None if only some do.

    A USB interface between host and BMC has the same MAC address on many machines.
    """
    common = recorded & reported
    if not common:
        return False
    return 2 * len(common) > max(len(recorded), len(reported)) or None


def _same_description(expected: Facts, observed: Facts) -> bool | None:
    """Compare Descriptions by their marks, where there is one.

    A pod manager that kept the mark when the node was composed does not lose it by itself.
    """
    recorded, reported = expected.description, observed.description
    if recorded is None or not observed.is_read:
        return None
    mine, its = (ownership.mark_from_description(text) for text in (recorded, reported))
    if mine is None:
        return None if reported is None else recorded == reported
    if its is None:
        return reported is not None and _same_text(recorded, reported, is_mark=True)
    if its.installation != mine.installation:
        return False
    if its.node is None and _shows_node(observed):  # it is cut off within the uuid
        return _same_text(recorded, reported or "", is_mark=True)
    return its.node in (None, mine.node) or mine.node is None


def _same_name(recorded: str, reported: str) -> bool:
    """Compare Names: of one that Valence chose, the uuid of the node."""
    named = ownership.node_uuid_from_name(recorded)
    is_same = named is not None and ownership.node_uuid_from_name(reported) == named
    return is_same or _same_text(recorded, reported, is_mark=named is not None)


def _same_text(recorded: str, reported: str, is_mark: bool) -> bool:
    """Compare texts; of a mark a pod manager may change the case, or cut off the end."""
    if not is_mark:
        return recorded == reported
    whole, part = recorded.casefold(), reported.casefold().rstrip()
    return whole == part or (len(part) >= SHORTEST and whole.startswith(part))


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else repr(value)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
