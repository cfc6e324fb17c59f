# SPDX-License-Identifier: Apache-2.0

"""Options of group ``[podmanagers]``: connections to pod managers."""

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
        help="Seconds without a byte after which a response of a pod manager counts as lost.",
    ),
    cfg.FloatOpt(
        "request_timeout",
        default=120.0,
        min=0.1,
        help="Seconds in which the response to a request must be complete, even if a pod manager "
        "keeps sending.",
    ),
    cfg.FloatOpt(
        "queue_timeout",
        default=30.0,
        min=0,
        help="Seconds for which a request waits while pool_size others to the same pod manager "
        "are running.",
    ),
    cfg.FloatOpt(
        "busy_timeout",
        default=30.0,
        min=0,
        help="Seconds for which a GET is retried while a pod manager answers 503 or 429 with a "
        "Retry-After header. 0: it is not retried.",
    ),
    cfg.IntOpt(
        "pool_size",
        default=10,
        min=1,
        help="Connections kept open to each pod manager, which is also the number of concurrent "
        "requests that one process sends to it; further ones wait.",
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
        help="Maximum seconds between two reads of a node that is being allocated, assembled or "
        "deleted.",
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
        "task_timeout",
        default=60.0,
        min=0,
        help="Seconds for which a reset, a boot setting or a deletion waits for its task, if a "
        "pod manager has accepted it as one, before it counts as accepted.",
    ),
    cfg.FloatOpt(
        "delete_timeout",
        default=900.0,
        min=1,
        help="Seconds in which a pod manager must have returned the parts of a deleted node to "
        "the pool, erasing its drives included.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of ``[podmanagers]``."""
    # A group of its own for each conf: oslo.config shares what a group holds.
    conf.register_group(cfg.OptGroup(GROUP, title="Connections to pod managers"))
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for the sample generator."""
    return [(GROUP, OPTS)]
