# SPDX-License-Identifier: Apache-2.0

"""The client: a session, an endpoint, and the collections of the API."""

import importlib.metadata

from keystoneauth1 import adapter
from keystoneauth1 import noauth
from keystoneauth1 import session as ksa_session

from valenceclient import _transport
from valenceclient._nodes import Nodes
from valenceclient.device import Devices
from valenceclient.finding import Findings
from valenceclient.flavor import Flavors
from valenceclient.podmanager import PodManagers
from valenceclient.rack import Racks
from valenceclient.system import Systems

SERVICE_TYPE = "composable-baremetal"


class Client:
    """A client of one Valence service.

    No request is sent before the first call of a collection; it raises
    NoEndpoint if neither the endpoint nor the session's plugin has an address.

    :param session: a keystoneauth1 session with any plugin (Keystone's,
        ``http_basic``, ``none``). None sends requests without authentication.
    :param endpoint: the address of Valence, with or without ``/v1``; it takes
        precedence over the plugin's.
    :param timeout: of one request, seconds.
    :param poll_interval: the longest pause between two polls of a wait, seconds.
    :param global_request_id: sent with every request, to correlate log lines.
    :raises NoEndpoint: the endpoint is not an HTTP URL.
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
        self.podmanagers = PodManagers(transport)
        self.systems = Systems(transport)
        self.racks = Racks(transport)
        self.devices = Devices(transport)
        self.nodes = Nodes(transport, poll_interval)
        self.flavors = Flavors(transport)
        self.findings = Findings(transport)

    @property
    def adapter(self) -> adapter.Adapter:
        """The keystoneauth1 adapter, for version discovery and for other requests."""
        return self._transport.adapter


def _version() -> str:
    try:
        return importlib.metadata.version("valence")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
