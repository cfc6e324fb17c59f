# SPDX-License-Identifier: Apache-2.0

"""What a seed determines: quirks that combine, deaths of conductors, faults of requests."""

from collections.abc import Mapping
import dataclasses
import random
from typing import Any

from podm_simulator.quirks import registry
from tests.crash import hook
from tests.crash import schedule
from tests.quirks import expectations


@dataclasses.dataclass(frozen=True)
class Draw:
    """Everything that a seed determines.

    :ivar lives: the strikes of each conductor, in turn.
    :ivar armed_at: the step before which the first of them is armed.
    :ivar faults: of the pod manager, besides its quirks.
    """

    seed: int
    quirks: tuple[str, ...]
    lives: tuple[tuple[hook.Strike, ...], ...] = ()
    armed_at: str = expectations.STEPS[0]
    faults: tuple[Mapping[str, Any], ...] = ()

    def __str__(self) -> str:
        lines = [f"seed {self.seed}: {', '.join(self.quirks)}"]
        for number, strikes in enumerate(self.lives):
            text = "; ".join(f"{s.act} {s.phase} event {s.number}" for s in strikes)
            begin = "" if number else f" from {self.armed_at} on"
            lines.append(f"  conductor {number}{begin}: {text}")
        lines += [f"  fault: {fault}" for fault in self.faults]
        return "\n".join(lines)


def draw(seed: int) -> Draw:
    """Return what a seed determines: the same every time."""
    rng = random.Random(f"quirks {seed}")
    quirks = _quirks(rng, rng.choice((2, 2, 3, 3, 4, 5)))
    lives = tuple(
        schedule.draw_life(rng, "service")[0] for _ in range(rng.choice((0, 0, 1, 1, 1, 2)))
    )
    faults = tuple(
        schedule.draw_fault(rng, ("podm",)).action for _ in range(rng.choice((0, 0, 0, 1, 2)))
    )
    return Draw(seed, quirks, lives, rng.choice(expectations.STEPS), faults)


def _quirks(rng: random.Random, number: int) -> tuple[str, ...]:
    """Return names of quirks of which none excludes another."""
    names: dict[str, str] = {}
    for quirk in rng.sample(list(registry.ALL.values()), len(registry.ALL)):
        names.setdefault(quirk.group or quirk.name, quirk.name)
        if len(names) == number:
            break
    return tuple(names.values())
