# SPDX-License-Identifier: Apache-2.0

"""Identity: what tells one machine, or one pod manager, from another."""

from collections.abc import Callable
import uuid

from podm_simulator.quirks.behaviour import Behaviour
from podm_simulator.quirks.behaviour import Exchange
from podm_simulator.quirks.behaviour import Quirk
from podm_simulator.redfish.http import Resource

NODE, SYSTEM, ROOT = "ComposedNode", "ComputerSystem", "ServiceRoot"

#: UUID of boards whose firmware was never programmed.
DEFAULT_UUID = "03000200-0400-0500-0006-000700080009"
ZERO_UUID = str(uuid.UUID(int=0))

POLICY = "DSP0266, PATCH (update) and POST (create): a service may modify what it accepts"


class Fields(Behaviour):
    """Changes the properties of every resource of a type.

    :param kind: name of the type in ``@odata.type``, without version.
    """

    def __init__(self, kind: str, change: Callable[[Resource], object]) -> None:
        self._prefix, self._change = f"#{kind}.", change

    def resource(self, _exchange: Exchange, resource: Resource) -> None:
        """Change the properties of a resource."""
        if resource["@odata.type"].startswith(self._prefix):
            self._change(resource)


class Renumbered(Behaviour):
    """Renumbers the nodes at each restart.

    :param rotate: the nodes exchange their numbers, instead of getting new ones.
    """

    def __init__(self, rotate: bool) -> None:
        self._rotate = rotate

    def restart(self) -> None:
        """Restart with the service."""
        before = dict(self.simulation.pod.nodes)
        self.simulation.pod.renumber(rotate=self._rotate)
        self.is_exercised = self.is_exercised or self.simulation.pod.nodes != before


class NewRoot(Fields):
    """Has another UUID of the service root after each start."""

    def __init__(self) -> None:
        super().__init__(ROOT, lambda root: root.update(UUID=self._uuid))
        self._uuid = str(uuid.uuid4())

    def restart(self) -> None:
        """Restart with the service."""
        self._uuid = str(uuid.uuid4())


class Reordered(Fields):
    """Has the first three fields of system UUIDs in the other byte order after a restart."""

    def __init__(self) -> None:
        super().__init__(SYSTEM, self._reorder)
        self._restarted = False

    def restart(self) -> None:
        """Restart with the service."""
        self._restarted = not self._restarted

    def _reorder(self, system: Resource) -> None:
        if self._restarted:
            system["UUID"] = str(uuid.UUID(bytes_le=uuid.UUID(system["UUID"]).bytes))


def _drop(kind: str, name: str) -> Callable[[], Behaviour]:
    return lambda: Fields(kind, lambda resource: resource.pop(name, None))


def _put(kind: str, name: str, value: str | None) -> Callable[[], Behaviour]:
    return lambda: Fields(kind, lambda resource: resource.update({name: value}))


def _change(kind: str, name: str, change: Callable[[str], str]) -> Callable[[], Behaviour]:
    def apply(resource: Resource) -> None:
        if isinstance(resource.get(name), str):
            resource[name] = change(resource[name])

    return lambda: Fields(kind, apply)


RESCANNED = "https://github.com/intel/intelRSD/issues/97"

