# SPDX-License-Identifier: Apache-2.0

"""The Boot object of systems and nodes: shown alike and changed alike."""

from podm_simulator.pod import hardware
from podm_simulator.redfish.body import fields
from podm_simulator.redfish.http import Resource


def show(boot: hardware.Boot) -> Resource:
    """Return the Boot object with what its members may become."""
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

    :raises Refusal: 400, a member or its value is unknown.
    """
    given = fields(body, hardware.BOOT_VALUES)
    boot.enabled = given.get("BootSourceOverrideEnabled", boot.enabled)
    boot.target = given.get("BootSourceOverrideTarget", boot.target)
    boot.mode = given.get("BootSourceOverrideMode", boot.mode)
    if boot.enabled == "Disabled":
        boot.target = "None"
