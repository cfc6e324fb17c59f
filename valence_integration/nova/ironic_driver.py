# SPDX-License-Identifier: Apache-2.0

"""Nova's own Ironic driver, on the nodes that servers were composed for.

It finds nodes by the instance's uuid in some methods, and by ``instance.node`` in the
others, where our compute nodes have another name. Those are given a view of the
instance whose node is Ironic's.
"""

from collections.abc import Callable
import functools
import inspect
from typing import Any

from nova import objects
from nova.compute import power_state
from nova.virt import hardware
from nova.virt.ironic import driver as ironic_driver

from valence_integration.nova import placement
from valence_integration.peers.ironic import IronicNode

#: Extra specs that place a server among our compute nodes; Ironic's have no such traits.
PLACING = "trait"


def driver(virtapi: Any) -> ironic_driver.IronicDriver:
    """Make Nova's Ironic driver; it speaks to nobody before it is used."""
    return ironic_driver.IronicDriver(virtapi)


def view(instance: objects.Instance, ironic_uuid: str) -> objects.Instance:
    """Copy an instance as the Ironic driver wants it; what differs is never saved."""
    copied = instance.obj_clone()
    copied.flavor.extra_specs = {
        key: value
        for key, value in (copied.flavor.extra_specs or {}).items()
        if not (key.startswith(PLACING) and key.partition(":")[2].startswith(placement.PREFIX))
    }
    copied.flavor.obj_reset_changes()
    copied.obj_reset_changes(["flavor"])
    _name_node(copied, ironic_uuid)
    for name in ("save", "refresh"):
        setattr(copied, name, _keeping_node(copied, getattr(copied, name), ironic_uuid))
    return copied


def info(node: IronicNode | None) -> hardware.InstanceInfo:
    """Tell Nova the power state of a node; of one that is not there, none."""
    if node is None or node.power_state is None:
        return hardware.InstanceInfo(state=power_state.NOSTATE)
    return hardware.InstanceInfo(state=ironic_driver.map_power_state(node.power_state))


def _name_node(copied: objects.Instance, ironic_uuid: str) -> None:
    copied.node = ironic_uuid
    copied.obj_reset_changes(["node"])


def _keeping_node(
    copied: objects.Instance, act: Callable[..., object], ironic_uuid: str
) -> Callable[..., None]:
    """Name the node anew after what brings the real one back: Nova's database does."""

    def acted(*args: Any, **kwargs: Any) -> None:
        act(*args, **kwargs)
        _name_node(copied, ironic_uuid)

    return acted


def by_uuid(name: str) -> Any:
    """Make a method of our driver that is the Ironic driver's own, as it is."""
    theirs = getattr(ironic_driver.IronicDriver, name)

    @functools.wraps(theirs)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.ironic, name)(*args, **kwargs)

    return method


def by_node(name: str, adjust: Callable[[dict[str, Any]], object] | None = None) -> Any:
    """Make a method of our driver that is the Ironic driver's on a view of the instance.

    :param adjust: changes the arguments, by name, before they are passed on.
    """
    theirs = getattr(ironic_driver.IronicDriver, name)
    signature = inspect.signature(theirs)

    @functools.wraps(theirs)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        given = signature.bind(self.ironic, *args, **kwargs)
        given.arguments["instance"] = self.view(given.arguments["instance"])
        if adjust is not None:
            adjust(given.arguments)
        return getattr(self.ironic, name)(*given.args[1:], **given.kwargs)

    return method


def reimage_volumes_only(given: dict[str, Any]) -> None:
    """Have a boot volume written anew only where there is one.

    Nova's API (2.93 and later) asks for it with every rebuild, and the Ironic driver
    refuses whoever asks.
    """
    volumes = [bdm for bdm in given.get("bdms") or () if bdm.is_root and bdm.is_volume]
    given["reimage_boot_volume"] = bool(given.get("reimage_boot_volume") and volumes)
