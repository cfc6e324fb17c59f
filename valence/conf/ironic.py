# SPDX-License-Identifier: Apache-2.0

"""Options of group ``[ironic]``: the Ironic in which nodes are registered."""

import copy
from typing import Any

from keystoneauth1 import loading
from oslo_config import cfg

GROUP = "ironic"

OPTS = [
    cfg.FloatOpt(
        "lock_timeout",
        default=60.0,
        min=0,
        help="Seconds to wait for a node that Ironic has locked, or whose provision state is "
        "changing, before the attempt to change or delete it fails.",
    ),
]

#: Replacements for defaults of keystoneauth: no request may wait for ever.
DEFAULTS = {"timeout": 60, "service_type": "baremetal"}


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of ``[ironic]``."""
    # A new group for each conf: oslo.config shares the contents of a group object.
    conf.register_group(
        cfg.OptGroup(GROUP, title="The Ironic in which composed nodes are registered")
    )
    loading.register_session_conf_options(conf, GROUP)
    loading.register_auth_conf_options(conf, GROUP)
    loading.register_adapter_conf_options(conf, GROUP)
    conf.register_opts(OPTS, group=GROUP)
    for name, value in DEFAULTS.items():
        conf.set_default(name, value, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for the sample configuration."""
    opts = [
        *loading.get_session_conf_options(),
        *loading.get_adapter_conf_options(include_deprecated=False),
        *loading.get_auth_common_conf_options(),
    ]
    for plugin in ("none", "http_basic", "password", "v3applicationcredential"):
        opts += loading.get_auth_plugin_conf_options(plugin)
    unique = {opt.name: copy.deepcopy(opt) for opt in opts}
    cfg.set_defaults(list(unique.values()), **DEFAULTS)
    return [(GROUP, [*OPTS, *unique.values()])]
