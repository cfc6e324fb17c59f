# SPDX-License-Identifier: Apache-2.0

"""From the options of the standalone program to a client.

With an address alone nobody logs in (``none``), with a user beside it that is
``http_basic``; a cloud, an auth URL or another auth type mean Keystone, by way
of openstacksdk's configuration (clouds.yaml, OS_* variables).
"""

import argparse
from collections.abc import Callable
import os

from keystoneauth1 import http_basic
from keystoneauth1 import noauth
from keystoneauth1 import plugin
from keystoneauth1 import session as ksa_session

from valenceclient import client
from valenceclient import errors

#: option, variable, what it is. Their values go to openstacksdk as they are.
OPTIONS = (
    ("--os-cloud", "OS_CLOUD", "Cloud in clouds.yaml"),
    ("--os-auth-type", "OS_AUTH_TYPE", "How to log in: none, http_basic, password, ..."),
    ("--os-auth-url", "OS_AUTH_URL", "Address of Keystone"),
    ("--os-username", "OS_USERNAME", "User"),
    ("--os-password", "OS_PASSWORD", "Password; asked for in a terminal if not given"),
    ("--os-project-name", "OS_PROJECT_NAME", "Project"),
    ("--os-user-domain-name", "OS_USER_DOMAIN_NAME", "Domain of the user"),
    ("--os-project-domain-name", "OS_PROJECT_DOMAIN_NAME", "Domain of the project"),
    ("--os-region-name", "OS_REGION_NAME", "Region of the service"),
    ("--os-interface", "OS_INTERFACE", "Which address of the catalog: public, internal, admin"),
    ("--os-cacert", "OS_CACERT", "Bundle of CA certificates to verify servers with"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add where Valence is and how to log in."""
    group = parser.add_argument_group("where and as whom")
    group.add_argument(
        "--endpoint",
        metavar="<url>",
        default=os.environ.get("VALENCE_ENDPOINT"),
        help="Address of Valence, for example http://127.0.0.1:8881 (Env: VALENCE_ENDPOINT)",
    )
    for option, variable, what in OPTIONS:
        group.add_argument(
            option,
            metavar=f"<{option.removeprefix('--os-')}>",
            default=os.environ.get(variable) or None,
            help=f"{what} (Env: {variable})",
        )
    group.add_argument(
        "--insecure", action="store_true", help="Do not verify the certificates of servers"
    )


def make_client(options: argparse.Namespace, ask: Callable[..., str]) -> client.Client:
    """Return the client that the options describe.

    ``ask`` gets a prompt and returns a password. Raises NoEndpoint if the
    options lead nowhere, ValenceError if openstacksdk refuses them.
    """
    keystone = options.os_cloud or options.os_auth_url
    kind = options.os_auth_type or (
        "keystone" if keystone else "http_basic" if options.os_username else "none"
    )
    if kind in ("none", "http_basic") and options.endpoint:
        return _direct(options, kind, ask)
    if not keystone and not options.os_auth_type:
        raise errors.NoEndpoint(
            "Where is Valence? Give --endpoint or VALENCE_ENDPOINT; or log in to Keystone with "
            "--os-cloud or the OS_* variables, to find it in the catalog."
        )
    return _configured(options, ask)


def _direct(options: argparse.Namespace, kind: str, ask: Callable[..., str]) -> client.Client:
    auth: plugin.BaseAuthPlugin = noauth.NoAuth()
    if kind == "http_basic":
        password = options.os_password or ask(f"Password of {options.os_username}: ")
        auth = http_basic.HTTPBasicAuth(username=options.os_username, password=password)
    verify = False if options.insecure else options.os_cacert or True
    return client.Client(ksa_session.Session(auth=auth, verify=verify), endpoint=options.endpoint)


def _configured(options: argparse.Namespace, ask: Callable[..., str]) -> client.Client:
    # Half a second to import, which those with an endpoint need not spend.
    from keystoneauth1 import exceptions as ksa
    from openstack import config
    from openstack import exceptions

    given = {
        name: value
        for name, value in vars(options).items()
        if name.startswith("os_") and value is not None
    }
    if options.insecure:
        given["insecure"] = True
    try:
        region = config.OpenStackConfig(pw_func=ask).get_one(argparse=argparse.Namespace(**given))
        session = region.get_session()
    except (exceptions.SDKException, ksa.ClientException) as exc:
        raise errors.ValenceError(f"{exc} Check --os-cloud and the OS_* variables.") from exc
    return client.Client(
        session,
        endpoint=options.endpoint or region.get_endpoint(client.SERVICE_TYPE),
        region_name=region.get_region_name(client.SERVICE_TYPE),
        interface=region.get_interface(client.SERVICE_TYPE),
    )
