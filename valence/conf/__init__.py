# SPDX-License-Identifier: Apache-2.0

"""Options of the service, one file for each group."""

from collections.abc import Sequence
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from valence.conf import database
from valence.conf import default
from valence.conf import healthcheck
from valence.conf import inventory
from valence.conf import ironic
from valence.conf import nodes
from valence.conf import podmanagers
from valence.conf import scheduler
from valence_conductor import conf as conductor_conf

#: In the order of the sample configuration.
GROUPS: tuple[Any, ...] = (
    default,
    database,
    healthcheck,
    nodes,
    podmanagers,
    inventory,
    scheduler,
    ironic,
)


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register every option of the service, those of its conductor included."""
    for group in (*GROUPS, conductor_conf):
        group.register_opts(conf)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options of the service for the sample configuration."""
    return [entry for group in GROUPS for entry in group.list_opts()]


def read(
    argv: list[str], prog: str, options: Sequence[cfg.Opt] = (), **more: Any
) -> cfg.ConfigOpts:
    """Return the configuration of a process: from its files, then from its command line.

    :param options: of the command line of this command only.
    :param more: arguments of :class:`oslo_config.cfg.ConfigOpts`.
    :raises oslo_config.cfg.Error: an argument, a file or the value of an option is invalid.
    """
    conf = cfg.ConfigOpts()
    logging.register_options(conf)
    register_opts(conf)
    conf.register_cli_opts(options)
    # The standard output is for the results of commands.
    conf.set_default("use_stderr", True)
    conf(argv, project="valence", prog=prog, **more)
    conductor_conf.check_values(conf)
    return conf
