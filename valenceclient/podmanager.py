# SPDX-License-Identifier: Apache-2.0

"""Pod managers: the Redfish services that machines are composed from."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import datetime
from typing import Any
from typing import ClassVar

from valenceclient import _collection
from valenceclient import _resource
from valenceclient import _transport
from valenceclient import errors
from valenceclient import node


@dataclasses.dataclass(frozen=True, kw_only=True)
class PodManager(_resource.Resource):
    """A pod manager; its password never comes back."""

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        **_resource.Resource.CONVERT,
        "status_since": _resource.when,
        "tags": tuple,
        "usage": _resource.mapping,
    }

    url: str = ""
    driver: str = ""
    #: online, degraded, offline or unknown.
    status: str = "unknown"
    status_reason: str | None = None
    status_since: datetime.datetime | None = None
    #: True, False, or the path of a CA bundle on the service's machine.
    verify_ca: bool | str | None = None
    #: The only certificates that the service trusts for it, in PEM.
    ca: str | None = None
    #: Whether nodes are composed on it.
    enabled: bool = True
    tags: tuple[str, ...] = ()
    username: str | None = None
    #: What it has, as last known: ``systems``, ``cores``, ``memory_mib``, ``nodes``
    #: and ``devices``, with ``total``, ``used`` and ``free``.
    usage: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Forgotten(_resource.Record):
    """What was forgotten with a pod manager that is gone for good."""

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "nodes": lambda nodes: tuple(node.Node.from_json(one) for one in nodes),
    }

    uuid: str = ""
    name: str = ""
    #: The nodes that stood on it, as far as they are told: uuid, name, path.
    nodes: tuple[node.Node, ...] = ()


class PodManagers(_collection.Collection[PodManager]):
    """``/v1/podmanagers``."""

    path = "/podmanagers"
    key = "podmanagers"
    resource = PodManager
    confidential = True

    def create(  # type: ignore[override]  # the fields by name, instead of any
        self,
        *,
        name: str,
        url: str,
        driver: str | None = None,
        username: str | None = None,
        password: str | None = None,
        verify_ca: bool | str | None = None,
        ca: str | None = None,
        enabled: bool | None = None,
        tags: Iterable[str] | None = None,
        uuid: str | None = None,
    ) -> PodManager:
        """Register a pod manager; Valence logs in to it first.

        Raises BadRequest if it is unreachable or refuses the credentials, and
        Conflict if the name or url is taken.
        """
        return super().create(
            name=name,
            url=url,
            driver=driver,
            username=username,
            password=password,
            verify_ca=verify_ca,
            ca=ca,
            enabled=enabled,
            tags=None if tags is None else list(tags),
            uuid=uuid,
        )

    def forget(self, ident: str) -> Forgotten:
        """Forget one that is gone for good, with the nodes that stood on it.

        For administrators. Raises NotFound, and Conflict while anything answers
        at its URL, or a node of it is in Ironic or on its way.
        """
        try:
            response = self._transport.request("DELETE", self._at(ident), params={"force": "true"})
        except errors.NotFound as exc:
            # Asked a second time because the first answer was lost, and the nodes with it.
            if exc.attempts == 1:
                raise
            return Forgotten(name=ident)
        return Forgotten.from_json(_transport.json_of(response))
