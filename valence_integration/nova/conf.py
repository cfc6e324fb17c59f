# SPDX-License-Identifier: Apache-2.0

"""Options of the compute driver: group ``[valence]`` of nova.conf.

They stand beside Nova's own, which has a ``[conductor]`` and an ``[ironic]`` of its
own: what the plugin itself needs is in its own file, which ``config_file`` names.
"""

from collections.abc import Sequence
from typing import Any

from oslo_config import cfg

GROUP = "valence"

OPTS = [
    cfg.ListOpt(
        "config_file",
        default=["/etc/valence/valence-integration.conf"],
        help="Configuration files of the provisioning plugin: where its instances are kept, and "
        "how Valence and Ironic are reached. Every nova-compute needs a database of its own "
        "there, or with a jobboard one database for all of them.",
    ),
    cfg.ListOpt(
        "pod_managers",
        default=[],
        help="The pod managers, by name or uuid, that this nova-compute composes on. By default "
        "all that Valence knows, new ones too. With more than one nova-compute, divide them: "
        "Nova refuses to start a second one for the same pod manager.",
    ),
    cfg.MultiStrOpt(
        "group",
        default=[],
        help="Several pod managers that are one compute node, as 'name: first, second'; may be "
        "given several times. Pod managers that are in no group are a compute node each. Once "
        "servers run on a group, its name and its pod managers stay.",
    ),
    cfg.ListOpt(
        "architectures",
        default=["x86_64"],
        help="Architectures of the machines, for images that name one: the scheduler looks for "
        "it before anything is composed.",
    ),
    cfg.IntOpt(
        "assumed_room",
        default=100,
        min=0,
        help="How many more nodes of each flavor a pod manager is taken to have room for, as "
        "long as Valence does not say and the pod manager has not refused. No more servers than "
        "this can be asked of it at once.",
    ),
    cfg.FloatOpt(
        "full_interval",
        default=600,
        min=0,
        help="Seconds for which a pod manager that refused a flavor is taken to be full for it, "
        "unless a node is given back before.",
    ),
    cfg.FloatOpt(
        "inventory_interval",
        default=30,
        min=0,
        help="Seconds for which one look at all pod managers, nodes and flavors serves the "
        "compute nodes of this process.",
    ),
    cfg.FloatOpt(
        "compose_timeout",
        default=3600,
        min=1,
        help="Seconds in which a server's machine must be composed and enrolled, its place in "
        "the queue included. Past them it is given back and the server ends in error.",
    ),
    cfg.FloatOpt(
        "destroy_timeout",
        default=3600,
        min=1,
        help="Seconds for which deleting a server waits until its machine was given back, with "
        "cleaning where Ironic does it. Past them the server is in error, the giving back goes "
        "on, and the server can be deleted again.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Make the options known to ``conf``; harmless when they are already."""
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """List the options, for the sample configuration."""
    return [(GROUP, list(OPTS))]


def groups(written: Sequence[str]) -> dict[str, list[str]]:
    """Read the groups of pod managers: name of the compute node to names or uuids.

    :raises ValueError: one is not written as ``name: first, second``, or two share
        a name or a pod manager.
    """
    found: dict[str, list[str]] = {}
    for text in written:
        name, colon, members = text.partition(":")
        name, pods = name.strip(), [pod.strip() for pod in members.split(",") if pod.strip()]
        if not (name and colon and pods):
            raise ValueError(
                f"[{GROUP}] group = {text!r} cannot be read; write it as 'name: first, second'."
            )
        taken = {pod for others in found.values() for pod in others} & set(pods)
        if name in found or taken:
            raise ValueError(
                f"[{GROUP}] group = {text!r}: {', '.join(sorted(taken)) or name} is in another "
                "group already."
            )
        found[name] = pods
    return found
