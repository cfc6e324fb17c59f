# SPDX-License-Identifier: Apache-2.0

"""Options of a conductor: group ``[conductor]``."""

from typing import Any

from oslo_config import cfg

GROUP = "conductor"

OPTS = [
    cfg.StrOpt(
        "connection",
        secret=True,
        help="Where flows are kept between their steps: the URL of a SQL database, of this "
        "process alone. By default a file of SQLite, flows.sqlite, beside the rows. Keep it "
        "apart from the rows: both are written all the time, and SQLite has one writer a file.",
    ),
    cfg.StrOpt(
        "jobboard",
        secret=True,
        help="Where jobs wait when more than one process does them: "
        "redis://[user:password@]host:6379[/db], zookeeper://host:2181[,host:2181...] or "
        "etcd://host:2379. By default jobs never leave the process that takes them, which is "
        "then the only one that may use this [conductor] connection. With a jobboard the "
        "connection must be one that all processes reach (PostgreSQL or MariaDB).",
    ),
    cfg.IntOpt(
        "lease",
        default=30,
        min=2,
        help="Seconds after which another process takes over the jobs of one that died "
        "(Redis and etcd; with ZooKeeper it is the session's timeout).",
    ),
    cfg.ListOpt(
        "ledgers",
        default=["nodes", "instances"],
        help="Whose rows a valence-conductor process works on: nodes (the service's) and "
        "instances (the provisioning plugin's). Name only those whose database and peers this "
        "configuration file knows.",
    ),
    cfg.IntOpt(
        "workers",
        default=8,
        min=0,
        help="How many flows of each ledger this process runs at the same time. A flow mostly "
        "waits for pod managers and for Ironic, so that more than the number of cores makes "
        "sense. With a jobboard, 0 makes a process that only takes requests and leaves the work "
        "to valence-conductor processes.",
    ),
    cfg.FloatOpt(
        "sweep_interval",
        default=30.0,
        min=0.1,
        help="Seconds between two looks for rows that ask for work which nobody does: the job "
        "of a process that died, or one that a database failure put off.",
    ),
    cfg.FloatOpt(
        "audit_interval",
        default=600.0,
        min=1.0,
        help="Seconds between two looks for what no row owns: composed nodes and nodes of "
        "Ironic that bear our mark. What is surely ours is given back, and all is logged.",
    ),
    cfg.HostAddressOpt(
        "metrics_host",
        default="127.0.0.1",
        help="The address on which the metrics are served.",
    ),
    cfg.PortOpt(
        "metrics_port",
        help="The port on which this process serves metrics for Prometheus; none by default. "
        "Every process on a host needs one of its own.",
    ),
    cfg.FloatOpt(
        "start_timeout",
        default=60.0,
        min=0.0,
        help="Seconds that a process waits, when it starts, for its databases and its jobboard to "
        "answer; they may start at the same time as it does. After that it says which one is "
        "away, and ends.",
    ),
    cfg.FloatOpt(
        "graceful_timeout",
        default=10.0,
        min=0.0,
        help="Seconds that a stopping process gives to the requests under way. A flow is left "
        "between two steps and goes on at the next start.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Make the options known to ``conf``."""
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """List the options, for the sample configuration."""
    return [(GROUP, list(OPTS))]
