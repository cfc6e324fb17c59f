# SPDX-License-Identifier: Apache-2.0

"""The composed node: its states, and the actions that each allows.

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


# action of a client -> the states that allow it
ALLOWED_IN: dict[str, frozenset[State]] = {
    "Assemble": frozenset({State.ALLOCATED}),
    "Reset": frozenset({State.ASSEMBLED, State.FAILED}),
    "AttachResource": frozenset({State.ASSEMBLED, State.FAILED}),
    "DetachResource": frozenset({State.ASSEMBLED, State.FAILED}),
    "Boot": frozenset({State.ALLOCATED, State.ASSEMBLING, State.ASSEMBLED, State.FAILED}),
}

# injected fault -> (whether the assembly ends, its last state)
ASSEMBLY_FAULTS: dict[str | None, tuple[bool, State]] = {
    None: (True, State.ASSEMBLED),
    "fail": (True, State.FAILED),
    "stuck": (False, State.ASSEMBLING),
}


@dataclasses.dataclass(eq=False, slots=True)
class ComposedNode:
    """A node and its assets: one system, and pooled ones.

    Nothing runs in the background: a transition that takes time records its end
    and its next state, and :attr:`state` compares that with the clock.
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
        """Return the current state; an absent asset makes an assembled node Failed."""
        if self._state is not self._next and self.clock() >= self._due:
            self._state = self._next
        if self._state is State.ASSEMBLED and not all(asset.present for asset in self.holds()):
            return State.FAILED
        return self._state

    def holds(self) -> list[hardware.Asset]:
        """Return all assets of the node: the system, its parts, the pooled assets."""
        return [self.system, *self.system.parts(), *self.attached]

    def start(self, state: State, end: State, seconds: float) -> None:
        """Enter a state that changes to ``end`` after some seconds."""
        self._state, self._next, self._due = state, end, self.clock() + seconds

    def check(self, action: str) -> None:
        """Check that the state allows an action.

        :raises errors.Conflict: it does not.
        """
        state = self.state
        if state not in ALLOWED_IN[action]:
            allowed = " or ".join(sorted(ALLOWED_IN[action]))
            raise errors.Conflict(
                f"{action} of node {self.id} needs it to be {allowed}, but it is {state}."
            )

    def assemble(self, seconds: float, fault: str | None = None) -> None:
        """Start the assembly, which ends in Assembled unless there is a fault."""
        self.check("Assemble")
        ends, end = ASSEMBLY_FAULTS[fault]
        self.start(State.ASSEMBLING, end, seconds if ends else math.inf)
