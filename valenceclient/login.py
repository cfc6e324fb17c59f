# SPDX-License-Identifier: Apache-2.0

"""Make a client from the options of the standalone program.

An endpoint alone means no authentication (``none``), an endpoint and a user name
``http_basic``; a cloud, an auth URL or another auth type mean Keystone, through
openstacksdk's configuration (clouds.yaml, OS_* variables).
"""

import argparse
from collections.abc import Callable
import os

from keystoneauth1 import http_basic
from keystoneauth1 import noauth
from keystoneauth1 import plugin
from keystoneauth1 import session as ksa_session

from valenceclient import errors
from valenceclient.client import Client
from valenceclient.client import SERVICE_TYPE

#: option, variable, description. Their values are passed to openstacksdk unchanged.
OPTIONS = (
    ("--os-cloud", "OS_CLOUD", "Cloud in clouds.yaml"),
    ("--os-auth-type", "OS_AUTH_TYPE", "How to log in: none, http_basic, password, ..."),
    ("--os-auth-url", "OS_AUTH_URL", "Address of Keystone"),
    ("--os-username", "OS_USERNAME", "User"),
    ("--os-password", "OS_PASSWORD", "Password; prompted for in a terminal by default"),
    ("--os-project-name", "OS_PROJECT_NAME", "Project"),
    ("--os-user-domain-name", "OS_USER_DOMAIN_NAME", "Domain of the user"),
    ("--os-project-domain-name", "OS_PROJECT_DOMAIN_NAME", "Domain of the project"),
    ("--os-region-name", "OS_REGION_NAME", "Region of the service"),
    ("--os-interface", "OS_INTERFACE", "Interface of the catalog: public, internal, admin"),
    ("--os-cacert", "OS_CACERT", "Bundle of CA certificates to verify servers with"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for the endpoint and the authentication."""
    group = parser.add_argument_group("endpoint and authentication")
    group.add_argument(
        "--endpoint",
        metavar="<url>",
        default=os.environ.get("VALENCE_ENDPOINT"),
        help="Address of Valence, for example http://127.0.0.1:8881 (Env: VALENCE_ENDPOINT)",
    )
    for option, variable, description in OPTIONS:
        group.add_argument(
            option,
            metavar=f"<{option.removeprefix('--os-')}>",
            default=os.environ.get(variable) or None,
            help=f"{description} (Env: {variable})",
        )
    group.add_argument(
        "--insecure", action="store_true", help="Do not verify the certificates of servers"
    )


def make_client(options: argparse.Namespace, ask: Callable[..., str]) -> Client:
    """Return the client that the options describe.

    :param ask: takes a prompt and returns a password.
    :raises NoEndpoint: the options name neither an endpoint nor a cloud.
    :raises ValenceError: openstacksdk rejects the options.
    """
    keystone = options.os_cloud or options.os_auth_url
    auth_type = options.os_auth_type or (
        "keystone" if keystone else "http_basic" if options.os_username else "none"
    )
    if auth_type in ("none", "http_basic") and options.endpoint:
        return _from_endpoint(options, auth_type, ask)
    if not keystone and not options.os_auth_type:
        raise errors.NoEndpoint(
            "The address of Valence is missing. Set --endpoint or VALENCE_ENDPOINT; or log in to "
            "Keystone with --os-cloud or the OS_* variables, to find it in the catalog."
        )
    return _from_cloud(options, ask)


def _from_endpoint(options: argparse.Namespace, auth_type: str, ask: Callable[..., str]) -> Client:
    auth: plugin.BaseAuthPlugin = noauth.NoAuth()
    if auth_type == "http_basic":
        password = options.os_password or ask(f"Password of {options.os_username}: ")
        auth = http_basic.HTTPBasicAuth(username=options.os_username, password=password)
    verify = False if options.insecure else options.os_cacert or True
    return Client(ksa_session.Session(auth=auth, verify=verify), endpoint=options.endpoint)


def _from_cloud(options: argparse.Namespace, ask: Callable[..., str]) -> Client:
    # Takes half a second to import, which a caller with an endpoint saves.
    from keystoneauth1 import exceptions as ksa
    from openstack import config
    from openstack import exceptions

    arguments = {
        name: value
        for name, value in vars(options).items()
        if name.startswith("os_") and value is not None
    }
    if options.insecure:
        arguments["insecure"] = True
    try:
        clouds = config.OpenStackConfig(pw_func=ask)
        region = clouds.get_one(argparse=argparse.Namespace(**arguments))
        session = region.get_session()
    except (exceptions.SDKException, ksa.ClientException) as exc:
        raise errors.ValenceError(f"{exc} Check --os-cloud and the OS_* variables.") from exc
    return Client(
        session,
        endpoint=options.endpoint or region.get_endpoint(SERVICE_TYPE),
        region_name=region.get_region_name(SERVICE_TYPE),
        interface=region.get_interface(SERVICE_TYPE),
    )
