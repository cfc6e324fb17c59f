# SPDX-License-Identifier: Apache-2.0

"""Members that come with their collection: the query ``$expand`` (DSP0266, 7.3)."""

from collections.abc import Callable
import dataclasses
import math
import time
from typing import Self

from oslo_log import log

from valence import errors
from valence.podmanagers import odata

LOG = log.getLogger(__name__)

#: The forms of ``$expand``, best first, and the property of ExpandQuery that offers each:
#: everything but what ``Links`` lead to; everything. ``~``, only ``Links``, is of no use.
EXPAND_FORMS = ((".", "NoLinks"), ("*", "ExpandAll"))

#: error of a request with ``$expand`` -> seconds for which collections of the same name are
#: read without; until the service root is read again at the latest. Any other error is the
#: caller's, because the request without ``$expand`` would fail in the same way.
#:
#: Never for the whole service, not even after 501: services may expand some collections and
#: not others, and a vain attempt costs only one request for each name of a collection.
EXPAND_FALLBACKS: dict[type[errors.ValenceError], float] = {
    # 400 (QueryNotSupportedOnResource, QueryParameterOutOfRange), 405, 414 and other 4xx.
    errors.PodManagerRefused: math.inf,
    # 404, 410: the service takes the query for a part of the path.
    errors.PodManagerNodeGone: math.inf,
    # 501 (QueryNotSupported); but also 500, and a response that is too large or not JSON,
    # of which the reason may pass.
    errors.PodManagerFailed: 3600.0,
}


@dataclasses.dataclass(frozen=True)
class ExpandQuery:
    """What a service offers of ``$expand``.

    :ivar form: see :data:`EXPAND_FORMS`.
    :ivar max_levels: the largest ``$levels``; None: it must not be sent, and is 1.
    """

    form: str
    max_levels: int | None

    @classmethod
    def from_root(cls, root: odata.JSON) -> Self | None:
        """Return what a service root offers in ProtocolFeaturesSupported; None: nothing.

        Its properties are booleans: anything but true offers nothing.
        """
        offer = odata.mapping(root, "ProtocolFeaturesSupported", "ExpandQuery")
        form = next((form for form, name in EXPAND_FORMS if offer.get(name) is True), None)
        if form is None:
            return None
        if offer.get("Levels") is not True:
            return cls(form, None)
        limit = offer.get("MaxLevels")
        # DSP0266 requires MaxLevels beside Levels; without it, one level is certain.
        return cls(form, max(1, limit) if type(limit) is int else 1)

    @property
    def omits_links(self) -> bool:
        """Whether linked resources are left out: chassis link to each other."""
        return self.form == "."

    def query(self, levels: int) -> str:
        """Return the query string for so many levels, or for as many as are offered."""
        if self.max_levels is None:
            return f"$expand={self.form}"
        return f"$expand={self.form}($levels={min(levels, self.max_levels)})"


class Expansion:
    """What a service really does of ``$expand``: its offer, less what failed. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._offer: ExpandQuery | None = None
        self._suspended: dict[str, float] = {}

    def learn(self, root: odata.JSON) -> None:
        """Read the offer of a service root, and forget earlier failures."""
        self._offer = ExpandQuery.from_root(root)
        self._suspended = {}

    def of(self, path: str) -> ExpandQuery | None:
        """Return what is offered for a collection; None: read it without ``$expand``."""
        return None if self._clock() < self._suspended.get(_name(path), 0.0) else self._offer

    def suspend(self, path: str, error: errors.ValenceError) -> None:
        """Stop expanding collections of this name, after an error."""
        seconds = next(s for kind, s in EXPAND_FALLBACKS.items() if isinstance(error, kind))
        self._suspended[_name(path)] = self._clock() + seconds
        LOG.info("Collections %s are read without $expand from now on: %s", _name(path), error)


def _name(path: str) -> str:
    """Return the name that a collection has in all resources, such as ``Processors``."""
    return path.rpartition("/")[2]
