# SPDX-License-Identifier: Apache-2.0

"""Options of group ``[database]``: the SQL database of the service."""

from typing import Any

from oslo_config import cfg

GROUP = "database"

OPTS = [
    cfg.StrOpt(
        "connection",
        default="sqlite:///$state_path/valence.sqlite",
        secret=True,
        help="URL of the SQL database with pod managers, flavors and nodes. valence-api creates "
        "and upgrades SQLite itself; for any other database, run valence-dbsync upgrade.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of ``[database]``."""
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for the sample configuration."""
    return [(GROUP, list(OPTS))]
