# SPDX-License-Identifier: Apache-2.0

"""Options of a conductor: group ``[conductor]``."""

from collections.abc import Mapping
from typing import Any

from oslo_config import cfg

GROUP = "conductor"

OPTS = [
    cfg.StrOpt(
        "connection",
        secret=True,
        help="URL of the SQL database that stores flows between their steps. It belongs to this "
        "process alone, unless a jobboard is set. The default is a SQLite file, flows.sqlite, "
        "next to that of the rows. Keep the two apart: both are written all the time, and SQLite "
        "has one writer per file.",
    ),
    cfg.StrOpt(
        "jobboard",
        secret=True,
        help="URL of the jobboard through which several processes share jobs: "
        "redis://[user:password@]host:6379[/db], zookeeper://host:2181[,host:2181...] or "
        "etcd://host:2379. By default jobs never leave the process that accepts them, which is "
        "then the only one that may use this [conductor] connection. With a jobboard the "
        "connection must be one that all processes reach (PostgreSQL or MariaDB).",
    ),
    cfg.IntOpt(
        "lease",
        default=30,
        min=2,
        help="Seconds after which another process takes over the jobs of a process that died "
        "(Redis and etcd; with ZooKeeper the timeout of the session counts instead).",
    ),
    cfg.ListOpt(
        "ledgers",
        default=["nodes", "instances"],
        help="The ledgers whose jobs a valence-conductor process runs: nodes (of the service) and "
        "instances (of the provisioning plugin). Name only those whose database and peers are "
        "configured in this file.",
    ),
    cfg.IntOpt(
        "workers",
        default=8,
        min=0,
        help="How many flows of each ledger this process runs at the same time. A flow mostly "
        "waits for pod managers and for Ironic, so that a number greater than that of the cores "
        "makes sense. With a jobboard, a process with 0 workers only accepts requests and leaves "
        "their jobs to valence-conductor processes.",
    ),
    cfg.FloatOpt(
        "sweep_interval",
        default=30.0,
        min=0.1,
        help="Seconds between two sweeps, which requeue the jobs of rows that no process works "
        "on: because the process died, or because of a database failure.",
    ),
    cfg.FloatOpt(
        "audit_interval",
        default=600.0,
        min=1.0,
        help="Seconds between two audits, which find composed nodes and Ironic nodes that carry "
        "the mark of this installation and that no row owns. Those that certainly belong to it "
        "are released; all of them are logged.",
    ),
    cfg.HostAddressOpt(
        "metrics_host",
        default="127.0.0.1",
        help="The address on which the metrics are served.",
    ),
    cfg.PortOpt(
        "metrics_port",
        help="The port on which this process serves metrics for Prometheus; by default it serves "
        "none. Every process on a host needs a port of its own.",
    ),
    cfg.FloatOpt(
        "start_timeout",
        default=60.0,
        min=0.0,
        help="Seconds that a starting process waits for its databases and its jobboard to answer; "
        "they may start at the same time. After that the process logs which of them is "
        "unreachable, and exits.",
    ),
    cfg.FloatOpt(
        "graceful_timeout",
        default=10.0,
        min=0.0,
        help="Seconds that a stopping process waits for the requests in progress. Flows stop "
        "between two steps and are resumed at the next start.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options with ``conf``."""
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options, for the sample configuration."""
    return [(GROUP, list(OPTS))]


def check_values(conf: cfg.ConfigOpts) -> None:
    """Read every option once.

    oslo.config converts a value when it is read for the first time: without this, a command
    would meet an invalid one in the middle of its work.

    :raises oslo_config.cfg.Error: a value is invalid; the error names the option and its file.
    """
    for name in conf:
        if isinstance(conf[name], Mapping):
            for option in conf[name]:
                conf[name].get(option)
