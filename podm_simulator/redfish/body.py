# SPDX-License-Identifier: Apache-2.0

"""Check the bodies of actions and changes against tables, and convert errors."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from podm_simulator.pod import errors
from podm_simulator.redfish.http import RedfishError
from podm_simulator.redfish.http import Resource

Kind = type | tuple[str, ...]


def fields(
    body: object, allowed: Mapping[str, Kind], required: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the members of a body, which must be an object of allowed members.

    :param allowed: name of each member -> its type, or its possible values.
    :raises RedfishError: 400, naming the member.
    """
    members: Any = {} if body is None else body
    if not isinstance(members, dict):
        raise RedfishError(400, "MalformedJSON", "The body must be a JSON object.")
    for name, value in members.items():
        if name not in allowed:
            raise RedfishError(400, "PropertyUnknown", f"{name} is unknown here.", related=name)
        _check(name, value, allowed[name])
    for name in required:
        if members.get(name) is None:
            raise RedfishError(400, "PropertyMissing", f"{name} is missing.", related=name)
    return members


def _check(name: str, value: object, kind: Kind) -> None:
    if isinstance(kind, tuple):
        if value not in kind:
            raise RedfishError(
                400,
                "PropertyValueNotInList",
                f"{name} must be one of {', '.join(kind)}, not {value!r}.",
                related=name,
            )
    elif value is not None and not isinstance(value, kind):
        raise RedfishError(
            400, "PropertyValueTypeError", f"{name} has the wrong type: {value!r}.", related=name
        )


# error of the pod -> status and message id
ERRORS: tuple[tuple[type[errors.PodError], int, str], ...] = (
    (errors.Invalid, 400, "PropertyValueNotInList"),
    (errors.Unknown, 404, "ResourceMissingAtURI"),
    (errors.Conflict, 409, "ResourceInUse"),
    (errors.NotSupported, 501, "ActionNotSupported"),
)


def from_pod_error(error: errors.PodError) -> RedfishError:
    """Return an error of the pod as a Redfish error."""
    for kind, status, message_id in ERRORS:
        if isinstance(error, kind):
            return RedfishError(status, message_id, error.message, related=error.related)
    raise error


def reset_type(body: object, allowed: tuple[str, ...]) -> str:
    """Return the type in the body of a Reset action; the default is On.

    :raises RedfishError: 400, the type is not allowed.
    """
    members: Resource = fields(body, {"ResetType": allowed})
    return str(members.get("ResetType", "On"))
