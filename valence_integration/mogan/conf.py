# SPDX-License-Identifier: Apache-2.0

"""Options of the hook in Mogan: group ``[mogan]`` of the plugin's own configuration."""

from pathlib import Path
from typing import Any

from oslo_config import cfg

GROUP = "mogan"

#: The file that Mogan's engine reads, besides Mogan's own configuration.
FILE = "valence-integration.conf"

OPTS = [
    cfg.BoolOpt(
        "schedule_first",
        default=False,
        help="Send a request to Mogan's scheduler first, which chooses from the existing nodes, "
        "and compose a node only when it finds none or its attempts are exhausted. The flavor "
        "must then also name the resources of the existing nodes that fit. A flavor that names "
        "only hardware to compose is composed without the scheduler.",
    ),
    cfg.FloatOpt(
        "wait_timeout",
        default=7200,
        min=1,
        help="Seconds for which Mogan's engine waits until the node of a server is composed and "
        "enrolled, and until it is released. Must be longer than compose_timeout, enroll_timeout "
        "and give_back_timeout together. After that the server is set to error.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options; idempotent."""
    conf.register_opts(OPTS, group=GROUP)


def read() -> cfg.ConfigOpts:
    """Read the plugin's own configuration from the directories that oslo.config searches.

    It is separate from Mogan's, because both have a group ``[ironic]`` with different options.
    """
    files = cfg.find_config_files(project="valence", prog=Path(FILE).stem)
    conf = cfg.ConfigOpts()
    conf(
        [],
        project="valence",
        default_config_files=[path for path in files if Path(path).name == FILE],
        default_config_dirs=[],
    )
    register_opts(conf)
    return conf


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options by group, for the sample configuration."""
    return [(GROUP, list(OPTS))]
