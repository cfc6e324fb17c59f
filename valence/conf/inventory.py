# SPDX-License-Identifier: Apache-2.0

"""Options of group ``[inventory]``: what is known of the pods, and how fresh it is."""

from typing import Any

from oslo_config import cfg

GROUP = "inventory"

OPTS = [
    cfg.FloatOpt(
        "interval",
        default=600.0,
        min=0,
        help="Seconds between two refreshes of what is known of a pod manager, give or take a "
        "tenth. 0: only when asked.",
    ),
    cfg.FloatOpt(
        "retry_interval",
        default=60.0,
        min=0.1,
        help="Seconds after which a refresh is tried again that failed.",
    ),
    cfg.FloatOpt(
        "stale_after",
        default=1800.0,
        min=1,
        help="Seconds after which what is known is shown as stale, even if no refresh failed.",
    ),
    cfg.FloatOpt(
        "request_timeout",
        default=30.0,
        min=0,
        help="Seconds for which a request with refresh=true waits for pod managers. What is not "
        "there by then is shown as it is known, and the refresh goes on.",
    ),
    cfg.FloatOpt(
        "refresh_timeout",
        default=300.0,
        min=1,
        help="Seconds after which a refresh under way is taken for dead, and another process may "
        "begin one.",
    ),
    cfg.FloatOpt(
        "details_interval",
        default=86400.0,
        min=0,
        help="Seconds after which processors, drives and network interfaces of a system are "
        "read again even though the system says of itself what it said before.",
    ),
    cfg.FloatOpt(
        "forget_after",
        default=86400.0,
        min=0,
        help="Seconds for which a system that its pod manager does not list any more is kept as "
        "absent.",
    ),
    cfg.IntOpt(
        "workers",
        default=64,
        min=1,
        help="Pod managers that one process refreshes at the same time. A worker mostly waits.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Make the options known to ``conf``."""
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """List the options, for the sample configuration."""
    return [(GROUP, list(OPTS))]
