# SPDX-License-Identifier: Apache-2.0

"""The configurations of victims: those of a deployment, with short times."""

import logging
import pathlib
from typing import Any

from oslo_config import cfg
from oslo_log import log

from valence import conf as service_conf
from valence_conductor import conf as conductor_conf
from valence_integration import conf as integration_conf

#: Options of ``[conductor]`` for every victim.
CONDUCTOR = {"sweep_interval": 0.5, "workers": 4, "graceful_timeout": 2.0}

#: Options with which audits run all the time.
AUDITS = {"conductor__audit_interval": 1.0}

SERVICE: dict[str, Any] = {
    "podmanagers__poll_interval": 0.2,
    "podmanagers__connect_timeout": 2.0,
    "podmanagers__read_timeout": 5.0,
    "podmanagers__busy_timeout": 2.0,
    "podmanagers__allocate_timeout": 5.0,
    "podmanagers__assemble_timeout": 20.0,
    "podmanagers__delete_timeout": 20.0,
    "nodes__stray_grace": 0.5,
    "inventory__interval": 0.0,
    "nodes__outage_timeout": 6.0,
    "nodes__lost_answer_timeout": 0.3,
    "ironic__auth_type": "none",
    "ironic__lock_timeout": 10.0,
}

PLUGIN: dict[str, Any] = {
    "valence_integration__stray_grace": 0.5,
    "valence_integration__poll_interval": 0.2,
    "valence_integration__compose_timeout": 30.0,
    "valence_integration__enroll_timeout": 30.0,
    "valence_integration__deploy_timeout": 30.0,
    "valence_integration__give_back_timeout": 30.0,
    "valence_integration__silence_timeout": 10.0,
    "valence_integration__busy_timeout": 10.0,
    "valence__auth_type": "none",
    "ironic__auth_type": "none",
}


def service(folder: pathlib.Path, ironic: str, **options: Any) -> cfg.ConfigOpts:
    """Return the configuration of a Valence whose files are in a folder."""
    conf = service_conf.read([], prog="valence-api", default_config_files=[])
    own = {"state_path": str(folder), "ironic__endpoint_override": ironic}
    _override(conf, {**SERVICE, **own, **options})
    _log(conf)
    return conf


def plugin(folder: pathlib.Path, valence: str, ironic: str, **options: Any) -> cfg.ConfigOpts:
    """Return the configuration of a plugin whose files are in a folder."""
    conf = cfg.ConfigOpts()
    log.register_options(conf)
    conf([], project="valence", default_config_files=[])
    integration_conf.register_opts(conf)
    own = {
        "valence_integration__state_path": str(folder),
        "valence__endpoint_override": valence,
        "ironic__endpoint_override": ironic,
    }
    _override(conf, {**PLUGIN, **own, **options})
    _log(conf)
    return conf


def _override(conf: cfg.ConfigOpts, options: dict[str, Any]) -> None:
    conductor_conf.register_opts(conf)
    options = {**{f"conductor__{key}": value for key, value in CONDUCTOR.items()}, **options}
    for name, value in options.items():
        group, _, option = name.partition("__")
        if not option:
            conf.set_override(name, value)
        else:
            conf.set_override(option, value, group=group)


def _log(conf: cfg.ConfigOpts) -> None:
    """Log to standard error, which is the log file of the process."""
    conf.set_override("default_log_levels", ["taskflow=WARNING", "urllib3=WARNING"])
    log.setup(conf, "valence")
    logging.getLogger().setLevel(logging.INFO)
