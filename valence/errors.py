# SPDX-License-Identifier: Apache-2.0

"""Everything the service can say is wrong, each with one stable code.

::

    valence_conductor.errors.Fault
    `-- ValenceError                     valence.internal               500
        |-- RequestInvalid               valence.request.invalid        400
        |-- Unauthenticated              valence.request.unauthenticated 401
        |-- Forbidden                    valence.request.forbidden      403
        |-- UnknownPath                  valence.request.unknown_path   404
        |-- MethodNotAllowed             valence.request.method         405
        |-- BodyTooLarge                 valence.request.too_large      413
        |-- MediaTypeUnsupported         valence.request.media_type     415
        |-- PodManagerNotFound           valence.podmanager.not_found   404
        |-- PodManagerDuplicate          valence.podmanager.duplicate   409
        |-- PodManagerInUse              valence.podmanager.in_use      409
        |-- PodManagerReachable          valence.podmanager.reachable   409
        |-- PodManagerRefused            valence.podmanager.refused     409
        |-- PodManagerNodeGone           valence.podmanager.node_gone   409
        |-- PodManagerUnreachable        valence.podmanager.unreachable 503
        |-- PodManagerUnauthorized       valence.podmanager.unauthorized 503
        |-- PodManagerFailed             valence.podmanager.failed      503
        |-- NoPodManager                 valence.no_podmanager          409
        |-- FlavorNotFound               valence.flavor.not_found       404
        |-- FlavorDuplicate              valence.flavor.duplicate       409
        |-- SystemNotFound               valence.system.not_found       404
        |-- RackNotFound                 valence.rack.not_found         404
        |-- DeviceNotFound               valence.device.not_found       404
        |-- NodeNotFound                 valence.node.not_found         404
        |-- NodeDuplicate                valence.node.duplicate         409
        |-- NodeRegistered               valence.node.registered        409
        |-- NodeNotRegistered            valence.node.not_registered    409
        |-- NodeBusy                     valence.node.busy              409
        |-- NodeCancelled                valence.node.cancelled         409
        |-- IdentityUnavailable          valence.identity.unavailable  503
        |-- IronicNotConfigured          valence.ironic.not_configured  409
        |-- IronicRefused                valence.ironic.refused         409
        |-- IronicUnavailable            valence.ironic.unavailable     503
        `-- Unhealthy                    valence.unhealthy              503

A code is an interface: programs act on it, so it never changes its meaning.
The status is the one an answer bears where the class does not say otherwise;
see :meth:`ValenceError.blamed_on_request`.
"""

import http
from typing import Any
from typing import Self

from valence_conductor import errors


class ValenceError(errors.Fault):
    """Say what is wrong, and what to do about it.

    What it carries is JSON, so that it survives in a logbook and in a row.

    :param detail: whole sentences: what is wrong and what to do.
    :param reason: the pod manager's or Ironic's own words, when there are any.
    :param more: JSON for programs, beside ``code``, ``status`` and ``title``.
    """

    code = "valence.internal"
    status = 500
    title = "Internal Server Error"

    def __init_subclass__(cls) -> None:
        cls.title = http.HTTPStatus(cls.status).phrase

    def __init__(self, detail: str, reason: str | None = None, **more: Any) -> None:
        details = {"status": self.status, "code": self.code, "title": self.title, **more}
        if reason:
            details["reason"] = reason
        super().__init__(detail, details)

    @property
    def detail(self) -> str:
        """What is wrong and what to do, in whole sentences."""
        return str(self.args[0])

    @property
    def own_words(self) -> str | None:
        """What the pod manager or Ironic said themselves."""
        return self.details.get("reason")

    def blamed_on_request(self) -> Self:
        """Give the same error, as the fault of what the request says.

        A pod manager that cannot be reached is 503 to whoever composes on it,
        and 400 to whoever just gave its URL.
        """
        phrase = http.HTTPStatus.BAD_REQUEST.phrase
        return type(self)(self.detail, **{**self.details, "status": 400, "title": phrase})


class RequestInvalid(ValenceError):
    """The request cannot be understood, or asks for what cannot be."""

    code, status = "valence.request.invalid", 400


class Unauthenticated(ValenceError):
    """Nobody knows who is asking."""

    code, status = "valence.request.unauthenticated", 401

    def challenged(self, challenge: str | None) -> Self:
        """Give the same error, with what its answer says in ``WWW-Authenticate``."""
        return type(self)(self.detail, **{**self.details, "challenge": challenge})


