# SPDX-License-Identifier: Apache-2.0

"""Which flavors of Mogan are composed, and when."""

from collections.abc import Mapping
from typing import Any

from oslo_log import log as logging

from valence_integration import errors
from valence_integration import requirements

LOG = logging.getLogger(__name__)


class ComposeInstead(Exception):
    """Mogan's scheduler has nothing, and the flavor can be composed.

    No subclass of Mogan's exceptions: Mogan's own code must let it pass.
    """


def wanted(request_spec: Mapping[str, Any] | None) -> requirements.Requirements | None:
    """Translate the flavor of a request.

    :returns: None when it asks nothing of Valence.
    :raises InvalidRequirements: it asks for something that cannot be.
    """
    flavor = _flavor(request_spec)
    return requirements.from_mogan(
        flavor.get("resources") or {}, flavor.get("resource_traits") or {}
    )


def is_valence(request_spec: Mapping[str, Any] | None) -> bool:
    """Tell whether a request's flavor names anything of Valence's, possible or not."""
    return any(_is_ours(key) for part in _parts(request_spec) for key in part)


def without_ours(request_spec: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a request without what only Valence understands: no node has that to offer."""
    flavor = dict(_flavor(request_spec))
    for name in ("resources", "resource_traits"):
        given = flavor.get(name) or {}
        flavor[name] = {key: given[key] for key in given if not _is_ours(key)}
    return {**request_spec, "flavor": flavor}


def can_be_scheduled(request_spec: Mapping[str, Any]) -> bool:
    """Tell whether a flavor says which existing nodes will do."""
    return bool(without_ours(request_spec)["flavor"]["resources"])


class FallbackScheduler:
    """Mogan's scheduler client; when it finds no node, one is to be composed.

    :param client: Mogan's own ``SchedulerClient``; everything else is left to it.
    :param no_valid_node: Mogan's exception ``NoValidNode``. Its scheduler raises it
        for attempts that are exhausted, too.
    """

    def __init__(self, client: Any, no_valid_node: type[Exception]) -> None:
        self._client = client
        self._no_valid_node = no_valid_node

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def select_destinations(
        self, context: Any, request_spec: dict[str, Any], filter_properties: dict[str, Any]
    ) -> Any:
        """Choose nodes as Mogan does.

        :raises ComposeInstead: there is none, and the flavor can be composed.
        :raises NoValidNode: there is none, and it cannot.
        """
        asked = without_ours(request_spec) if is_valence(request_spec) else request_spec
        try:
            return self._client.select_destinations(context, asked, filter_properties)
        except self._no_valid_node as exc:
            if not _can_be_composed(request_spec):
                raise
            LOG.info("Mogan has no node, one is composed: %s", exc)
            raise ComposeInstead(str(exc)) from exc


def _can_be_composed(request_spec: Mapping[str, Any]) -> bool:
    try:
        return wanted(request_spec) is not None
    except errors.InvalidRequirements as exc:
        LOG.warning("The flavor cannot be composed either: %s", exc)
        return False


def _flavor(request_spec: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return (request_spec or {}).get("flavor") or {}


def _parts(request_spec: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    flavor = _flavor(request_spec)
    return [flavor.get("resources") or {}, flavor.get("resource_traits") or {}]


def _is_ours(key: str) -> bool:
    return key.startswith(requirements.MOGAN_PREFIX)
