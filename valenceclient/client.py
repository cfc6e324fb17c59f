# SPDX-License-Identifier: Apache-2.0

"""The client: a session, an address, and the nouns of the API."""

import importlib.metadata

from keystoneauth1 import adapter
from keystoneauth1 import noauth
from keystoneauth1 import session as ksa_session

from valenceclient import _transport
from valenceclient import device
from valenceclient import flavor
from valenceclient import node
from valenceclient import podmanager
from valenceclient import rack
from valenceclient import system

SERVICE_TYPE = "composable-baremetal"


class Client:
    """Speak to a Valence service.

    ``session``: a keystoneauth1 session with any plugin (Keystone's,
    ``http_basic``, ``none``); the address comes from the plugin.
    ``endpoint``: the address, with or without ``/v1``; it goes before the
    plugin's. Alone, without a session, nobody logs in.
    ``timeout``: seconds one request may take. ``poll_interval``: the longest
    pause, in seconds, between two looks at a node that is waited for.
    ``global_request_id``: sent with every request, to find it in the logs.

    Nothing is sent before the first call of a collection, which raises
    NoEndpoint if neither argument leads to an address.
    """

    def __init__(
        self,
        session: ksa_session.Session | None = None,
        endpoint: str | None = None,
        *,
        service_type: str = SERVICE_TYPE,
        service_name: str | None = None,
        region_name: str | None = None,
        interface: str | list[str] | None = None,
        timeout: float = 60.0,
        poll_interval: float = 2.0,
        global_request_id: str | None = None,
    ) -> None:
        transport = _transport.Transport(
            adapter.Adapter(
                session or ksa_session.Session(auth=noauth.NoAuth()),
                service_type=service_type,
                service_name=service_name,
                region_name=region_name,
                interface=interface,
                endpoint_override=endpoint,
                client_name="valenceclient",
                client_version=_version(),
                global_request_id=global_request_id,
            ),
            endpoint,
            timeout,
        )
        self._transport = transport
        self.podmanagers = podmanager.PodManagers(transport)
        self.systems = system.Systems(transport)
        self.racks = rack.Racks(transport)
        self.devices = device.Devices(transport)
        self.nodes = node.Nodes(transport, poll_interval)
        self.flavors = flavor.Flavors(transport)

    @property
    def adapter(self) -> adapter.Adapter:
        """The keystoneauth1 adapter, for version discovery and requests of one's own."""
        return self._transport.adapter


def _version() -> str:
    try:
        return importlib.metadata.version("valence")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
