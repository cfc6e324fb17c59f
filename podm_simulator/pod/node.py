# SPDX-License-Identifier: Apache-2.0

"""The composed node: its states, and what is allowed in each.

.. code-block:: text

    Allocating -> Allocated -> Assembling -> Assembled
                                        \\-> Failed
"""

from collections.abc import Callable
import dataclasses
import enum
import math

from podm_simulator.pod import errors
from podm_simulator.pod import hardware

Clock = Callable[[], float]


class State(enum.StrEnum):
    """``ComposedNodeState`` of the RSD schema."""

    ALLOCATING = "Allocating"
    ALLOCATED = "Allocated"
    ASSEMBLING = "Assembling"
    ASSEMBLED = "Assembled"
    FAILED = "Failed"


# What a person may do, and in which states.
ALLOWED_IN: dict[str, frozenset[State]] = {
    "Assemble": frozenset({State.ALLOCATED}),
    "Reset": frozenset({State.ASSEMBLED, State.FAILED}),
    "AttachResource": frozenset({State.ASSEMBLED, State.FAILED}),
    "DetachResource": frozenset({State.ASSEMBLED, State.FAILED}),
    "Boot": frozenset({State.ALLOCATED, State.ASSEMBLING, State.ASSEMBLED, State.FAILED}),
}

# How a fault that was asked for ends the assembly: (does it end at all, in what).
ASSEMBLY_FAULTS: dict[str | None, tuple[bool, State]] = {
    None: (True, State.ASSEMBLED),
    "fail": (True, State.FAILED),
    "stuck": (False, State.ASSEMBLING),
}


@dataclasses.dataclass(eq=False, slots=True)
class ComposedNode:
    """A node and what it holds: one system and pooled assets.

    Nothing runs in the background: a transition that takes time notes when it
    will be over and where it ends, and :attr:`state` looks at the clock.
    """

    id: str
    name: str
    description: str | None
    uuid: str
    system: hardware.System
    clock: Clock
    attached: list[hardware.Asset] = dataclasses.field(default_factory=list)
    asset_tag: str | None = None
    clear_tpm_on_delete: bool = True
    _state: State = State.ALLOCATING
    _next: State = State.ALLOCATED
    _due: float = 0.0

    @property
    def state(self) -> State:
        """Say the state now; an asset that is gone makes an assembled node Failed."""
        if self._state is not self._next and self.clock() >= self._due:
            self._state = self._next
        if self._state is State.ASSEMBLED and not all(asset.present for asset in self.holds()):
            return State.FAILED
        return self._state

    def holds(self) -> list[hardware.Asset]:
        """List all that the node has taken: the system, its parts, the pooled assets."""
        return [self.system, *self.system.parts(), *self.attached]

    def start(self, state: State, end: State, seconds: float) -> None:
        """Enter a state that becomes another in so many seconds."""
        self._state, self._next, self._due = state, end, self.clock() + seconds

    def check(self, action: str) -> None:
        """Refuse an action that the state does not allow.

        :raises errors.Conflict: it is not allowed now.
        """
        state = self.state
        if state not in ALLOWED_IN[action]:
            allowed = " or ".join(sorted(ALLOWED_IN[action]))
            raise errors.Conflict(
                f"{action} of node {self.id} needs it to be {allowed}, but it is {state}."
            )

    def assemble(self, seconds: float, fault: str | None = None) -> None:
        """Begin the assembly, which ends Assembled unless a fault says otherwise."""
        self.check("Assemble")
        ends, end = ASSEMBLY_FAULTS[fault]
        self.start(State.ASSEMBLING, end, seconds if ends else math.inf)
