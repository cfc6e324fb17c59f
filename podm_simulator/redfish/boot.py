# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""The Boot object of systems and nodes: shown alike and changed alike."""

from podm_simulator.pod import hardware
from podm_simulator.redfish.body import fields
from podm_simulator.redfish.exchange import Resource


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
