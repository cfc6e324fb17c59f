# SPDX-License-Identifier: Apache-2.0

"""The part of ``driver_info`` of a node of Ironic that leads to its machine."""

from collections.abc import Mapping
from typing import Any

#: What Valence sets; other keys belong to operators.
KEYS = (
    "redfish_address",
    "redfish_system_id",
    "redfish_username",
    "redfish_password",
    "redfish_verify_ca",
)

#: What Ironic shows in place of a secret.
MASKED = "******"


def changes(present: Any, wanted: Mapping[str, Any], *, renew: bool) -> list[dict[str, Any]]:
    """Return the JSON patch after which a node leads to its machine; empty: it does already.

    :param present: as Ironic shows it.
    :param wanted: with all of :data:`KEYS` that have a value.
    :param renew: whether to set a secret that Ironic does not show, if there is no other change.
    """
    shown = present if isinstance(present, Mapping) else {}
    patch: list[dict[str, Any]] = []
    secrets: list[dict[str, Any]] = []
    for key in KEYS:
        path = f"/driver_info/{key}"
        if key not in wanted:
            patch += [{"op": "remove", "path": path}] if key in shown else []
        elif shown.get(key) != wanted[key]:
            change = {"op": "add", "path": path, "value": wanted[key]}
            (secrets if shown.get(key) == MASKED else patch).append(change)
    return patch + secrets if patch or renew else []
