# SPDX-License-Identifier: Apache-2.0

"""Pod managers: the drivers for them, and the connections kept to each.

Drivers are entry points of :data:`NAMESPACE`: a callable that takes a
:class:`~valence.podmanagers.http.connection.Connection` and gives a
:class:`~valence.podmanagers.base.Driver`.
"""

from collections.abc import Callable
import threading
from typing import Any
from typing import Protocol

from oslo_config import cfg
from requests import adapters
from stevedore import extension

from valence import errors
from valence.podmanagers import base
from valence.podmanagers.base import ComposedNode
from valence.podmanagers.base import Controls
from valence.podmanagers.base import Driver
from valence.podmanagers.base import Interface
from valence.podmanagers.base import Member
from valence.podmanagers.base import NodeState
from valence.podmanagers.base import ServiceInfo
from valence.podmanagers.base import State
from valence.podmanagers.http.connection import Connection

__all__ = [
    "NAMESPACE",
    "ComposedNode",
    "Controls",
    "Driver",
    "Interface",
    "Member",
    "NodeState",
    "PodManagers",
    "ServiceInfo",
    "State",
]

NAMESPACE = "valence.podmanagers"


class PodManager(Protocol):
    """What of a pod manager's row makes a connection to it."""

    uuid: str
    url: str
    driver: str
    username: str | None
    password: str | None
    verify_ca: bool | str
    ca: str | None


#: Is told how the pod manager of a uuid is: well (None), or in this trouble.
Listener = Callable[[str, errors.ValenceError | None], None]


class PodManagers:
    """Keep one driver, with its connections, for each pod manager.

    Safe to use from many threads.

    :param conf: with the options of :mod:`valence.conf.podmanagers`.
    :param transport: makes what stands in for the network; tests have one.
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
        self._drivers: dict[str, tuple[tuple[Any, ...], Driver]] = {}
        self._kinds: extension.ExtensionManager[Any] = extension.ExtensionManager(
            NAMESPACE, invoke_on_load=False
        )

    def listen(self, listener: Listener) -> None:
        """Have somebody told how each pod manager is, when that is news."""
        self._listener = listener

    def get(self, podmanager: PodManager) -> Driver:
        """Give the driver of a pod manager; a new one when its row says something new."""
        row = (
            podmanager.url,
            podmanager.driver,
            podmanager.username,
            podmanager.password,
            podmanager.verify_ca,
            podmanager.ca,
        )
        with self._lock:
            known, driver = self._drivers.get(podmanager.uuid, (None, None))
            if known == row and driver is not None:
                return driver
            made = self._make(*row, uuid=podmanager.uuid)
            self._drivers[podmanager.uuid] = (row, made)
        if driver is not None:
            driver.close()
        return made

    def check(
        self,
        *,
        url: str,
        driver: str,
        username: str | None,
        password: str | None,
        verify_ca: bool | str,
        ca: str | None = None,
    ) -> ServiceInfo:
        """Find out whether a pod manager answers as its driver expects and lets us in.

        :raises PodManagerUnreachable: it does not answer.
        :raises PodManagerUnauthorized: it does not accept the credentials.
        :raises PodManagerFailed: what answers is no such pod manager, or there
            is no such driver.
        """
        made = self._make(url, driver, username, password, verify_ca, ca)
        try:
            return made.check()
        finally:
            made.close()

    def is_there(self, *, url: str, verify_ca: bool | str, ca: str | None) -> bool:
        """Find out whether anything at all answers where a pod manager is, or was.

        It is not given the credentials, and may be another than it was.
        """
        made = self._connect(url, None, None, verify_ca, ca)
        try:
            return made.is_there()
        finally:
            made.close()

    def forget(self, uuid: str) -> None:
        """Close the connections to a pod manager."""
        with self._lock:
            _, driver = self._drivers.pop(uuid, (None, None))
        if driver is not None:
            driver.close()

    def close(self) -> None:
        """Close the connections to all."""
        for uuid in list(self._drivers):
            self.forget(uuid)

    def _make(
        self,
        url: str,
        driver: str,
        username: str | None,
        password: str | None,
        verify_ca: bool | str,
        ca: str | None,
        uuid: str | None = None,
    ) -> Driver:
        if driver not in self._kinds:
            raise errors.PodManagerFailed(
                f"There is no driver {driver!r} for pod managers. "
                f"Choose one of {', '.join(sorted(self._kinds.names()))}."
            )
        client = self._connect(url, username, password, verify_ca, ca, uuid)
        made: base.Driver = self._kinds[driver].plugin(client)
        return made

    def _connect(
        self,
        url: str,
        username: str | None,
        password: str | None,
        verify_ca: bool | str,
        ca: str | None,
        uuid: str | None = None,
    ) -> Connection:
        def tell(trouble: errors.ValenceError | None) -> None:
            if self._listener is not None and uuid is not None:
                self._listener(uuid, trouble)

        transport = self._transport() if self._transport else None
        return Connection(
            self._conf, url, username, password, verify_ca, transport, ca=ca, tell=tell
        )
