# SPDX-License-Identifier: Apache-2.0

"""What the OpenStackClient asks of a plugin: a client, and options for it.

Every ``openstack`` command imports this, so that it imports next to nothing.
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
    from valenceclient import client

    config = instance.get_configuration()
    return client.Client(
        session=instance.session,
        endpoint=config.get("valence_endpoint") or config.get(_OVERRIDE),
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
        help="Address of Valence, if the catalog does not know it (Env: VALENCE_ENDPOINT)",
    )
    return parser


#: How clouds.yaml and the environment name the address of a service.
_OVERRIDE = "composable_baremetal_endpoint_override"
