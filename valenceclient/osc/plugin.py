# SPDX-License-Identifier: Apache-2.0

"""The interface of an OpenStackClient plugin: a client, and its global options.

Every ``openstack`` command imports this module, so it imports nothing heavy itself.
"""

import argparse
import os
from typing import Any
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from valenceclient.client import Client

API_NAME = "valence"
API_VERSION_OPTION = "os_valence_api_version"
API_VERSIONS = {"1": "valenceclient.client.Client"}
DEFAULT_API_VERSION = "1"


def make_client(instance: Any) -> "Client":
    """Return the client for an osc-lib ClientManager's session."""
    from valenceclient.client import Client

    config = instance.get_configuration()
    return Client(
        session=instance.session,
        endpoint=config.get("valence_endpoint") or config.get(_ENDPOINT_OVERRIDE),
        region_name=instance.region_name,
        interface=instance.interface,
    )


def build_option_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the global options."""
    parser.add_argument(
        "--os-valence-api-version",
        metavar="<version>",
        default=os.environ.get("OS_VALENCE_API_VERSION", DEFAULT_API_VERSION),
        help=f"Version of the Valence API, default: {DEFAULT_API_VERSION} "
        "(Env: OS_VALENCE_API_VERSION)",
    )
    parser.add_argument(
        "--os-valence-endpoint",
        dest="valence_endpoint",
        metavar="<url>",
        default=os.environ.get("VALENCE_ENDPOINT"),
        help="Address of Valence, instead of the catalog's (Env: VALENCE_ENDPOINT)",
    )
    return parser


#: The setting of clouds.yaml and of the environment for the address of the service.
_ENDPOINT_OVERRIDE = "composable_baremetal_endpoint_override"
