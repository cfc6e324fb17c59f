# SPDX-License-Identifier: Apache-2.0

"""The Status object of nearly every resource."""

from podm_simulator.pod import hardware

OK = {"State": "Enabled", "Health": "OK", "HealthRollup": "OK"}
ABSENT = {"State": "Absent", "Health": "Critical", "HealthRollup": "Critical"}


def of(asset: hardware.Asset) -> dict[str, str]:
    """Return the status of an asset."""
    return OK if asset.present else ABSENT
