# SPDX-License-Identifier: Apache-2.0

"""Options of group ``[podmanagers]``: how we speak to pod managers."""

from typing import Any

from oslo_config import cfg

GROUP = "podmanagers"

OPTS = [
    cfg.FloatOpt(
        "connect_timeout",
        default=5.0,
        min=0.1,
        help="Seconds in which a pod manager must accept a connection.",
    ),
    cfg.FloatOpt(
        "read_timeout",
        default=60.0,
        min=0.1,
        help="Seconds of silence after which an answer of a pod manager is given up as lost.",
    ),
    cfg.FloatOpt(
        "request_timeout",
        default=120.0,
        min=0.1,
        help="Seconds in which a request to a pod manager must have been answered in full, "
        "however lively it answers.",
    ),
    cfg.FloatOpt(
        "queue_timeout",
        default=30.0,
        min=0,
        help="Seconds for which a request waits for its turn while a pod manager has pool_size "
        "of them already.",
    ),
    cfg.FloatOpt(
        "busy_timeout",
        default=30.0,
        min=0,
        help="Seconds for which reading is repeated while a pod manager answers 503 or 429 with "
        "a Retry-After header. 0: give up at once.",
    ),
    cfg.IntOpt(
        "pool_size",
        default=10,
        min=1,
        help="Connections kept open to each pod manager, which is also how many requests it gets "
        "from one process at the same time; more of them wait.",
    ),
    cfg.IntOpt(
        "session_after",
        default=50,
        min=-1,
        help="Requests that a process sends to a pod manager with a user name and a password "
        "before it logs in by SessionService and sends a token instead. A session costs two "
        "requests, and a pod manager has few of them. 0: log in at once. -1: never.",
    ),
    cfg.FloatOpt(
        "poll_interval",
        default=2.0,
        min=0.05,
        help="Seconds between two looks at a node that is being allocated, assembled or deleted, "
        "at the most.",
    ),
    cfg.FloatOpt(
        "allocate_timeout",
        default=300.0,
        min=1,
        help="Seconds in which a pod manager must have allocated a node.",
    ),
    cfg.FloatOpt(
        "assemble_timeout",
        default=1800.0,
        min=1,
        help="Seconds in which a pod manager must have assembled a node; real ones take minutes.",
    ),
    cfg.FloatOpt(
        "delete_timeout",
        default=900.0,
        min=1,
        help="Seconds in which a pod manager must have given back what a deleted node held, "
        "erasing its drives included.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of ``[podmanagers]``."""
    # A group of its own for each conf: oslo.config shares what a group holds.
    conf.register_group(cfg.OptGroup(GROUP, title="Speaking to pod managers"))
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Give the options to the sample generator."""
    return [(GROUP, OPTS)]
