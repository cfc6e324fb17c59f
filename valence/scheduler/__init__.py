# SPDX-License-Identifier: Apache-2.0

"""Which pod managers may compose a node, and in which order they are asked.

Filters say who is not asked, and why; weighers who is asked first. Both are entry
points (:data:`FILTERS`, :data:`WEIGHERS`) that the configuration names. Whether a
pod manager has what a node needs, it decides itself when it is asked to allocate:
when it refuses, the next one is asked.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from oslo_config import cfg
from stevedore import named

from valence import errors
from valence.objects import inventory as inventory_objects
from valence.objects import node as node_objects
from valence.objects import podmanager as podmanager_objects
from valence.scheduler import base
from valence.scheduler import surroundings
from valence_conductor.db.engine import Database

FILTERS = "valence.scheduler.filters"
WEIGHERS = "valence.scheduler.weighers"

Refusals = Sequence[tuple[podmanager_objects.PodManager, errors.ValenceError]]


@dataclasses.dataclass(frozen=True)
class Choice:
    """Whom to ask for a node.

    :ivar order: the best first.
    :ivar refusals: who is not asked, and why.
    """

    order: Sequence[podmanager_objects.PodManager]
    refusals: Refusals


class Scheduler:
    """Choose pod managers as the configuration says.

    :raises ValueError: it names a filter or a weigher that there is not.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        options = conf.scheduler
        self._filters: list[base.Filter] = _load(conf, FILTERS, options.filters)
        self._weighers: list[base.Weigher] = _load(conf, WEIGHERS, options.weighers)

    def choose(self, db: Database, row: node_objects.Node) -> Choice:
        """Choose who may compose a node: the one that the request names, or else all.

        :raises NoPodManager: there is none.
        :raises PodManagerNotFound: the one that is named is not there any more.
        """
        if row.podm_asked is not None:
            podms: Sequence[podmanager_objects.PodManager] = [
                podmanager_objects.get(db, row.podm_asked)
            ]
        else:
            podms = inventory_objects.list_podmanagers(db)
        if not podms:
            raise nobody_there()
        asked = base.Asked(row.properties, named=row.podm_asked is not None)
        found = surroundings.candidates(self._conf, db, podms, row)
        passed, refusals, last = self._sift(found, asked)
        order = [*self._weighed(passed, asked), *self._weighed(last, asked)]
        return Choice([one.podm for one in order], refusals)

    def _sift(
        self, found: Sequence[base.Candidate], asked: base.Asked
    ) -> tuple[list[base.Candidate], Refusals, list[base.Candidate]]:
        """Tell apart who is asked, who is not, and who is asked when nobody else is left."""
        passed, refusals, last = [], [], []
        filters = [one for one in self._filters if one.even_named or not asked.named]
        for candidate in found:
            said = [(one, one.refusal(candidate, asked)) for one in filters]
            words = [why for one, why in said if why and not one.may_pass]
            if words:
                refusals.append((candidate.podm, _not_asked(candidate.podm, " ".join(words))))
            elif any(why for _, why in said):
                last.append(candidate)
            else:
                passed.append(candidate)
        return passed, refusals, last

    def _weighed(self, found: Sequence[base.Candidate], asked: base.Asked) -> list[base.Candidate]:
        """Sort candidates: the ill and the full come last, though they may be well or free."""
        scores = [0.0] * len(found)
        for weigher in self._weighers:
            weights = _scaled([weigher.weigh(candidate, asked) for candidate in found])
            scores = [
                score + weigher.weight * weight
                for score, weight in zip(scores, weights, strict=True)
            ]
        ranked = sorted(
            zip(found, scores, strict=True),
            key=lambda pair: (
                pair[0].podm.status != "online",
                pair[0].free is not None and pair[0].free <= 0,
                -pair[1],
                pair[0].podm.name,
            ),
        )
        return [candidate for candidate, _ in ranked]


def _scaled(values: Sequence[float | None]) -> list[float]:
    """Bring numbers between 0 and 1, so that weighers can be compared."""
    known = [value for value in values if value is not None]
    least, span = min(known, default=0.0), max(known, default=0.0) - min(known, default=0.0)
    return [0.5 if value is None or not span else (value - least) / span for value in values]


def _load(conf: cfg.ConfigOpts, namespace: str, names: Sequence[str]) -> list[Any]:
    found: Any = named.NamedExtensionManager(
        namespace, names, invoke_on_load=True, invoke_args=(conf,), name_order=True
    )
    missing = sorted(set(names) - set(found.names()))
    if missing:
        raise ValueError(f"[scheduler] names what {namespace} does not have: {', '.join(missing)}")
    return [extension.obj for extension in found]


def _not_asked(podm: podmanager_objects.PodManager, words: str) -> errors.NoPodManager:
    detail = f"Pod manager {podm.name} is not asked for such a node. {words}"
    return errors.NoPodManager(detail, reason=words)


def nobody_there() -> errors.NoPodManager:
    """Say that no pod manager is known at all."""
    return errors.NoPodManager(
        "No pod manager is known that could compose. Register one with POST /v1/podmanagers."
    )


def verdict(refusals: Refusals) -> errors.ValenceError:
    """Say why nobody composes a node: one's own words, or those of each."""
    said: Mapping[str, str] = {
        podm.name: error.own_words or error.detail for podm, error in refusals
    }
    if len(refusals) == 1:
        only = refusals[0][1]
        return type(only)(only.detail, **{**only.details, "refusals": said})
    return errors.NoPodManager(
        f"None of {len(said)} pod managers can compose this. See why each refused; ask for less, "
        "or release nodes.",
        reason="; ".join(f"{name}: {words}" for name, words in said.items()),
        refusals=said,
    )
