# SPDX-License-Identifier: Apache-2.0

"""Options of group ``[scheduler]``: which pod manager composes a node."""

from typing import Any

from oslo_config import cfg

GROUP = "scheduler"

OPTS = [
    cfg.ListOpt(
        "filters",
        default=["enabled", "online", "capable", "tags"],
        help="What a pod manager must pass to be asked for a node: entry points of "
        "valence.scheduler.filters.",
    ),
    cfg.ListOpt(
        "weighers",
        default=["capacity", "latency"],
        help="What decides who of them is asked first: entry points of "
        "valence.scheduler.weighers.",
    ),
    cfg.StrOpt(
        "placement",
        default="spread",
        choices=[
            ("spread", "The pod manager with the most free systems that fit is asked first."),
            ("pack", "The one with the fewest is, so that others stay free for what is large."),
        ],
        help="How nodes are distributed over pod managers.",
    ),
    cfg.FloatOpt(
        "capacity_weight",
        default=1.0,
        min=0,
        help="How much free systems count, beside the other weighers.",
    ),
    cfg.FloatOpt(
        "latency_weight",
        default=0.1,
        min=0,
        help="How much a quick pod manager counts, beside the other weighers.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Make the options known to ``conf``."""
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """List the options, for the sample configuration."""
    return [(GROUP, list(OPTS))]
