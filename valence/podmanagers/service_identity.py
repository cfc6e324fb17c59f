# SPDX-License-Identifier: Apache-2.0

"""Which pod manager answers: the facts that tell one Redfish service from another.

An address is no identity. A pod manager is known by the UUID of its service root (DSP0268,
ServiceRoot), which some implementations make again at each start and others leave out, and
by the UUIDs and serial numbers of its systems. Paths are no facts: they are alike on
every pod manager.

A fact that does not tell apart does not count: one that is empty, a placeholder of a
manufacturer, or the same on several systems.
"""

import collections
from collections.abc import Collection
from collections.abc import Iterable
import dataclasses
import enum

from valence.podmanagers import distinct

#: Characters of a fact that are stored, and compared.
LENGTH = 64

#: Systems that a description names.
MAX_NAMED = 3


@dataclasses.dataclass(frozen=True)
class System:
    """What tells a system from another, normalized; None: it has no such fact."""

    uuid: str | None = None
    serial: str | None = None

    @classmethod
    def of(cls, uuid: str | None, serial: str | None) -> "System":
        """Return the facts of a system that reports a UUID and a serial number."""
        return cls(normal_uuid(uuid), _normal(serial))

    def contradicts(self, other: "System") -> bool:
        """Return whether a fact that both systems have differs."""
        facts, others = dict(_facts(self)), dict(_facts(other))
        return any(facts[kind] != others[kind] for kind in facts.keys() & others.keys())


@dataclasses.dataclass(frozen=True)
class Service:
    """What tells a pod manager from another.

    :ivar uuid: of its service root, as it was reported; None: it has none that tells it
        from another.
    :ivar systems: its systems, or some of them; empty: it has none, or none was read.
    """

    uuid: str | None = None
    systems: tuple[System, ...] = ()

    def __post_init__(self) -> None:
        if normal_uuid(self.uuid) is None:
            object.__setattr__(self, "uuid", None)
        elif self.uuid is not None:
            object.__setattr__(self, "uuid", self.uuid.strip()[:LENGTH])

    def has_uuid_of(self, other: "Service") -> bool:
        """Return whether both have the same UUID, in whatever spelling."""
        if self.uuid is None or other.uuid is None:
            return False
        return distinct.canonical_uuid(self.uuid) == distinct.canonical_uuid(other.uuid)


class Verdict(enum.Enum):
    """What the comparison of two services shows."""

    SAME = "same"
    #: The same systems under a new UUID.
    RENEWED = "renewed"
    OTHER = "other"
    #: What was known tells it apart, and none of that could be read now.
    UNREAD = "unread"
    #: Nothing that tells it apart was known.
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How what is known of a pod manager compares with the service that answers now.

    :ivar agree: the systems of both.
    :ivar contradict: the systems of the service that the pod manager does not have.
    :ivar recorded: the known systems that tell it apart.
    """

    verdict: Verdict
    known: Service
    observed: Service
    agree: tuple[System, ...] = ()
    contradict: tuple[System, ...] = ()
    recorded: tuple[System, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether the service is certainly the pod manager."""
        return self.verdict in (Verdict.SAME, Verdict.RENEWED)

    @property
    def has_no_system(self) -> bool:
        """Whether the pod manager has known systems, and the service has none of them."""
        return bool(self.recorded) and not self.agree

    def describe(self) -> str:
        """Return both sides, as a sentence."""
        uuids = f"its service root has {_shown(self.observed)} (recorded: {_shown(self.known)})"
        compared = len(self.agree) + len(self.contradict)
        if not self.recorded:
            return f"{uuids}, and no systems are recorded that tell it apart"
        if not compared:
            return f"{uuids}, and no system could be read that tells it apart"
        systems = f"{len(self.agree)} of the {compared} systems that were compared are recorded"
        if not self.contradict:
            return f"{uuids}, and {systems}"
        return (
            f"{uuids}, and {systems}, not {_names(self.contradict)} (recorded: "
            f"{_names(self.recorded)})"
        )


