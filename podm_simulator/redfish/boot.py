# SPDX-License-Identifier: Apache-2.0

"""The Boot object, which systems and nodes share."""

from podm_simulator.pod import hardware
from podm_simulator.redfish.body import fields
from podm_simulator.redfish.http import Resource


def show(boot: hardware.Boot) -> Resource:
    """Return the Boot object, with the allowable values of its members."""
    values: Resource = {
        "BootSourceOverrideEnabled": boot.enabled,
        "BootSourceOverrideTarget": boot.target,
        "BootSourceOverrideMode": boot.mode,
    }
    allowable = {
        f"{name}@Redfish.AllowableValues": list(words)
        for name, words in hardware.BOOT_VALUES.items()
    }
    return values | allowable


def change(boot: hardware.Boot, body: object) -> None:
    """Change the boot override.

    :raises RedfishError: 400, a member or its value is unknown.
    """
    members = fields(body, hardware.BOOT_VALUES)
    boot.enabled = members.get("BootSourceOverrideEnabled", boot.enabled)
    boot.target = members.get("BootSourceOverrideTarget", boot.target)
    boot.mode = members.get("BootSourceOverrideMode", boot.mode)
    if boot.enabled == "Disabled":
        boot.target = "None"
