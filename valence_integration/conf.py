# SPDX-License-Identifier: Apache-2.0

"""Options of the plugin: groups ``[valence_integration]``, ``[valence]`` and ``[ironic]``."""

import dataclasses
from typing import Any

from keystoneauth1 import loading
from oslo_config import cfg

GROUP = "valence_integration"

OPTS = [
    cfg.StrOpt(
        "state_path",
        default="/var/lib/valence",
        help="Directory of the SQLite files that are used where no other database is configured.",
    ),
    cfg.StrOpt(
        "connection",
        default="sqlite:///${valence_integration.state_path}/integration.sqlite",
        secret=True,
        help="URL of the SQL database of instances. The schema is created or upgraded at every "
        "start.",
    ),
    cfg.FloatOpt(
        "compose_timeout",
        default=1800,
        min=1,
        help="Timeout in seconds for Valence to compose a node. After it, the node is released "
        "and the instance ends in error.",
    ),
    cfg.FloatOpt(
        "enroll_timeout",
        default=900,
        min=1,
        help="Timeout in seconds for a composed node to be registered in Ironic and available "
        "there, including cleaning where it is enabled in Ironic.",
    ),
    cfg.FloatOpt(
        "deploy_timeout",
        default=3600,
        min=1,
        help="Timeout in seconds for Ironic to deploy an instance.",
    ),
    cfg.FloatOpt(
        "give_back_timeout",
        default=1800,
        min=1,
        help="Timeout in seconds of each step that releases resources: undeploying (including "
        "cleaning where it is enabled in Ironic), unregistering, releasing. It starts again when "
        "a process resumes the step.",
    ),
    cfg.IntOpt(
        "give_back_attempts",
        default=3,
        min=1,
        help="How many times a failing step that releases resources is attempted. After the last "
        "attempt the instance ends in error and keeps its remaining resources: no hardware "
        "returns to a pool while Ironic has its node. Destroy the instance again when the cause "
        "is fixed.",
    ),
    cfg.FloatOpt(
        "stray_grace",
        default=300,
        min=0,
        help="Seconds for which audits must have seen a node that no instance owns before it is "
        "reported, and released if it is marked with the uuid of this installation.",
    ),
    cfg.BoolOpt(
        "give_back_strays",
        default=True,
        help="Whether an audit releases nodes that no instance owns and that are marked with the "
        "uuid of this installation. Disable it before you restore the database of instances "
        "from a backup: nodes of instances newer than the backup have no row in it.",
    ),
    cfg.FloatOpt(
        "poll_interval",
        default=2.0,
        min=0.01,
        help="Longest pause, in seconds, between two reads of a node in Valence or in Ironic.",
    ),
    cfg.FloatOpt(
        "silence_timeout",
        default=120,
        min=0,
        help="Seconds for which Valence or Ironic may be unreachable, or return server errors, "
        "during an operation before the operation fails.",
    ),
    cfg.FloatOpt(
        "busy_timeout",
        default=120,
        min=0,
        help="Seconds for which a node may be busy with another operation (locked, in Ironic's "
        "terms) before an operation on it fails.",
    ),
    cfg.StrOpt(
        "resource_class",
        help="Resource class of the nodes in Ironic. If unset, Valence chooses.",
    ),
    cfg.StrOpt(
        "conductor_group",
        help="Conductor group of the nodes in Ironic. Use it to separate composed nodes from "
        "those on which other services schedule.",
    ),
    cfg.StrOpt(
        "owner",
        help="Owner (a project) of the nodes in Ironic.",
    ),
]

#: group -> type of the service that its keystoneauth options configure.
PEERS = {"valence": "composable-baremetal", "ironic": "baremetal"}


@dataclasses.dataclass(frozen=True)
class Limits:
    """The options that limit operations: timeouts in seconds, and numbers of attempts."""

    compose_timeout: float
    enroll_timeout: float
    deploy_timeout: float
    give_back_timeout: float
    give_back_attempts: int
    poll_interval: float
    silence_timeout: float
    busy_timeout: float
    stray_grace: float = 300
    give_back_strays: bool = True


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options in ``conf``; may be repeated."""
    conf.register_opts(OPTS, group=GROUP)
    for group in PEERS:
        loading.register_session_conf_options(conf, group)
        loading.register_auth_conf_options(conf, group)
        loading.register_adapter_conf_options(conf, group)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options by group, for the sample configuration."""
    plugins: list[Any] = [
        loading.get_plugin_loader(name) for name in ("none", "http_basic", "v3password")
    ]
    peer = [
        *loading.get_session_conf_options(),
        *loading.get_auth_common_conf_options(),
        *loading.get_adapter_conf_options(include_deprecated=False),
    ]
    names = {option.dest for option in peer}
    for plugin in plugins:
        for option in loading.get_auth_plugin_conf_options(plugin):
            if option.dest not in names:
                names.add(option.dest)
                peer.append(option)
    return [(GROUP, list(OPTS)), *((group, list(peer)) for group in PEERS)]


def limits(conf: cfg.ConfigOpts) -> Limits:
    """Return the limits that are configured."""
    options = conf[GROUP]
    return Limits(**{field.name: options[field.name] for field in dataclasses.fields(Limits)})


def registration(conf: cfg.ConfigOpts) -> dict[str, str]:
    """Return the fields of every node that is registered in Ironic."""
    names = ("resource_class", "conductor_group", "owner")
    options = conf[GROUP]
    return {name: options[name] for name in names if options[name]}
