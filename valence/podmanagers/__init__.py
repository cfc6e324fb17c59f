# SPDX-License-Identifier: Apache-2.0

"""Pod managers: their drivers, and a cache of connected ones.

Drivers are entry points of :data:`NAMESPACE`: a callable that takes a
:class:`~valence.podmanagers.http.connection.Connection` and returns a
:class:`~valence.podmanagers.base.Driver`.
"""

from collections.abc import Callable
import dataclasses
import threading
from typing import Any

from oslo_config import cfg
from requests import adapters
from stevedore import extension

from valence import errors
from valence.podmanagers import service_identity
from valence.podmanagers.access import Access
from valence.podmanagers.base import ComposedNode
from valence.podmanagers.base import Controls
from valence.podmanagers.base import Driver
from valence.podmanagers.base import Interface
from valence.podmanagers.base import NodeState
from valence.podmanagers.base import ServiceInfo
from valence.podmanagers.base import State
from valence.podmanagers.http.connection import Connection
from valence.podmanagers.http.status import Listener as StatusListener
from valence.podmanagers.identity import Facts

__all__ = [
    "NAMESPACE",
    "Access",
    "Checked",
    "ComposedNode",
    "Controls",
    "Driver",
    "Facts",
    "Interface",
    "NodeState",
    "PodManagers",
    "ServiceInfo",
    "State",
]

NAMESPACE = "valence.podmanagers"

#: Called with the uuid of a pod manager and None when it responds, or the error when not.
Listener = Callable[[str, errors.ValenceError | None], None]


@dataclasses.dataclass(frozen=True)
class Checked:
    """A pod manager that responds, and accepts the credentials.

    :ivar identity: what tells it from another, with its systems.
    """

    identity: service_identity.Service
    info: ServiceInfo


class PodManagers:
    """Cache one driver, with its connections, for each pod manager. Thread-safe.

    :param conf: with the options of :mod:`valence.conf.podmanagers`.
    :param transport: returns a replacement for the network, for tests.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        transport: Callable[[], adapters.BaseAdapter] | None = None,
    ) -> None:
        self._conf = conf
        self._transport = transport
        self._listener: Listener | None = None
        self._lock = threading.Lock()
        self._drivers: dict[str, tuple[Access, Driver]] = {}
        self._plugins: extension.ExtensionManager[Any] = extension.ExtensionManager(
            NAMESPACE, invoke_on_load=False
        )

    def listen(self, listener: Listener) -> None:
        """Call a listener whenever the status of a pod manager changes."""
        self._listener = listener

    def get(self, access: Access) -> Driver:
        """Return the driver of a pod manager; a new one whenever its access has changed.

        :raises PodManagerFailed: there is no such driver.
        """
        with self._lock:
            cached, driver = self._drivers.get(access.uuid, (None, None))
            if cached == access and driver is not None:
                return driver
            new = self._make(access, self._notify(access.uuid))
            self._drivers[access.uuid] = (access, new)
        if driver is not None:
            driver.close()
        return new

    def check(self, access: Access) -> Checked:
        """Check that a pod manager responds as its driver expects and accepts the credentials.

        :returns: what it is, with its systems, and what it reports about itself.
        :raises PodManagerUnreachable: it does not respond.
        :raises PodManagerUnauthorized: it does not accept the credentials.
        :raises PodManagerFailed: the URL leads to no pod manager of this kind, or there is
            no such driver.
        """
        driver = self._make(access)
        try:
            info = driver.check()
            identity = driver.identify_service(systems=True) or service_identity.Service()
            return Checked(identity, info)
        finally:
            driver.close()

    def is_reachable(self, access: Access) -> bool:
        """Return whether anything responds at the URL of a pod manager.

        It is not sent the credentials, and need not be the pod manager that was there.
        """
        connection = self._connect(access)
        try:
            return connection.is_reachable()
        finally:
            connection.close()

    def forget(self, uuid: str) -> None:
        """Close the connections to a pod manager."""
        with self._lock:
            _, driver = self._drivers.pop(uuid, (None, None))
        if driver is not None:
            driver.close()

    def close(self) -> None:
        """Close the connections to all pod managers."""
        for uuid in list(self._drivers):
            self.forget(uuid)

    def _make(self, access: Access, listener: StatusListener | None = None) -> Driver:
        if access.driver not in self._plugins:
            raise errors.PodManagerFailed(
                f"There is no driver {access.driver!r} for pod managers. "
                f"Choose one of {', '.join(sorted(self._plugins.names()))}."
            )
        driver: Driver = self._plugins[access.driver].plugin(self._connect(access, listener))
        return driver

    def _connect(self, access: Access, listener: StatusListener | None = None) -> Connection:
        transport = self._transport() if self._transport else None
        return Connection(self._conf, access, transport, listener)

    def _notify(self, uuid: str) -> StatusListener:
        def notify(error: errors.ValenceError | None) -> None:
            if self._listener is not None:
                self._listener(uuid, error)

        return notify
