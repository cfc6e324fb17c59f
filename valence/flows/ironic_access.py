# SPDX-License-Identifier: Apache-2.0

"""Keeping the way by which Ironic reaches the machine of a registered node.

The machine may have another system path by now, and its pod manager another address or
other credentials. Ironic would go on with the old ones, and power another machine.
"""

from collections.abc import Mapping
import hashlib
import json
from typing import Any

from oslo_log import log as logging

from valence import errors
from valence import wiring
from valence.flows import identify
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.objects import podmanager as podmanager_objects
from valence.podmanagers import inventory
from valence.podmanagers import odata
from valence_conductor import errors as conductor_errors

LOG = logging.getLogger(__name__)


def digest(context: wiring.Context, row: node_objects.Node, driver_info: Mapping[str, Any]) -> str:
    """Return what identifies the ``driver_info`` of a node, without its password in clear."""
    podm = podmanager_objects.get(context.db, row.podm_uuid or "")
    values = {**driver_info, "redfish_password": podm.password_encrypted}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def correct_all(
    context: wiring.Context, podm_uuid: str, systems: Mapping[str, inventory.System]
) -> None:
    """Correct the registered nodes of a pod manager in Ironic.

    Without a request where nothing has changed. What cannot be corrected now is at the next
    refresh.

    :param systems: normal path of a system -> the system, as it was just read.
    """
    for row in node_objects.list_registered(context.db, podm_uuid):
        try:
            _correct(context, _identified(context, row, systems))
        except (errors.ValenceError, conductor_errors.Superseded) as exc:
            LOG.info("Could not correct node %s in Ironic yet: %s", row.uuid, exc)


def _identified(
    context: wiring.Context, row: node_objects.Node, systems: Mapping[str, inventory.System]
) -> node_objects.Node:
    """Return a row with the system path of its machine now.

    :raises ValenceError: the machine is not identified.
    """
    system = systems.get(odata.normal_path(row.system_path or ""))
    if system is not None and odata.same_path(system.node_path or "", row.path or ""):
        return row
    return identify.verify(context, row)


def _correct(context: wiring.Context, row: node_objects.Node) -> None:
    if row.system_path is None or row.ironic_uuid is None:
        return
    driver_info = context.drivers.get(row.podm_uuid or "").bmc(row.system_path)
    current = digest(context, row, driver_info)
    if row.ironic_access == current:
        return
    is_done = context.ironic.set_driver_info(
        uuid=row.ironic_uuid,
        valence_node=row.uuid,
        installation=installation_objects.get(context.db),
        driver_info=driver_info,
        renew=row.ironic_access is not None,
    )
    if is_done:
        node_changes.record(context.db, row, ironic_access=current)
