# SPDX-License-Identifier: Apache-2.0

"""Read which Redfish service answers: its UUID, and what tells its systems apart."""

from valence import errors
from valence.podmanagers import odata
from valence.podmanagers import service_identity
from valence.podmanagers.redfish import fields
from valence.podmanagers.redfish import resources
from valence.podmanagers.redfish.reader import Reader
from valence.podmanagers.redfish.reader import Snapshot

#: Systems that are read at most: so many tell one pod manager from another.
MAX_SYSTEMS = 16

#: What a service root has, of which it need not have all (DSP0268, ServiceRoot).
ROOT_MEMBERS = frozenset({"RedfishVersion", "Systems", "Chassis", "Managers", "SessionService"})

#: Errors of a system or of the collection of systems: the root has answered.
UNREADABLE = (
    errors.PodManagerNodeGone,
    errors.PodManagerFailed,
    errors.PodManagerRefused,
    errors.PodManagerUnreachable,
    errors.PodManagerUnauthorized,
)


def identify(reader: Reader, root: odata.JSON, *, systems: bool) -> service_identity.Service:
    """Return the identity of the service that answers with this root.

    Its systems cost one request for each page of their collection, and at most
    :data:`MAX_SYSTEMS`. Systems that cannot be read now are left out.
    """
    uuid = fields.read(root, resources.SERVICE_ROOT, reader.bad_values)["uuid"]
    return service_identity.Service(uuid, _read_systems(reader, root) if systems else ())


def read_root(reader: Reader) -> odata.JSON:
    """Read the service root: one request.

    :raises PodManagerFailed: it failed; its details have ``service: false`` if something
        answers there that is no Redfish service.
    """
    try:
        root = reader.read_root()
    except errors.PodManagerFailed as exc:
        is_absent = isinstance(exc.__cause__, errors.PodManagerNodeGone)
        # Success without Redfish. An error or a redirect shows nothing about what answers.
        is_other = 200 <= exc.details.get("answered", 0) < 300
        if is_absent or is_other:
            raise errors.PodManagerFailed(exc.detail, **{**exc.details, "service": False}) from exc
        raise
    if "ServiceRoot" in str(root.get("@odata.type")) or not ROOT_MEMBERS.isdisjoint(root):
        return root
    raise errors.PodManagerFailed(
        f"{reader.client.base}{reader.client.root} is no Redfish service root: it has none of "
        f"{', '.join(sorted(ROOT_MEMBERS))}. Check the URL.",
        service=False,
    )


def _read_systems(reader: Reader, root: odata.JSON) -> tuple[service_identity.System, ...]:
    """Return the facts of the systems whose paths are the first: the same at each call."""
    snapshot = Snapshot(reader)
    try:
        paths = sorted(snapshot.list_members(root.get("Systems"), levels=0) or ())
    except UNREADABLE:
        return ()

    def read_system(path: str) -> odata.JSON | None:
        try:
            return snapshot.resource(path)
        except UNREADABLE:
            return None

    read = [one for one in snapshot.map(read_system, paths[:MAX_SYSTEMS]) if one is not None]
    # RSD lists pooled accelerators as a system without memory, which is none of the inventory.
    computers = [one for one in read if odata.mapping(one, "MemorySummary")] or read
    values = [fields.read(one, resources.SYSTEM, reader.bad_values) for one in computers]
    return tuple(
        service_identity.System.of(one["redfish_uuid"], one["serial_number"]) for one in values
    )
