# SPDX-License-Identifier: Apache-2.0

"""Options of group ``[scheduler]``: which pod manager composes a node."""

from typing import Any

from oslo_config import cfg

GROUP = "scheduler"

OPTS = [
    cfg.ListOpt(
        "filters",
        default=["enabled", "online", "capable", "tags"],
        help="Filters that a pod manager must pass to be requested to compose a node: entry "
        "points of valence.scheduler.filters.",
    ),
    cfg.ListOpt(
        "weighers",
        default=["capacity", "latency"],
        help="Weighers that determine the order in which pod managers are requested: entry points "
        "of valence.scheduler.weighers.",
    ),
    cfg.StrOpt(
        "placement",
        default="spread",
        choices=[
            ("spread", "The pod manager with the most free systems that fit is requested first."),
            ("pack", "The one with the fewest is, so that the others stay free for large nodes."),
        ],
        help="How nodes are distributed over pod managers.",
    ),
    cfg.FloatOpt(
        "capacity_weight",
        default=1.0,
        min=0,
        help="Weight of the number of free systems, relative to the other weighers.",
    ),
    cfg.FloatOpt(
        "latency_weight",
        default=0.1,
        min=0,
        help="Weight of a short latency of the pod manager, relative to the other weighers.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of ``[scheduler]``."""
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for the sample configuration."""
    return [(GROUP, list(OPTS))]