class Forbidden(ValenceError):
    """The policy does not let this user do this."""

    code, status = "valence.request.forbidden", 403


class UnknownPath(ValenceError):
    """The API has no such path."""

    code, status = "valence.request.unknown_path", 404


class MethodNotAllowed(ValenceError):
    """The path is known, the method is not one of its own."""

    code, status = "valence.request.method", 405


class BodyTooLarge(ValenceError):
    """The body is longer than the service reads."""

    code, status = "valence.request.too_large", 413


class MediaTypeUnsupported(ValenceError):
    """The body is not JSON."""

    code, status = "valence.request.media_type", 415


class PodManagerNotFound(ValenceError):
    """No pod manager of this uuid or name is known."""

    code, status = "valence.podmanager.not_found", 404


class PodManagerDuplicate(ValenceError):
    """A pod manager of this name, URL or uuid is known already."""

    code, status = "valence.podmanager.duplicate", 409


class PodManagerInUse(ValenceError):
    """Nodes stand on the pod manager."""

    code, status = "valence.podmanager.in_use", 409


class PodManagerReachable(ValenceError):
    """Something answers where the pod manager was that is to be forgotten as gone."""

    code, status = "valence.podmanager.reachable", 409


class PodManagerRefused(ValenceError):
    """The pod manager understood, and said no; ``reason`` is why."""

    code, status = "valence.podmanager.refused", 409


class PodManagerNodeGone(ValenceError):
    """The pod manager does not know the node any more."""

    code, status = "valence.podmanager.node_gone", 409


class PodManagerUnreachable(ValenceError):
    """The pod manager gave no answer: it may or may not have acted."""

    code, status = "valence.podmanager.unreachable", 503


class PodManagerUnauthorized(ValenceError):
    """The pod manager does not accept the credentials."""

    code, status = "valence.podmanager.unauthorized", 503


class PodManagerFailed(ValenceError):
    """The pod manager failed, or answers what is no Redfish."""

    code, status = "valence.podmanager.failed", 503


class NoPodManager(ValenceError):
    """No pod manager is known, or none of them can compose this."""

    code, status = "valence.no_podmanager", 409


class FlavorNotFound(ValenceError):
    """No flavor of this uuid or name is known."""

    code, status = "valence.flavor.not_found", 404


class FlavorDuplicate(ValenceError):
    """A flavor of this name or uuid is known already."""

    code, status = "valence.flavor.duplicate", 409


class SystemNotFound(ValenceError):
    """No system of this uuid is known, or not just one of this name."""

    code, status = "valence.system.not_found", 404


class RackNotFound(ValenceError):
    """No rack of this uuid is known, or not just one of this name."""

    code, status = "valence.rack.not_found", 404


class DeviceNotFound(ValenceError):
    """No pooled device of this uuid is known."""

    code, status = "valence.device.not_found", 404


class NodeNotFound(ValenceError):
    """No node of this uuid or name is known."""

    code, status = "valence.node.not_found", 404


class NodeDuplicate(ValenceError):
    """Another node has this name, or this uuid with another request."""

    code, status = "valence.node.duplicate", 409


class NodeRegistered(ValenceError):
    """Ironic manages the node."""

    code, status = "valence.node.registered", 409


class NodeNotRegistered(ValenceError):
    """Ironic does not manage the node."""

    code, status = "valence.node.not_registered", 409


class NodeBusy(ValenceError):
    """The node is in a state that does not allow this."""

    code, status = "valence.node.busy", 409


class NodeCancelled(ValenceError):
    """The node was deleted while it was being composed."""

    code, status = "valence.node.cancelled", 409


class IdentityUnavailable(ValenceError):
    """Keystone gave no answer, so that nobody knows who is asking."""

    code, status = "valence.identity.unavailable", 503


class IronicNotConfigured(ValenceError):
    """The configuration says nothing about an Ironic."""

    code, status = "valence.ironic.not_configured", 409


class IronicRefused(ValenceError):
    """Ironic understood, and said no; ``reason`` is why."""

    code, status = "valence.ironic.refused", 409


class IronicUnavailable(ValenceError):
    """Ironic gave no answer, or none that can be used."""

    code, status = "valence.ironic.unavailable", 503


class Unhealthy(ValenceError):
    """The service itself cannot work at present."""

    code, status = "valence.unhealthy", 503
