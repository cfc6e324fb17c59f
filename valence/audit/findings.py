# SPDX-License-Identifier: Apache-2.0

"""Something that an audit has found, and what becomes of it."""

from collections.abc import Callable
import dataclasses

from oslo_config import cfg

from valence import errors
from valence_conductor.strays import Stray

#: Why something is left alone that bears a mark of Valence, but not whose.
UNMARKED = "it does not say which installation made it"


def leave() -> None:
    """Do nothing about it."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that no row owns.

    :ivar key: tells it from everything else, at every audit the same.
    :ivar obstacle: why it is left alone; None when it may be given back.
    :ivar give_back: does that: one change that is asked for, never a long wait.
    :ivar notice: notes in a row what was found, whether anything is given back or not.
    """

    key: tuple[str, ...]
    kind: str
    what: str
    obstacle: str | None
    give_back: Callable[[], None]
    notice: Callable[[], None] = leave

    def settle(self, conf: cfg.ConfigOpts) -> Stray:
        """Give it back if it may be, and report it."""
        self.notice()
        obstacle = self.obstacle
        if obstacle is None and not conf.nodes.give_back_strays:
            obstacle = "[nodes] give_back_strays is off"
        if obstacle is None:
            try:
                self.give_back()
            except errors.ValenceError as exc:
                words = " ".join(filter(None, (exc.detail, exc.own_words)))
                obstacle = f"it could not be given back yet: {words}"
        what = self.what if obstacle is None else f"{self.what} ({obstacle})"
        return Stray(self.kind, what, repaired=obstacle is None)
