# SPDX-License-Identifier: Apache-2.0

"""Options of the service."""

from collections.abc import Sequence
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from valence.conf import inventory as inventory_conf
from valence.conf import ironic as ironic_conf
from valence.conf import podmanagers as podmanagers_conf
from valence.conf import scheduler as scheduler_conf
from valence_conductor import conf as conductor_conf

DEFAULT_OPTS = [
    cfg.StrOpt(
        "auth_strategy",
        default="noauth",
        choices=[
            ("noauth", "Everybody who reaches the service may do everything."),
            ("http_basic", "Everybody with a password in a file may do everything."),
            ("keystone", "Keystone says whose a token is; policies say what they may do."),
        ],
        help="How the service finds out who is asking. With noauth, keep it on an address that "
        "only trusted machines reach.",
    ),
    cfg.StrOpt(
        "http_basic_auth_user_file",
        default="/etc/valence/htpasswd",
        help="File with the users of http_basic and the bcrypt digests of their passwords, one "
        "'user:digest' a line, as htpasswd -B writes it. It is read again when it changes.",
    ),
    cfg.FloatOpt(
        "refused_credentials_time",
        default=10.0,
        min=0.0,
        help="Seconds for which credentials that were refused are refused again without asking "
        "Keystone or computing anything. 0 asks each time.",
    ),
    cfg.HostAddressOpt(
        "host_ip",
        default="127.0.0.1",
        help="Address that valence-api listens on.",
    ),
    cfg.PortOpt(
        "port",
        default=8881,
        help="Port that valence-api listens on.",
    ),
    cfg.IntOpt(
        "api_threads",
        default=16,
        min=1,
        help="How many requests valence-api answers at the same time; more of them wait.",
    ),
    cfg.StrOpt(
        "public_endpoint",
        help="URL at which clients reach the service, without /v1, for the links in its answers: "
        "set it behind a proxy. By default links bear the host that the client asked.",
    ),
    cfg.IntOpt(
        "max_request_body",
        default=1024 * 1024,
        min=1024,
        help="Bytes of the longest request body that the service reads.",
    ),
    cfg.StrOpt(
        "state_path",
        default="/var/lib/valence",
        help="Folder for what the service keeps: its databases, unless they are elsewhere, and "
        "the keys that credentials are encrypted with. Made when missing, for its user alone.",
    ),
    cfg.StrOpt(
        "key_file",
        default="$state_path/credentials.keys",
        help="File with the keys that the credentials of pod managers are encrypted with, one a "
        "line: the first encrypts, all of them decrypt. Made when missing, readable for the "
        "user of the service alone. All processes on one database need the same keys; without "
        "them the credentials are lost.",
    ),
]

DATABASE_OPTS = [
    cfg.StrOpt(
        "connection",
        default="sqlite:///$state_path/valence.sqlite",
        secret=True,
        help="URL of the SQL database with pod managers, flavors and nodes. SQLite is made and "
        "upgraded by valence-api itself; for any other, run valence-dbsync upgrade.",
    ),
]

HEALTHCHECK_OPTS = [
    cfg.BoolOpt(
        "detailed",
        default=False,
        help="Whether /healthcheck says why something is ill, in its own words, which may name "
        "hosts. It says what is ill in any case, to everybody.",
    ),
]

NODES_OPTS = [
    cfg.FloatOpt(
        "outage_timeout",
        default=120.0,
        min=0.0,
        help="Seconds for which an operation under way goes on asking a pod manager or an Ironic "
        "that does not answer, before the operation fails. The same time is given to the "
        "attempts to undo it.",
    ),
    cfg.FloatOpt(
        "lost_answer_timeout",
        default=5.0,
        min=0.0,
        help="Seconds for which a pod manager that got a request to allocate, and whose answer "
        "was lost, is searched for the node before it is taken for certain that there is none.",
    ),
    cfg.FloatOpt(
        "stray_grace",
        default=300.0,
        min=0.0,
        help="Seconds for which an audit must have seen what no node owns before it is reported, "
        "and given back if it is surely ours.",
    ),
    cfg.BoolOpt(
        "give_back_strays",
        default=True,
        help="Whether an audit gives back what is surely ours and no node owns. Switch it off "
        "before the database is restored from a backup: nodes that are younger than the backup "
        "look as if nobody owned them.",
    ),
]

GROUPS: tuple[tuple[str, Sequence[cfg.Opt]], ...] = (
    ("DEFAULT", DEFAULT_OPTS),
    ("database", DATABASE_OPTS),
    ("healthcheck", HEALTHCHECK_OPTS),
    ("nodes", NODES_OPTS),
)


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Make every option that the service reads known to ``conf``."""
    for group, opts in GROUPS:
        conf.register_opts(opts, group=None if group == "DEFAULT" else group)
    podmanagers_conf.register_opts(conf)
    inventory_conf.register_opts(conf)
    scheduler_conf.register_opts(conf)
    ironic_conf.register_opts(conf)
    conductor_conf.register_opts(conf)


def list_opts() -> list[tuple[str, list[Any]]]:
    """List the options of the service, for the sample configuration."""
    own = [(group, list(opts)) for group, opts in GROUPS]
    others = (podmanagers_conf, inventory_conf, scheduler_conf, ironic_conf)
    return own + [group for module in others for group in module.list_opts()]


def read(
    argv: list[str], prog: str, options: Sequence[cfg.Opt] = (), **more: Any
) -> cfg.ConfigOpts:
    """Read a process's configuration: its files, then its command line.

    :param options: what only this command has on its command line.
    :param more: for :class:`oslo_config.cfg.ConfigOpts`.
    """
    conf = cfg.ConfigOpts()
    logging.register_options(conf)
    register_opts(conf)
    conf.register_cli_opts(options)
    # The standard output is for what a command was asked for.
    conf.set_default("use_stderr", True)
    conf(argv, project="valence", prog=prog, **more)
    return conf