def compare(known: Service, observed: Service) -> Comparison:
    """Compare what is known of a pod manager with the service that answers now.

    - With the same UUID it is another only if no system agrees: a copied image of a
      virtual appliance has the UUID of its origin.
    - With another UUID, or without one on either side, it is the same if most of the systems
      that were read are known: a pod manager that starts lists only some of them at first,
      and a system may be moved from one pod manager to another.
    - With another UUID and no known systems it is another: nothing else is known.

    :param observed: with its systems, unless the UUID is that of the known one.
    """
    shared = _shared(known.systems) | _shared(observed.systems)
    recorded = _telling(known.systems, shared)
    reported = _telling(observed.systems, shared)
    agree, contradict = _match(recorded, reported) if recorded else ([], [])
    verdict = _verdict(known, observed, bool(recorded), len(agree), len(contradict))
    return Comparison(verdict, known, observed, tuple(agree), tuple(contradict), tuple(recorded))


def normal_uuid(value: str | None) -> str | None:
    """Return a UUID in one spelling; None for one that tells nothing apart.

    What is no UUID, and stands in its place, tells apart all the same.
    """
    return distinct.uuid((value or "").strip()[:LENGTH])


def _normal(value: str | None) -> str | None:
    text = distinct.serial((value or "").strip()[:LENGTH])
    return text and text.casefold()


def _verdict(
    known: Service, observed: Service, has_known_systems: bool, agree: int, contradict: int
) -> Verdict:
    are_systems_comparable = agree + contradict > 0
    if known.has_uuid_of(observed):
        is_copy = are_systems_comparable and not agree
        return Verdict.OTHER if is_copy else Verdict.SAME
    if are_systems_comparable:
        if agree <= contradict:
            return Verdict.OTHER
        is_renewed = known.uuid is not None and observed.uuid is not None
        return Verdict.RENEWED if is_renewed else Verdict.SAME
    if known.uuid is None and not has_known_systems:
        return Verdict.UNKNOWN
    if known.uuid is not None and observed.uuid is not None and not has_known_systems:
        return Verdict.OTHER
    return Verdict.UNREAD


def _match(
    recorded: Collection[System], reported: Iterable[System]
) -> tuple[list[System], list[System]]:
    """Return which reported systems are recorded ones, and which are not."""
    by_fact = collections.defaultdict(list)
    for system in recorded:
        for fact in _facts(system):
            by_fact[fact].append(system)
    agree: list[System] = []
    contradict: list[System] = []
    for system in reported:
        candidates = [match for fact in _facts(system) for match in by_fact.get(fact, ())]
        is_known = any(not system.contradicts(candidate) for candidate in candidates)
        (agree if is_known else contradict).append(system)
    return agree, contradict


def _shared(systems: Iterable[System]) -> set[tuple[str, str]]:
    """Return the facts that several systems have: they tell nothing apart."""
    counts = collections.Counter(fact for system in systems for fact in _facts(system))
    return {fact for fact, count in counts.items() if count > 1}


def _telling(systems: Iterable[System], shared: Collection[tuple[str, str]]) -> list[System]:
    """Return the systems without shared facts, and without those that have no others."""
    result = []
    for system in systems:
        kinds = [kind for kind, fact in _facts(system) if (kind, fact) not in shared]
        if kinds:
            result.append(System(**{kind: getattr(system, kind) for kind in kinds}))
    return result


def _facts(system: System) -> list[tuple[str, str]]:
    """Return the kind of each fact and what it is compared by: a UUID by both byte orders."""
    uuid = system.uuid and distinct.canonical_uuid(system.uuid)
    facts = {"uuid": uuid, "serial": system.serial}
    return [(kind, fact) for kind, fact in facts.items() if fact is not None]


def _shown(service: Service) -> str:
    return f"the UUID {service.uuid}" if service.uuid else "no UUID"


def _names(systems: Collection[System]) -> str:
    names = [system.uuid or f"serial number {system.serial}" for system in systems]
    return ", ".join(names[:MAX_NAMED]) + (", ..." if len(names) > MAX_NAMED else "")
