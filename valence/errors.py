# SPDX-License-Identifier: Apache-2.0

"""The errors of the service, each with one stable code.

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
        |-- PodManagerMismatched         valence.podmanager.mismatched  409
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
        |-- NodeIdentityConflict         valence.node.identity_conflict 409
        |-- IdentityUnavailable          valence.identity.unavailable  503
        |-- IronicNotConfigured          valence.ironic.not_configured  409
        |-- IronicRefused                valence.ironic.refused         409
        |-- IronicUnavailable            valence.ironic.unavailable     503
        |-- DatabaseUnavailable          valence.database.unavailable   503
        `-- Unhealthy                    valence.unhealthy              503

A code is an interface: programs act on it, so its meaning never changes. The status is
that of the response, unless :meth:`ValenceError.as_bad_request` has replaced it.
"""

import http
from typing import Any
from typing import Self

from valence_conductor import errors


class ValenceError(errors.Fault):
    """Base class of the errors of the service.

    Its details are JSON, so that TaskFlow's logbook and a node's row can store them.

    :param detail: whole sentences: what is wrong and what to do.
    :param reason: the message of the pod manager or of Ironic, if there is one.
    :param shown: what a response and a fault say instead of ``detail`` and ``reason``, which
        name a node, a project or an instance of other users. The log has those.
    :param more: JSON for programs, beside ``code``, ``status`` and ``title``.
    """

    code = "valence.internal"
    status = 500
    title = "Internal Server Error"

    def __init_subclass__(cls) -> None:
        cls.title = http.HTTPStatus(cls.status).phrase

    def __init__(
        self, detail: str, reason: str | None = None, shown: str | None = None, **more: Any
    ) -> None:
        details = {"status": self.status, "code": self.code, "title": self.title, **more}
        if reason:
            details["reason"] = reason
        if shown:
            details["shown"] = shown
        super().__init__(detail, details)

    @property
    def detail(self) -> str:
        """Whole sentences: what is wrong and what to do."""
        return str(self.args[0])

    @property
    def own_words(self) -> str | None:
        """The message of the pod manager or of Ironic; None if there is none."""
        return self.details.get("reason")

    def as_bad_request(self) -> Self:
        """Return the same error with status 400: the request's own values cause it.

        An unreachable pod manager is 503 to a request that composes on it, and 400 to the
        request that contains its URL.
        """
        phrase = http.HTTPStatus.BAD_REQUEST.phrase
        return type(self)(self.detail, **{**self.details, "status": 400, "title": phrase})


class RequestInvalid(ValenceError):
    """The request cannot be parsed, does not match its schema, or cannot be fulfilled."""

    code, status = "valence.request.invalid", 400


class Unauthenticated(ValenceError):
    """The request has no valid credentials."""

    code, status = "valence.request.unauthenticated", 401

    def with_challenge(self, challenge: str | None) -> Self:
        """Return the same error with a value for the ``WWW-Authenticate`` header."""
        return type(self)(self.detail, **{**self.details, "challenge": challenge})


class Forbidden(ValenceError):
    """The policy does not allow this request to this user."""

    code, status = "valence.request.forbidden", 403


class UnknownPath(ValenceError):
    """The API has no such path."""

    code, status = "valence.request.unknown_path", 404


class MethodNotAllowed(ValenceError):
    """The path exists, but not with this method."""

    code, status = "valence.request.method", 405


class BodyTooLarge(ValenceError):
    """The body exceeds ``[DEFAULT] max_request_body``."""

    code, status = "valence.request.too_large", 413


class MediaTypeUnsupported(ValenceError):
    """The body is not JSON."""

    code, status = "valence.request.media_type", 415


class PodManagerNotFound(ValenceError):
    """No pod manager with this uuid or name is registered."""

    code, status = "valence.podmanager.not_found", 404


class PodManagerDuplicate(ValenceError):
    """A pod manager with this name, URL, uuid or identity is already registered."""

    code, status = "valence.podmanager.duplicate", 409


class PodManagerInUse(ValenceError):
    """The pod manager has nodes."""

    code, status = "valence.podmanager.in_use", 409


class PodManagerReachable(ValenceError):
    """A forced delete was refused: the URL of the pod manager still answers."""

    code, status = "valence.podmanager.reachable", 409


class PodManagerMismatched(ValenceError):
    """Another pod manager answers at the URL, or something that is none."""

    code, status = "valence.podmanager.mismatched", 409


class PodManagerRefused(ValenceError):
    """The pod manager refused a valid request; ``reason`` is its message."""

    code, status = "valence.podmanager.refused", 409


class PodManagerNodeGone(ValenceError):
    """The pod manager no longer has the node."""

    code, status = "valence.podmanager.node_gone", 409


class PodManagerUnreachable(ValenceError):
    """The pod manager did not respond: it may or may not have acted."""

    code, status = "valence.podmanager.unreachable", 503


class PodManagerUnauthorized(ValenceError):
    """The pod manager rejected the credentials."""

    code, status = "valence.podmanager.unauthorized", 503


class PodManagerFailed(ValenceError):
    """The pod manager failed, or its response is not valid Redfish."""

    code, status = "valence.podmanager.failed", 503


class NoPodManager(ValenceError):
    """No pod manager is registered, or none of them can compose the node."""

    code, status = "valence.no_podmanager", 409


class FlavorNotFound(ValenceError):
    """No flavor with this uuid or name exists."""

    code, status = "valence.flavor.not_found", 404


class FlavorDuplicate(ValenceError):
    """A flavor with this name or uuid already exists."""

    code, status = "valence.flavor.duplicate", 409


class SystemNotFound(ValenceError):
    """No system has this uuid, or not exactly one has this name."""

    code, status = "valence.system.not_found", 404


class RackNotFound(ValenceError):
    """No rack has this uuid, or not exactly one has this name."""

    code, status = "valence.rack.not_found", 404


class DeviceNotFound(ValenceError):
    """No pooled device has this uuid."""

    code, status = "valence.device.not_found", 404


class NodeNotFound(ValenceError):
    """No node with this uuid or name exists."""

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
    """The state of the node does not allow this operation."""

    code, status = "valence.node.busy", 409


class NodeCancelled(ValenceError):
    """The node was deleted while it was being composed."""

    code, status = "valence.node.cancelled", 409


class NodeIdentityConflict(ValenceError):
    """The facts of a machine contradict what is recorded of a node, or do not identify it.

    Details: ``path`` of the machine, ``agree`` (names of facts) and ``contradict``
    (name -> ``recorded`` and ``reported``).
    """

    code, status = "valence.node.identity_conflict", 409


class IdentityUnavailable(ValenceError):
    """Keystone did not respond, so the token cannot be validated."""

    code, status = "valence.identity.unavailable", 503


class IronicNotConfigured(ValenceError):
    """The configuration has no Ironic."""

    code, status = "valence.ironic.not_configured", 409


class IronicRefused(ValenceError):
    """Ironic refused a valid request; ``reason`` is its message."""

    code, status = "valence.ironic.refused", 409


class IronicUnavailable(ValenceError):
    """Ironic did not respond, or its response is unusable."""

    code, status = "valence.ironic.unavailable", 503


class DatabaseUnavailable(ValenceError):
    """The database cannot be reached, or does not accept what was written."""

    code, status = "valence.database.unavailable", 503


class Unhealthy(ValenceError):
    """The service itself cannot operate at present."""

    code, status = "valence.unhealthy", 503
