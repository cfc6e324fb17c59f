# SPDX-License-Identifier: Apache-2.0

"""What the main job comes to under each quirk: a step succeeds, unless the table says more.

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
ANY_FAULT = "*"


@dataclasses.dataclass(frozen=True)
class Expectation:
    """What happens under a quirk.

    :ivar refused: step -> the codes with which it may be refused; each may succeed as well.
    :ivar from_step: the step before which the quirk is switched on; it cannot be there from
        the start when nothing could be composed then.
    :ivar may_leave: whether a node that was lost may stay until the quirk is switched off,
        because it cannot be recognized until then.
    """

    refused: Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)
    from_step: str = "add"
    may_leave: bool = False


def _may_refuse(*steps: str, codes: Iterable[str] = (FAILED,)) -> dict[str, frozenset[str]]:
    return {step: frozenset(codes) for step in steps}


#: A node whose lost answer is not found by its Name is given back by an audit.
NAMELESS = Expectation(_may_refuse("lost"))

#: quirk -> what happens; of quirks that are not here every step succeeds.
EXPECTATIONS: Mapping[str, Expectation] = {
    "name-absent": NAMELESS,
    "name-constant": NAMELESS,
    "name-cut-15": NAMELESS,
    "name-cut-32": NAMELESS,
    # No listing is ever complete: nothing can be concluded from one.
    "count-too-large": Expectation(
        _may_refuse("refresh", "register", "lost", "killed", "release"), may_leave=True
    ),
    "listing-incomplete": Expectation(_may_refuse("refresh")),
    # Two facts of the machine contradict each other from the restart on.
    "system-uuid-reordered": Expectation(
        _may_refuse("reset", "boot", "register", "killed", "release", codes=(ANY_FAULT,))
    ),
    # What is dead cannot be read; it is released all the same.
    "system-500": Expectation(
        _may_refuse("reset", "boot", "register", "lost", codes=(ANY_FAULT,)), from_step="reset"
    ),
    "node-500": Expectation(
        _may_refuse("reset", "boot", "register", "lost", codes=(ANY_FAULT,)),
        from_step="reset",
        may_leave=True,
    ),
}
DEFAULT = Expectation()

#: Prefixes of the quirks that spoil the Name of a node, and the mark in its Description.
MARKS = ("name-", "description-")


def of(quirks: Iterable[str]) -> Expectation:
    """Return what happens under several quirks at once."""
    names = list(quirks)
    refused: dict[str, frozenset[str]] = {}
    start = STEPS[0]
    # Neither the Name nor the mark of the installation tells whose a node is.
    may_leave = all(any(name.startswith(word) for name in names) for word in MARKS)
    for name in names:
        expectation = EXPECTATIONS.get(name, DEFAULT)
        for step, codes in expectation.refused.items():
            refused[step] = refused.get(step, frozenset()) | codes
        start = max(start, expectation.from_step, key=STEPS.index)
        may_leave = may_leave or expectation.may_leave
    return Expectation(refused, start, may_leave)


def allows(expectation: Expectation, step: str, code: str | None) -> bool:
    """Return whether a step may end with a code; None: it succeeded."""
    codes = expectation.refused.get(step, frozenset())
    return code is None or code in codes or ANY_FAULT in codes
