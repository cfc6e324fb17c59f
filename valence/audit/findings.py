# SPDX-License-Identifier: Apache-2.0

"""What an audit has found, and how it is resolved."""

from collections.abc import Callable
import dataclasses

from oslo_config import cfg

from valence import errors
from valence_conductor.strays import Stray

#: Why a resource is kept that names a node of Valence, but no installation.
UNMARKED = "it does not say which installation made it"

#: Why a resource is kept that names a node which this database has never released.
NEVER_RELEASED = (
    "this database has not released that node: it was restored from a backup, or an operator "
    "has forgotten the node"
)


def nothing() -> None:
    """Change nothing."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """A resource that no row owns, or a row whose resource is gone.

    :ivar key: identifies it, the same at every audit.
    :ivar what: describes it in a report.
    :ivar obstacle: why it is kept; None: it may be released.
    :ivar release: releases it: one request for a change, never a long wait.
    :ivar record: records the finding in a row, whether anything is released or not.
    """

    key: tuple[str, ...]
    kind: str
    what: str
    obstacle: str | None
    release: Callable[[], None]
    record: Callable[[], None] = nothing

    def resolve(self, conf: cfg.ConfigOpts) -> Stray:
        """Release it if that is allowed, and return the report."""
        self.record()
        obstacle = self.obstacle
        if obstacle is None and not conf.nodes.give_back_strays:
            obstacle = "[nodes] give_back_strays is off"
        if obstacle is None:
            try:
                self.release()
            except errors.ValenceError as exc:
                reason = " ".join(filter(None, (exc.detail, exc.own_words)))
                obstacle = f"it could not be released yet: {reason}"
        what = self.what if obstacle is None else f"{self.what} ({obstacle})"
        return Stray(self.kind, what, repaired=obstacle is None)

    def report(self, conf: cfg.ConfigOpts) -> Stray:
        """Return the report with what an operator has to do; change nothing."""
        advice = self.obstacle
        if advice is None:
            advice = (
                "the service releases it after [nodes] stray_grace"
                if conf.nodes.give_back_strays
                else "[nodes] give_back_strays is off: turn it on, or release it by hand"
            )
        return Stray(self.kind, f"{self.what} ({advice})", repaired=False)
