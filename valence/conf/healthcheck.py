# SPDX-License-Identifier: Apache-2.0

"""Options of group ``[healthcheck]``: the details in the response of ``/healthcheck``."""

from typing import Any

from oslo_config import cfg

GROUP = "healthcheck"

OPTS = [
    cfg.BoolOpt(
        "detailed",
        default=False,
        help="Whether the response of /healthcheck, which is public, has the reasons of checks "
        "that are not ok: messages of the dependencies, which may contain host names. The "
        "status of each check is public in any case.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of ``[healthcheck]``."""
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for the sample configuration."""
    return [(GROUP, list(OPTS))]
