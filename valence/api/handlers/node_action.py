# SPDX-License-Identifier: Apache-2.0

"""Actions on a composed node: a table of name -> function."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

from oslo_log import log as logging

from valence import errors
from valence.api import call as api_call
from valence.api.handlers import node_refresh
from valence.objects import node as node_objects

LOG = logging.getLogger(__name__)


def reset(call: api_call.Call, row: node_objects.Node, arguments: Mapping[str, str]) -> None:
    """Reset a node.

    :param arguments: ``Type``, a ResetType of Redfish.
    :raises RequestInvalid: the pod manager does not offer it for this node.
    """
    row, controls = node_refresh.controls(call, row)
    kind = arguments["Type"]
    if controls.reset_target is None:
        raise errors.RequestInvalid(f"The pod manager offers no Reset of node {row.uuid}.")
    _require_offered("Reset.Type", kind, controls.reset_types)
    node_refresh.request(call, row, lambda driver, _path: driver.reset(controls, kind))
    LOG.info("Node %s is reset (%s)", row.uuid, kind)


def boot(call: api_call.Call, row: node_objects.Node, arguments: Mapping[str, str]) -> None:
    """Set from what a node boots.

    :param arguments: ``Target``, and optionally ``Enabled`` and ``Mode``, as Redfish's
        BootSourceOverride properties define them.
    :raises RequestInvalid: the pod manager does not offer a value for this node.
    """
    row, controls = node_refresh.controls(call, row)
    offered = controls.boot
    override = {}
    for key, value in {"Enabled": "Once", **arguments}.items():
        name = f"BootSourceOverride{key}"
        _require_offered(f"Boot.{key}", value, offered.get(name, ()))
        override[name] = value
    node_refresh.request(call, row, lambda driver, path: driver.set_boot(path, override))
    LOG.info("Node %s boots from %s (%s)", row.uuid, arguments["Target"], override)


Action = Callable[[api_call.Call, node_objects.Node, Mapping[str, str]], None]

#: key of the request's body -> the function that performs the action
ACTIONS: Mapping[str, Action] = {"Reset": reset, "Boot": boot}


def _require_offered(field: str, value: str, offered: Sequence[str] | None) -> None:
    """Refuse a value that a pod manager does not offer; None: it publishes no list."""
    if offered is not None and value not in offered:
        hint = f"It offers {', '.join(offered)}." if offered else "It offers none."
        raise errors.RequestInvalid(
            f"body.{field}: the pod manager does not offer {value!r} for this node. {hint}"
        )
