# SPDX-License-Identifier: Apache-2.0

"""Make clients of Valence and of Ironic from the configuration.

Any keystoneauth plugin may be configured: ``none`` (the meaning of an unset
``auth_type``), ``http_basic``, or Keystone's own.
"""

from typing import Any

from ironicclient import client as ironic_client
from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import loading
from keystoneauth1 import noauth
from keystoneauth1 import session as ksa_session
from oslo_config import cfg

from valence_conductor import responses
from valence_integration import conf as integration_conf
from valence_integration import errors
import valenceclient.client

#: Timeout of one request in seconds, where the option ``timeout`` of the group is unset.
REQUEST_TIMEOUT = 60


def valence(conf: cfg.ConfigOpts) -> valenceclient.client.Client:
    """Return a client of Valence.

    :raises InvalidRequest: group ``[valence]`` has neither an address nor a usable auth plugin.
    """
    options = conf["valence"]
    return valenceclient.client.Client(
        _session(conf, "valence"),
        options.endpoint_override,
        service_type=options.service_type or integration_conf.PEERS["valence"],
        service_name=options.service_name,
        region_name=options.region_name,
        interface=options.valid_interfaces,
        timeout=options.timeout or REQUEST_TIMEOUT,
    )


def ironic(conf: cfg.ConfigOpts) -> Any:
    """Return a client of Ironic that never retries by itself.

    It negotiates the newest API version that both sides support.

    :raises InvalidRequest: group ``[ironic]`` has neither an address nor a usable auth plugin.
    """
    options = conf["ironic"]
    session: Any = _session(conf, "ironic")
    # keystoneauth would log whole bodies, and with them the secrets of a configdrive.
    session.request = responses.checking(session.request)
    return ironic_client.get_client(
        "1",
        session=session,
        endpoint=options.endpoint_override,
        os_ironic_api_version="latest",
        max_retries=0,
        service_type=options.service_type or integration_conf.PEERS["ironic"],
        region_name=options.region_name,
        valid_interfaces=options.valid_interfaces,
    )


def _session(conf: cfg.ConfigOpts, group: str) -> ksa_session.Session:
    options = conf[group]
    if options.auth_type is None and not options.endpoint_override:
        raise errors.InvalidRequest(
            f"Group [{group}] sets neither endpoint_override nor auth_type: set the first to "
            "the address of the service, or the second to a keystoneauth plugin that finds it."
        )
    try:
        auth = (
            loading.load_auth_from_conf_options(conf, group)
            if options.auth_type
            else noauth.NoAuth(endpoint=options.endpoint_override)
        )
    except (ksa_exceptions.NoMatchingPlugin, ksa_exceptions.MissingRequiredOptions) as exc:
        raise errors.InvalidRequest(f"Group [{group}]: {exc}") from exc
    session = loading.load_session_from_conf_options(conf, group, auth=auth)
    session.timeout = options.timeout or REQUEST_TIMEOUT
    return session
