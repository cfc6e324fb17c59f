# SPDX-License-Identifier: Apache-2.0

"""What the main job comes to under each quirk: a step succeeds, unless the table says more.

Under one quirk the table is exact: a step that it has as refused must not succeed either.

A step that is refused has touched nothing, and everything is released when the quirk is
switched off; :mod:`tests.quirks.job` checks both.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses

#: Steps of the main job, in order; see :class:`tests.quirks.job.Job`.
STEPS = (
    "add",
    "refresh",
    "compose",
    "read",
    "reset",
    "boot",
    "register",
    "unregister",
    "lost",
    "killed",
    "release",
)

FAILED = "valence.podmanager.failed"
CONFLICT = "valence.node.identity_conflict"

#: step -> the codes with which it is refused.
Refusals = Mapping[str, frozenset[str]]


@dataclasses.dataclass(frozen=True)
class Expectation:
    """What happens under a quirk.

    :ivar refused: steps that are refused, each with one of its codes.
    :ivar may_refuse: steps that may succeed as well.
    :ivar from_step: the step before which the quirk is switched on; it cannot be there from
        the start when nothing could be composed then.
    :ivar may_leave: whether a node that was lost may stay until the quirk is switched off,
        because it cannot be recognized until then.
    """

    refused: Refusals = dataclasses.field(default_factory=dict)
    may_refuse: Refusals = dataclasses.field(default_factory=dict)
    from_step: str = "add"
    may_leave: bool = False


def _steps(*steps: str, code: str = FAILED) -> Refusals:
    return {step: frozenset({code}) for step in steps}


#: quirk -> what happens; of quirks that are not here every step succeeds.
EXPECTATIONS: Mapping[str, Expectation] = {
    # No listing is ever complete: nothing can be concluded from one.
    "count-too-large": Expectation(
        _steps("refresh", "register", "lost", "release"), may_leave=True
    ),
    # Whether the third reading is one of these depends on the audits before.
    "listing-incomplete": Expectation(may_refuse=_steps("refresh")),
    # What is dead cannot be read; it is released all the same.
    "system-500": Expectation(_steps("register"), from_step="reset"),
    "node-500": Expectation(_steps("reset", "boot", "register", "lost"), from_step="reset"),
}
DEFAULT = Expectation()

#: Prefixes of the quirks that spoil the Name of a node, and the mark in its Description.
MARKS = ("name-", "description-")


#: What happens when neither of them shows which node it is: one whose answer was lost is
#: not found, and it is given back when it can be recognized.
UNMARKED = Expectation(may_refuse={"lost": frozenset({FAILED, CONFLICT})}, may_leave=True)

#: Quirks under which no count shows that an empty link is no member.
UNCOUNTED = frozenset({"count-of-page", "count-absent"})

#: Quirks under which a page of a collection has one member.
PAGED = frozenset({"pages", "next-link-absolute", "next-link-query"})


def of(quirks: Iterable[str]) -> Expectation:
    """Return what happens under one quirk, or under several at once.

    What is refused under one of several need not be: another may prevent it.
    """
    names = list(quirks)
    if len(names) == 1:
        return EXPECTATIONS.get(names[0], DEFAULT)
    parts = [EXPECTATIONS.get(name, DEFAULT) for name in names]
    if all(any(name.startswith(word) for name in names) for word in MARKS):
        parts.append(UNMARKED)
    if "member-empty" in names and _is_uncounted({*names}):  # the empty link may be a member
        parts.append(EXPECTATIONS["count-too-large"])
    codes: dict[str, frozenset[str]] = {}
    for part in parts:
        for step, more in (*part.refused.items(), *part.may_refuse.items()):
            codes[step] = codes.get(step, frozenset()) | more
    start = max((part.from_step for part in parts), key=STEPS.index, default=STEPS[0])
    return Expectation({}, codes, start, any(part.may_leave for part in parts))


def _is_uncounted(names: set[str]) -> bool:
    """Return whether no count shows which members of a collection are missing.

    A member that is repeated on another page may have taken the place of one that is missing.
    """
    return bool(UNCOUNTED & names) or ("members-twice" in names and bool(PAGED & names))


def allows(expectation: Expectation, step: str, code: str | None) -> bool:
    """Return whether a step may end with a code; None: it succeeded."""
    refused = expectation.refused.get(step, frozenset())
    if code is None:
        return not refused
    return code in refused | expectation.may_refuse.get(step, frozenset())
