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

"""The Status object that nearly every resource has."""

from podm_simulator.pod import hardware

OK = {"State": "Enabled", "Health": "OK", "HealthRollup": "OK"}
ABSENT = {"State": "Absent", "Health": "Critical", "HealthRollup": "Critical"}


def of(asset: hardware.Asset) -> dict[str, str]:
    """Return the status of an asset."""
    return OK if asset.present else ABSENT
