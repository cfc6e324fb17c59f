# SPDX-License-Identifier: Apache-2.0

"""Which pod managers may compose a node, and in which order they are tried.

Filters decide which pod managers are tried at all, and weighers which of them first. Both
are entry points (:data:`FILTERS`, :data:`WEIGHERS`) that the configuration names. Only the
pod manager itself knows whether it has what a node needs just now: when it refuses to
allocate, the next one is tried.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from oslo_config import cfg
from stevedore import named

from valence import errors
from valence.objects import node as node_objects
from valence.objects import podmanager as podmanager_objects
from valence.podmanagers.limitation import Limitation
from valence.scheduler import base
from valence.scheduler import candidates
from valence_conductor.db.engine import Database

FILTERS = "valence.scheduler.filters"
WEIGHERS = "valence.scheduler.weighers"

Refusals = Sequence[tuple[podmanager_objects.PodManager, errors.ValenceError]]


@dataclasses.dataclass(frozen=True)
class Choice:
    """The pod managers to try for a node.

    :ivar order: the best first.
    :ivar refusals: those that are not tried, and why.
    """

    order: Sequence[podmanager_objects.PodManager]
    refusals: Refusals


class Scheduler:
    """Chooses pod managers with the filters and weighers of the configuration.

    :raises ValueError: the configuration names an unknown filter or weigher.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        options = conf.scheduler
        self._filters: list[base.Filter] = _load(conf, FILTERS, options.filters)
        self._weighers: list[base.Weigher] = _load(conf, WEIGHERS, options.weighers)

    def choose(self, db: Database, row: node_objects.Node) -> Choice:
        """Return the pod managers to try: the one that the request names, or else all.

        :raises NoPodManager: none is registered.
        :raises PodManagerNotFound: the one that is named was deleted meanwhile.
        """
        if row.podm_asked is not None:
            podms: Sequence[podmanager_objects.PodManager] = [
                podmanager_objects.get(db, row.podm_asked)
            ]
        else:
            podms = podmanager_objects.list_all(db)
        if not podms:
            raise none_registered()
        request = base.Request(row.properties, named=row.podm_asked is not None)
        passed, last, refusals = self._filter(
            candidates.gather(self._conf, db, podms, row), request
        )
        order = [*self._rank(passed, request), *self._rank(last, request)]
        return Choice([candidate.podm for candidate in order], refusals)

    def _filter(
        self, pool: Sequence[base.Candidate], request: base.Request
    ) -> tuple[list[base.Candidate], list[base.Candidate], Refusals]:
        """Return the candidates to try, those to try when all others have refused, the others."""
        passed, last, refusals = [], [], []
        filters = [one for one in self._filters if one.even_named or not request.named]
        for candidate in pool:
            results = [(one, one.refusal(candidate, request)) for one in filters]
            reasons = [reason for one, reason in results if reason and not one.may_pass]
            # Not filters, which a configuration may leave out.
            if candidate.podm.status == podmanager_objects.MISMATCHED:
                reasons.append(_mismatched(candidate.podm))
            reasons += _limitations(candidate.podm, request)
            if reasons:
                refusals.append((candidate.podm, _refused(candidate.podm, " ".join(reasons))))
            elif any(reason for _, reason in results):
                last.append(candidate)
            else:
                passed.append(candidate)
        return passed, last, refusals

    def _rank(self, pool: Sequence[base.Candidate], request: base.Request) -> list[base.Candidate]:
        """Return candidates, the best first; those not online or full come last."""
        scores = [0.0] * len(pool)
        for weigher in self._weighers:
            weights = _normalised([weigher.weigh(candidate, request) for candidate in pool])
            scores = [
                score + weigher.weight * weight
                for score, weight in zip(scores, weights, strict=True)
            ]
        ranked = sorted(
            zip(pool, scores, strict=True),
            key=lambda pair: (
                pair[0].podm.status != "online",
                pair[0].free is not None and pair[0].free <= 0,
                -pair[1],
                pair[0].podm.name,
            ),
        )
        return [candidate for candidate, _ in ranked]


def _normalised(values: Sequence[float | None]) -> list[float]:
    """Return numbers scaled to 0..1, so that weighers are comparable; None becomes 0.5."""
    numbers = [value for value in values if value is not None]
    least = min(numbers, default=0.0)
    span = max(numbers, default=0.0) - least
    return [0.5 if value is None or not span else (value - least) / span for value in values]


def _load(conf: cfg.ConfigOpts, namespace: str, names: Sequence[str]) -> list[Any]:
    manager: Any = named.NamedExtensionManager(
        namespace, names, invoke_on_load=True, invoke_args=(conf,), name_order=True
    )
    missing = sorted(set(names) - set(manager.names()))
    if missing:
        raise ValueError(f"[scheduler] names what {namespace} does not have: {', '.join(missing)}")
    return [extension.obj for extension in manager]


def _mismatched(podm: podmanager_objects.PodManager) -> str:
    return f"Another service answers at its URL: {podm.status_reason}."


def _limitations(podm: podmanager_objects.PodManager, request: base.Request) -> list[str]:
    """Return why a pod manager certainly cannot compose the node, as sentences."""
    limitations = [Limitation(**values) for values in podm.limitations or ()]
    return [each.reason for each in limitations if each.concerns(request.properties)]


def _refused(podm: podmanager_objects.PodManager, reason: str) -> errors.NoPodManager:
    detail = f"The scheduler does not try pod manager {podm.name} for this node. {reason}"
    return errors.NoPodManager(detail, reason=reason)


def none_registered() -> errors.NoPodManager:
    """Return the error for a request while no pod manager is registered at all."""
    return errors.NoPodManager(
        "No pod manager is registered. Register one with POST /v1/podmanagers."
    )


def refused_by_all(refusals: Refusals) -> errors.ValenceError:
    """Return the error of the only pod manager, or one error with the reasons of each."""
    reasons: Mapping[str, str] = {
        podm.name: error.own_words or error.detail for podm, error in refusals
    }
    if len(refusals) == 1:
        only = refusals[0][1]
        return type(only)(only.detail, **{**only.details, "refusals": reasons})
    return errors.NoPodManager(
        f"None of {len(reasons)} pod managers can compose this node. See why each refused; "
        "request less, or release nodes.",
        reason="; ".join(f"{name}: {reason}" for name, reason in reasons.items()),
        refusals=reasons,
    )
