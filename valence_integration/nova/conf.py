# SPDX-License-Identifier: Apache-2.0

"""Options of the compute driver: group ``[valence]`` of nova.conf.

Nova's own file has other groups named ``[conductor]`` and ``[ironic]``, so that the options
of the provisioning plugin are in a file of their own, which ``config_file`` names.
"""

from collections.abc import Sequence
from typing import Any

from oslo_config import cfg

GROUP = "valence"

OPTS = [
    cfg.ListOpt(
        "config_file",
        default=["/etc/valence/valence-integration.conf"],
        help="Configuration files of the provisioning plugin: the database of its instances, "
        "and the access to Valence and Ironic. Each nova-compute needs its own database, "
        "or, with a jobboard, all of them share one.",
    ),
    cfg.ListOpt(
        "pod_managers",
        default=[],
        help="The pod managers, by name or uuid, on which this nova-compute composes. By default "
        "all that Valence knows, including later ones. With more than one nova-compute, divide "
        "them: Nova refuses to start a second one for the same pod manager.",
    ),
    cfg.MultiStrOpt(
        "group",
        default=[],
        help="Several pod managers that form one compute node, as 'name: first, second'. May be "
        "set several times. Each pod manager outside of a group is a compute node of its own. Do "
        "not change the name or the pod managers of a group while servers run on it.",
    ),
    cfg.ListOpt(
        "architectures",
        default=["x86_64"],
        help="Architectures of the machines. The scheduler compares them with the architecture "
        "that an image requires, before anything is composed.",
    ),
    cfg.IntOpt(
        "assumed_room",
        default=100,
        min=0,
        help="How many more nodes of each flavor a pod manager is assumed to have room for, as "
        "long as Valence does not know its systems and it has not refused. This is also the most "
        "servers that can be requested of it at once.",
    ),
    cfg.FloatOpt(
        "full_interval",
        default=600,
        min=0,
        help="Seconds for which a pod manager that refused a flavor counts as full for it, "
        "unless a node is released before.",
    ),
    cfg.FloatOpt(
        "inventory_interval",
        default=30,
        min=0,
        help="Seconds for which one listing of all pod managers, nodes and flavors is cached for "
        "the compute nodes of this process.",
    ),
    cfg.FloatOpt(
        "compose_timeout",
        default=3600,
        min=1,
        help="Seconds in which the machine of a server must be composed and enrolled, including "
        "the time in the queue. After that the machine is released and the server is set to "
        "error.",
    ),
    cfg.FloatOpt(
        "destroy_timeout",
        default=3600,
        min=1,
        help="Seconds for which the deletion of a server waits until its machine is released, "
        "including cleaning where Ironic cleans. After that the server is set to error, the "
        "release continues, and the server can be deleted again.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options; idempotent."""
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options, for the sample configuration."""
    return [(GROUP, list(OPTS))]


def parse_groups(values: Sequence[str]) -> dict[str, list[str]]:
    """Parse the groups of pod managers: name of the compute node to names or uuids.

    :raises ValueError: a value is not written as ``name: first, second``, or two groups
        share a name or a pod manager.
    """
    groups: dict[str, list[str]] = {}
    for value in values:
        name, colon, members = value.partition(":")
        name, idents = name.strip(), [part.strip() for part in members.split(",") if part.strip()]
        if not (name and colon and idents):
            raise ValueError(
                f"[{GROUP}] group = {value!r} cannot be parsed; write it as 'name: first, second'."
            )
        duplicates = {ident for others in groups.values() for ident in others} & set(idents)
        if name in groups or duplicates:
            raise ValueError(
                f"[{GROUP}] group = {value!r}: {', '.join(sorted(duplicates)) or name} is already "
                "in another group."
            )
        groups[name] = idents
    return groups
