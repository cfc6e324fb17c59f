# SPDX-License-Identifier: Apache-2.0

"""Options of the hook in Mogan: group ``[mogan]`` of the plugin's own configuration."""

from pathlib import Path
from typing import Any

from oslo_config import cfg

GROUP = "mogan"

#: What Mogan's engine reads, besides its own configuration.
FILE = "valence-integration.conf"

OPTS = [
    cfg.BoolOpt(
        "schedule_first",
        default=False,
        help="Have Mogan look among the nodes that exist first, and compose one only when its "
        "scheduler finds none or has tried often enough. A flavor must say with resources of "
        "other names which existing nodes will do; one that names only what is to be composed "
        "is composed at once all the same.",
    ),
    cfg.FloatOpt(
        "wait_timeout",
        default=7200,
        min=1,
        help="Seconds that Mogan's engine waits until a server is composed and enrolled, and "
        "until it is given back. Longer than compose_timeout, enroll_timeout and "
        "give_back_timeout together is right: past it the server ends in error.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Make the options known to ``conf``; harmless when they are already."""
    conf.register_opts(OPTS, group=GROUP)


def read() -> cfg.ConfigOpts:
    """Read the plugin's own configuration, wherever oslo.config looks for it.

    It is apart from Mogan's: both have a group ``[ironic]``, with other options.
    """
    found = cfg.find_config_files(project="valence", prog=Path(FILE).stem)
    conf = cfg.ConfigOpts()
    conf(
        [],
        project="valence",
        default_config_files=[path for path in found if Path(path).name == FILE],
        default_config_dirs=[],
    )
    register_opts(conf)
    return conf


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options by group, for the sample configuration."""
    return [(GROUP, list(OPTS))]
