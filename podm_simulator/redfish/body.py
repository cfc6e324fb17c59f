# SPDX-License-Identifier: Apache-2.0

"""Read the bodies of actions and changes by tables."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from podm_simulator.pod import errors
from podm_simulator.redfish.http import Refusal
from podm_simulator.redfish.http import Resource

Kind = type | tuple[str, ...]


def fields(body: object, known: Mapping[str, Kind], needed: Sequence[str] = ()) -> dict[str, Any]:
    """Return the members of a body that must be an object of known members.

    :param known: for each member its type, or the words it may be.
    :raises Refusal: 400, naming the member.
    """
    given: Any = {} if body is None else body
    if not isinstance(given, dict):
        raise Refusal(400, "MalformedJSON", "The body must be a JSON object.")
    for name, value in given.items():
        if name not in known:
            raise Refusal(400, "PropertyUnknown", f"{name} is not known here.", related=name)
        _check(name, value, known[name])
    for name in needed:
        if given.get(name) is None:
            raise Refusal(400, "PropertyMissing", f"{name} is missing.", related=name)
    return given


def _check(name: str, value: object, kind: Kind) -> None:
    if isinstance(kind, tuple):
        if value not in kind:
            raise Refusal(
                400,
                "PropertyValueNotInList",
                f"{name} must be one of {', '.join(kind)}, not {value!r}.",
                related=name,
            )
    elif value is not None and not isinstance(value, kind):
        raise Refusal(
            400, "PropertyValueTypeError", f"{name} has the wrong type: {value!r}.", related=name
        )


# What the pod says no with, and what that is in Redfish.
REFUSALS: tuple[tuple[type[errors.PodError], int, str], ...] = (
    (errors.Invalid, 400, "PropertyValueNotInList"),
    (errors.Unknown, 404, "ResourceMissingAtURI"),
    (errors.Conflict, 409, "ResourceInUse"),
    (errors.NotSupported, 501, "ActionNotSupported"),
)


def refusal(error: errors.PodError) -> Refusal:
    """Return what the pod refused as an error of Redfish."""
    for kind, status, message_id in REFUSALS:
        if isinstance(error, kind):
            return Refusal(status, message_id, error.message, related=error.related)
    raise error


def reset_type(body: object, allowed: tuple[str, ...]) -> str:
    """Read the body of a Reset action; without a type it means On.

    :raises Refusal: 400, the type is none of those allowed.
    """
    given: Resource = fields(body, {"ResetType": allowed})
    return str(given.get("ResetType", "On"))
