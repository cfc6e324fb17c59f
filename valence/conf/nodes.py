# SPDX-License-Identifier: Apache-2.0

"""Options of group ``[nodes]``: outages during operations on nodes, and stray resources."""

from typing import Any

from oslo_config import cfg

GROUP = "nodes"

OPTS = [
    cfg.FloatOpt(
        "outage_timeout",
        default=120.0,
        min=0.0,
        help="Seconds for which an operation retries requests to a pod manager or an Ironic that "
        "does not respond, before the operation fails. Its revert may take the same time again.",
    ),
    cfg.FloatOpt(
        "lost_answer_timeout",
        default=5.0,
        min=0.0,
        help="Seconds for which a pod manager is searched for a node after the response to an "
        "Allocate request was lost, before it is certain that no node was allocated.",
    ),
    cfg.FloatOpt(
        "stray_grace",
        default=300.0,
        min=0.0,
        help="Seconds for which audits must have seen a resource that no node owns before it is "
        "reported, and released if this installation of Valence composed it.",
    ),
    cfg.BoolOpt(
        "give_back_strays",
        default=True,
        help="Whether an audit releases resources that this installation of Valence composed and "
        "that no node owns. Set it to false before the database is restored from a backup: "
        "nodes that are newer than the backup have no row.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of ``[nodes]``."""
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for the sample configuration."""
    return [(GROUP, list(OPTS))]
