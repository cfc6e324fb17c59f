# SPDX-License-Identifier: Apache-2.0

"""Options of group ``[ironic]``, and a client of Ironic that is configured by them."""

import copy
import functools
from typing import Any

from keystoneauth1 import loading
from keystoneauth1 import noauth
from oslo_config import cfg
import requests
from requests import adapters

from valence import errors

GROUP = "ironic"

#: The API of Train: ``owner`` is the newest field that Valence writes.
MICROVERSION = "1.50"

OPTS = [
    cfg.FloatOpt(
        "lock_timeout",
        default=60.0,
        min=0,
        help="Seconds to wait for a node that Ironic has locked, or whose provision state is "
        "changing, before the attempt to delete it fails.",
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


def client(conf: cfg.ConfigOpts, transport: adapters.BaseAdapter | None = None) -> Any:
    """Return a client of Ironic that retries nothing by itself.

    :param transport: replaces the network in tests.
    :raises IronicNotConfigured: neither an endpoint nor authentication is configured.
    """
    # Imported late: it imports prometheus_client, for which workers set a variable before.
    import ironicclient.client

    options = conf.ironic
    if not options.auth_type and not options.auth_section and not options.endpoint_override:
        raise errors.IronicNotConfigured(
            "No Ironic is configured. Set endpoint_override and auth_type in [ironic] of the "
            "configuration, and restart the service."
        )
    auth = loading.load_auth_from_conf_options(conf, GROUP) or noauth.NoAuth()
    session: Any = loading.load_session_from_conf_options(
        conf, GROUP, auth=auth, session=_http(transport)
    )
    # keystoneauth would log whole bodies, and with them a BMC's password.
    session.request = functools.partial(session.request, log=False)
    adapter = loading.load_adapter_from_conf_options(conf, GROUP, session=session, auth=auth)
    return ironicclient.client.Client(
        "1",
        endpoint_override=adapter.endpoint_override,
        session=session,
        service_type=adapter.service_type,
        interface=adapter.interface,
        region_name=adapter.region_name,
        os_ironic_api_version=MICROVERSION,
        # The client retries every conflict for seconds; valence.ironic retries some of them.
        max_retries=0,
    )


def _http(transport: adapters.BaseAdapter | None) -> requests.Session | None:
    if transport is None:
        return None
    http = requests.Session()
    http.mount("http://", transport)
    http.mount("https://", transport)
    return http
