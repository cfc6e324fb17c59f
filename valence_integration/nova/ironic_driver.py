# SPDX-License-Identifier: Apache-2.0

"""Nova's own Ironic driver, used on the nodes that were composed for servers.

Some of its methods find the node by the instance's uuid, the others by ``instance.node``,
which names a compute node of the Valence driver. The latter are called with a view: a copy
of the instance whose node is the one in Ironic.
"""

from collections.abc import Callable
import functools
import inspect
from typing import Any

from nova import objects
from nova.compute import power_state
from nova.virt import hardware
from nova.virt.ironic import driver as nova_ironic

from valence_integration.nova import placement
from valence_integration.peers.ironic import IronicNode

#: Extra specs that choose a compute node by its traits; nodes in Ironic have no such traits.
TRAIT_SPEC = "trait"


def create(virtapi: Any) -> nova_ironic.IronicDriver:
    """Return Nova's Ironic driver; it sends no request before it is used."""
    return nova_ironic.IronicDriver(virtapi)


def view(instance: objects.Instance, ironic_uuid: str) -> objects.Instance:
    """Return a copy of an instance for the Ironic driver; its differences are never saved."""
    copied = instance.obj_clone()
    copied.flavor.extra_specs = {
        key: value
        for key, value in (copied.flavor.extra_specs or {}).items()
        if not (key.startswith(TRAIT_SPEC) and key.partition(":")[2].startswith(placement.PREFIX))
    }
    copied.flavor.obj_reset_changes()
    copied.obj_reset_changes(["flavor"])
    _set_node(copied, ironic_uuid)
    for name in ("save", "refresh"):
        setattr(copied, name, _keep_node(copied, getattr(copied, name), ironic_uuid))
    return copied


def info(node: IronicNode | None) -> hardware.InstanceInfo:
    """Return the power state of a node for Nova: NOSTATE if it does not exist."""
    if node is None or node.power_state is None:
        return hardware.InstanceInfo(state=power_state.NOSTATE)
    return hardware.InstanceInfo(state=nova_ironic.map_power_state(node.power_state))


def _set_node(copied: objects.Instance, ironic_uuid: str) -> None:
    copied.node = ironic_uuid
    copied.obj_reset_changes(["node"])


def _keep_node(
    copied: objects.Instance, method: Callable[..., object], ironic_uuid: str
) -> Callable[..., None]:
    """Wrap a method that reads Nova's database, which has the name of the compute node."""

    def wrapper(*args: Any, **kwargs: Any) -> None:
        method(*args, **kwargs)
        _set_node(copied, ironic_uuid)

    return wrapper


def by_uuid(name: str) -> Any:
    """Return a method that calls the same method of the Ironic driver, unchanged."""

    @functools.wraps(getattr(nova_ironic.IronicDriver, name))
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.ironic, name)(*args, **kwargs)

    return method


def by_node(name: str, adjust: Callable[[dict[str, Any]], object] | None = None) -> Any:
    """Return a method that calls the same method of the Ironic driver with a view.

    :param adjust: changes the arguments, by name, before the call.
    """
    original = getattr(nova_ironic.IronicDriver, name)
    signature = inspect.signature(original)

    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(self.ironic, *args, **kwargs)
        bound.arguments["instance"] = self.view(bound.arguments["instance"])
        if adjust is not None:
            adjust(bound.arguments)
        return getattr(self.ironic, name)(*bound.args[1:], **bound.kwargs)

    return method


def reimage_volumes_only(arguments: dict[str, Any]) -> None:
    """Request a new image on the boot volume only if there is a boot volume.

    Nova's API (2.93 and later) requests it in every rebuild, and the Ironic driver
    refuses every such rebuild.
    """
    volumes = [bdm for bdm in arguments.get("bdms") or () if bdm.is_root and bdm.is_volume]
    arguments["reimage_boot_volume"] = bool(arguments.get("reimage_boot_volume") and volumes)
