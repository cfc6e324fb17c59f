# SPDX-License-Identifier: Apache-2.0

"""Decide which servers of Mogan are composed: by their flavor, and by Mogan's scheduler."""

from collections.abc import Mapping
from typing import Any

from oslo_log import log as logging

from valence_integration import errors
from valence_integration import requirements as requirement_table

LOG = logging.getLogger(__name__)


class ComposeInstead(Exception):
    """Mogan's scheduler found no node, and the flavor can be composed.

    Not a subclass of Mogan's exceptions: Mogan's own code must not catch it.
    """


def requirements_of(
    request_spec: Mapping[str, Any] | None,
) -> requirement_table.Requirements | None:
    """Translate the flavor of a request.

    :returns: None when the flavor has no key of Valence.
    :raises InvalidRequirements: the flavor requests something impossible.
    """
    flavor = _flavor(request_spec)
    return requirement_table.from_mogan(
        flavor.get("resources") or {}, flavor.get("resource_traits") or {}
    )


def is_valence(request_spec: Mapping[str, Any] | None) -> bool:
    """Return whether the flavor of a request has a key of Valence, possible or not."""
    flavor = _flavor(request_spec)
    sections = (flavor.get("resources") or {}, flavor.get("resource_traits") or {})
    return any(_is_valence_key(key) for section in sections for key in section)


def without_valence(request_spec: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a request without the keys of Valence, which no node has."""
    flavor = dict(_flavor(request_spec))
    for name in ("resources", "resource_traits"):
        section = flavor.get(name) or {}
        flavor[name] = {key: section[key] for key in section if not _is_valence_key(key)}
    return {**request_spec, "flavor": flavor}


def composes_at_once(request_spec: Mapping[str, Any] | None, schedule_first: bool) -> bool:
    """Return whether servers are composed without a request to Mogan's scheduler.

    :param schedule_first: the scheduler tries first, if the flavor names resources of
        existing nodes.
    """
    if request_spec is None or not is_valence(request_spec):
        return False
    return not (schedule_first and without_valence(request_spec)["flavor"]["resources"])


class FallbackScheduler:
    """Mogan's scheduler client; when it finds no node, one is composed if possible.

    :param client: Mogan's own ``SchedulerClient``; all other calls go to it.
    :param no_valid_node: Mogan's exception ``NoValidNode``. Its scheduler raises it
        for exhausted attempts, too.
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
        :raises NoValidNode: there is none, and the flavor cannot be composed.
        """
        existing = without_valence(request_spec) if is_valence(request_spec) else request_spec
        try:
            return self._client.select_destinations(context, existing, filter_properties)
        except self._no_valid_node as exc:
            if not _can_be_composed(request_spec):
                raise
            LOG.info("Mogan's scheduler found no node, one is composed: %s", exc)
            raise ComposeInstead(str(exc)) from exc


def _can_be_composed(request_spec: Mapping[str, Any]) -> bool:
    try:
        return requirements_of(request_spec) is not None
    except errors.InvalidRequirements as exc:
        LOG.warning("The flavor cannot be composed either: %s", exc)
        return False


def _flavor(request_spec: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return (request_spec or {}).get("flavor") or {}


def _is_valence_key(key: str) -> bool:
    return key.startswith(requirement_table.MOGAN_PREFIX)
