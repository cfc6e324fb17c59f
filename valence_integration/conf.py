# SPDX-License-Identifier: Apache-2.0

"""Options of the plugin: groups ``[valence_integration]``, ``[valence]`` and ``[ironic]``."""

import dataclasses
from typing import Any

from keystoneauth1 import loading
from oslo_config import cfg

from valence_integration.mogan import conf as mogan_conf

GROUP = "valence_integration"

OPTS = [
    cfg.StrOpt(
        "state_path",
        default="/var/lib/valence",
        help="Directory of the SQLite files that are used where no other database is named.",
    ),
    cfg.StrOpt(
        "connection",
        default="sqlite:///${valence_integration.state_path}/integration.sqlite",
        secret=True,
        help="Where the instances are kept: URL of a SQL database. The schema is made and "
        "brought up to date at every start.",
    ),
    cfg.FloatOpt(
        "compose_timeout",
        default=1800,
        min=1,
        help="Seconds in which Valence must have composed a node. Past them, the node is given "
        "back and the instance ends in error.",
    ),
    cfg.FloatOpt(
        "enroll_timeout",
        default=900,
        min=1,
        help="Seconds in which a composed node must be registered in Ironic and available "
        "there. Cleaning, where Ironic does it, is part of this.",
    ),
    cfg.FloatOpt(
        "deploy_timeout",
        default=3600,
        min=1,
        help="Seconds in which Ironic must have deployed an instance.",
    ),
    cfg.FloatOpt(
        "give_back_timeout",
        default=1800,
        min=1,
        help="Seconds for each step of giving back: undeploying (with cleaning, where Ironic "
        "does it), unregistering, releasing. They begin anew when a process resumes the step.",
    ),
    cfg.IntOpt(
        "give_back_attempts",
        default=3,
        min=1,
        help="How often a step of giving back is asked for when it fails. After the last one "
        "the instance ends in error, and what it still holds stays held: no hardware returns "
        "to a pool while Ironic owns it. Destroy the instance again when the cause is gone.",
    ),
    cfg.FloatOpt(
        "stray_grace",
        default=300,
        min=0,
        help="Seconds for which an audit must have seen what no instance owns before it is "
        "reported, and given back if it is surely ours.",
    ),
    cfg.BoolOpt(
        "give_back_strays",
        default=True,
        help="Whether an audit gives back what is surely ours and no instance owns. Switch it "
        "off before the database of instances is restored from a backup: instances that are "
        "younger than the backup look as if nobody owned them.",
    ),
    cfg.FloatOpt(
        "poll_interval",
        default=2.0,
        min=0.01,
        help="Longest pause, in seconds, between two looks at a node in Valence or in Ironic.",
    ),
    cfg.FloatOpt(
        "silence_timeout",
        default=120,
        min=0,
        help="Seconds for which Valence or Ironic may be silent, or answer with a server error, "
        "in the middle of an operation before it is given up.",
    ),
    cfg.FloatOpt(
        "busy_timeout",
        default=120,
        min=0,
        help="Seconds for which a node may be busy with something else (locked, in Ironic's "
        "words) before an operation on it is given up.",
    ),
    cfg.StrOpt(
        "resource_class",
        help="Resource class given to the nodes in Ironic. Unset, Valence chooses.",
    ),
    cfg.StrOpt(
        "conductor_group",
        help="Conductor group given to the nodes in Ironic. Use it to keep composed nodes apart "
        "from those that other services schedule on.",
    ),
    cfg.StrOpt(
        "owner",
        help="Owner (a project) given to the nodes in Ironic.",
    ),
]

#: group -> which service its keystoneauth options lead to.
PEERS = {"valence": "composable-baremetal", "ironic": "baremetal"}


@dataclasses.dataclass(frozen=True)
class Limits:
    """How long things may take, seconds, and how often they are tried."""

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
    """Make the options known to ``conf``; harmless when they are already."""
    conf.register_opts(OPTS, group=GROUP)
    for group in PEERS:
        loading.register_session_conf_options(conf, group)
        loading.register_auth_conf_options(conf, group)
        loading.register_adapter_conf_options(conf, group)


def list_opts() -> list[tuple[str, list[Any]]]:
    """List the options, for the sample configuration."""
    plugins = [_loader(name) for name in ("none", "http_basic", "v3password")]
    peer = [
        *loading.get_session_conf_options(),
        *loading.get_auth_common_conf_options(),
        *loading.get_adapter_conf_options(include_deprecated=False),
    ]
    known = {option.dest for option in peer}
    for plugin in plugins:
        for option in loading.get_auth_plugin_conf_options(plugin):
            if option.dest not in known:
                known.add(option.dest)
                peer.append(option)
    own = [(GROUP, list(OPTS)), (mogan_conf.GROUP, list(mogan_conf.OPTS))]
    return [*own, *((group, list(peer)) for group in PEERS)]


def _loader(name: str) -> Any:
    return loading.get_plugin_loader(name)


def limits(conf: cfg.ConfigOpts) -> Limits:
    """Read the limits."""
    options = conf[GROUP]
    return Limits(**{field.name: options[field.name] for field in dataclasses.fields(Limits)})


def registration(conf: cfg.ConfigOpts) -> dict[str, str]:
    """Read what every node is given when it is registered in Ironic."""
    names = ("resource_class", "conductor_group", "owner")
    options = conf[GROUP]
    return {name: options[name] for name in names if options[name]}