QUIRKS = (
    Quirk(
        "nodes-renumbered",
        "Nodes have other numbers after each restart, and their old paths are 404.",
        RESCANNED,
        lambda: Renumbered(rotate=False),
        "numbers",
    ),
    Quirk(
        "nodes-exchanged",
        "Nodes exchange their numbers at each restart: a path is that of another node.",
        "https://github.com/Yogibaer75/Check_MK-Things/issues/82",
        lambda: Renumbered(rotate=True),
        "numbers",
    ),
    Quirk("name-absent", "Nodes have no Name.", POLICY, _drop(NODE, "Name"), "name"),
    Quirk(
        "name-constant",
        "The Name of every node is “Composed Node”.",
        POLICY,
        _put(NODE, "Name", "Composed Node"),
        "name",
    ),
    Quirk(
        "name-cut-15",
        "The Name of a node is cut to 15 characters.",
        POLICY,
        _change(NODE, "Name", lambda name: name[:15]),
        "name",
    ),
    Quirk(
        "name-cut-32",
        "The Name of a node is cut to 32 characters.",
        POLICY,
        _change(NODE, "Name", lambda name: name[:32]),
        "name",
    ),
    Quirk(
        "name-upper",
        "The Name of a node is in upper case.",
        POLICY,
        _change(NODE, "Name", str.upper),
        "name",
    ),
    Quirk(
        "description-absent",
        "Nodes have no Description.",
        POLICY,
        _drop(NODE, "Description"),
        "description",
    ),
    Quirk(
        "description-cut-40",
        "The Description of a node is cut to 40 characters.",
        POLICY,
        _change(NODE, "Description", lambda text: text[:40]),
        "description",
    ),
    Quirk(
        "description-upper",
        "The Description of a node is in upper case.",
        POLICY,
        _change(NODE, "Description", str.upper),
        "description",
    ),
    Quirk(
        "root-uuid-new",
        "The service root has another UUID after each start.",
        "https://github.com/device-management-toolkit/console/pull/709",
        NewRoot,
        "root-uuid",
    ),
    Quirk(
        "root-uuid-absent",
        "The service root has no UUID.",
        "DSP0268, ServiceRoot: UUID is optional",
        _drop(ROOT, "UUID"),
        "root-uuid",
    ),
    Quirk(
        "serial-same",
        "All systems have the same SerialNumber.",
        "https://github.com/openshift/assisted-installer-agent/issues/354",
        _put(SYSTEM, "SerialNumber", "To be filled by O.E.M."),
        "serial",
    ),
    Quirk(
        "serial-zeros",
        "The SerialNumber of all systems is zeros.",
        "https://github.com/openbmc/openbmc/issues/1829",
        _put(SYSTEM, "SerialNumber", "0000000000000000"),
        "serial",
    ),
    Quirk(
        "serial-absent",
        "Systems have no SerialNumber.",
        "https://github.com/v1k0d3n/proxmox-redfish/issues/16",
        _drop(SYSTEM, "SerialNumber"),
        "serial",
    ),
    Quirk(
        "system-uuid-absent",
        "Systems have no UUID.",
        "https://github.com/ironcore-dev/metal-operator/issues/612",
        _drop(SYSTEM, "UUID"),
        "system-uuid",
    ),
    Quirk(
        "system-uuid-empty",
        "The UUID of systems is empty.",
        "https://github.com/dsx-ai-factory/nv-redfish/pull/83",
        _put(SYSTEM, "UUID", ""),
        "system-uuid",
    ),
    Quirk(
        "system-uuid-zeros",
        "The UUID of all systems is zeros.",
        "https://github.com/SolidRun/lx2160a_uefi/issues/4",
        _put(SYSTEM, "UUID", ZERO_UUID),
        "system-uuid",
    ),
    Quirk(
        "system-uuid-same",
        "All systems have the UUID of a board that was never programmed.",
        "https://github.com/oshi/oshi/issues/2417",
        _put(SYSTEM, "UUID", DEFAULT_UUID),
        "system-uuid",
    ),
    Quirk(
        "system-uuid-upper",
        "The UUID of systems is in upper case.",
        "https://github.com/ironcore-dev/metal-operator/issues/90",
        _change(SYSTEM, "UUID", str.upper),
        "system-uuid",
    ),
    Quirk(
        "system-uuid-braces",
        "The UUID of systems is in braces.",
        "RFC 9562, 4: Microsoft's tools write UUIDs in braces",
        _change(SYSTEM, "UUID", lambda text: f"{{{text}}}"),
        "system-uuid",
    ),
    Quirk(
        "system-uuid-reordered",
        "A firmware update at the restart writes the UUID of systems in the other byte order.",
        "https://github.com/metal-stack/go-hal/issues/57",
        Reordered,
        "system-uuid",
    ),
)
