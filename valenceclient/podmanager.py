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
from valenceclient.node import Node


@dataclasses.dataclass(frozen=True, kw_only=True)
class PodManager(_resource.Resource):
    """A pod manager; the API never returns its password and its client key."""

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        **_resource.Resource.CONVERT,
        "status_since": _resource.parse_time,
        "tags": tuple,
        "kept_facts": lambda raw: _resource.mapping(raw or {}),
        "limitations": lambda raw: tuple(map(_resource.mapping, raw or ())),
        "usage": _resource.mapping,
    }

    url: str = ""
    driver: str = ""
    #: online, degraded, offline, mismatched (another service answers at its URL) or unknown.
    status: str = "unknown"
    status_reason: str | None = None
    status_since: datetime.datetime | None = None
    #: Of its Redfish service root; None: unknown, or it has none.
    service_uuid: str | None = None
    #: True, False, or the path of a CA bundle on the host of the service.
    verify_ca: bool | str | None = None
    #: The only certificates that the service trusts for it, in PEM.
    ca: str | None = None
    #: The certificate with which the service identifies itself to it, in PEM.
    client_cert: str | None = None
    #: Whether Valence composes nodes on it.
    enabled: bool = True
    tags: tuple[str, ...] = ()
    username: str | None = None
    #: ``name`` and ``description`` -> whether it keeps that of a composed node: ``whole``,
    #: ``part`` or ``no``. Empty: not known yet.
    kept_facts: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)
    #: What it cannot compose: each with ``section`` (of a node's properties; None: it composes
    #: no nodes at all) and ``reason``.
    limitations: tuple[Mapping[str, Any], ...] = dataclasses.field(default=(), hash=False)
    #: Its resources, as last known: ``systems``, ``cores``, ``memory_mib``, ``nodes``
    #: and ``devices``, with ``total``, ``used`` and ``free``.
    usage: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForgetResult(_resource.Record):
    """A pod manager that was removed by force, and the nodes that were removed with it."""

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "nodes": lambda raw: tuple(map(Node.from_json, raw)),
    }

    uuid: str = ""
    name: str = ""
    #: Only with the fields uuid, name and path.
    nodes: tuple[Node, ...] = ()


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
        client_cert: str | None = None,
        client_key: str | None = None,
        enabled: bool | None = None,
        tags: Iterable[str] | None = None,
        uuid: str | None = None,
    ) -> PodManager:
        """Register a pod manager; Valence logs in to it first.

        :raises BadRequest: it is unreachable or refuses the credentials.
        :raises Conflict: another pod manager has the name or the url, or it is
            registered already by another address.
        """
        return super().create(
            name=name,
            url=url,
            driver=driver,
            username=username,
            password=password,
            verify_ca=verify_ca,
            ca=ca,
            client_cert=client_cert,
            client_key=client_key,
            enabled=enabled,
            tags=None if tags is None else list(tags),
            uuid=uuid,
        )

    def accept_identity(self, ident: str, **changes: Any) -> PodManager:
        """Accept that what answers at its URL is the pod manager, and return it.

        For administrators, when its hardware or its UUID was replaced.

        :param changes: ``url``, ``driver``, ``username``, ``password``, ``verify_ca`` or
            ``ca``, if they have changed as well.
        :raises BadRequest: it is unreachable or refuses the credentials.
        :raises NotFound: there is none with this uuid or name.
        :raises Conflict: what answers is another registered pod manager.
        """
        path = f"{self._path_of(ident)}/accept-identity"
        response = self._transport.request("POST", path, body=changes, confidential=True)
        return PodManager.from_json(_transport.json_of(response))

    def forget(self, ident: str) -> ForgetResult:
        """Remove a pod manager that no longer exists, with the rows of its nodes.

        For administrators.

        :raises NotFound: there is none with this uuid or name.
        :raises Conflict: a server still answers at its URL, or one of its nodes is
            registered in Ironic or has an operation running.
        """
        try:
            response = self._transport.request(
                "DELETE", self._path_of(ident), params={"force": "true"}
            )
        except errors.NotFound as exc:
            # Not found by a retry: the response to the first request, which lists the
            # nodes, was lost.
            if exc.attempts == 1:
                raise
            return ForgetResult(name=ident)
        return ForgetResult.from_json(_transport.json_of(response))
