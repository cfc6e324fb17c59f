# SPDX-License-Identifier: Apache-2.0

"""Options of group ``[inventory]``: how often pod managers are read."""

from typing import Any

from oslo_config import cfg

GROUP = "inventory"

OPTS = [
    cfg.FloatOpt(
        "interval",
        default=600.0,
        min=0,
        help="Seconds between two refreshes of the inventory of a pod manager, give or take a "
        "tenth. 0: only on request.",
    ),
    cfg.FloatOpt(
        "retry_interval",
        default=60.0,
        min=0.1,
        help="Seconds after which a failed refresh is retried.",
    ),
    cfg.FloatOpt(
        "stale_after",
        default=1800.0,
        min=1,
        help="Seconds after which inventory data is shown as stale, even if no refresh failed.",
    ),
    cfg.FloatOpt(
        "request_timeout",
        default=30.0,
        min=0,
        help="Seconds for which a request with refresh=true waits for pod managers. After that "
        "the response has the previous inventory of those that are not ready, whose refresh "
        "continues.",
    ),
    cfg.FloatOpt(
        "refresh_timeout",
        default=300.0,
        min=1,
        help="Seconds after which an unfinished refresh is considered dead, and another process "
        "may start one.",
    ),
    cfg.FloatOpt(
        "details_interval",
        default=86400.0,
        min=0,
        help="Seconds after which processors, drives and network interfaces of a system are read "
        "again even if the system itself has not changed.",
    ),
    cfg.FloatOpt(
        "forget_after",
        default=86400.0,
        min=0,
        help="Seconds for which a system that its pod manager no longer lists is kept as absent.",
    ),
    cfg.IntOpt(
        "workers",
        default=64,
        min=1,
        help="Number of pod managers that one process refreshes at the same time. A worker mostly "
        "waits.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of ``[inventory]``."""
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for the sample configuration."""
    return [(GROUP, list(OPTS))]
