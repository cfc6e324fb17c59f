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


"""What filters ask of a pod manager's row."""

from collections.abc import Sequence

from valence.objects import podmanager


def is_enabled(podm: podmanager.PodManager) -> bool:
    """Tell whether an operator lets nodes be composed on it."""
    return bool(getattr(podm, "enabled", True))


def is_online(podm: podmanager.PodManager) -> bool:
    """Tell whether it answered when it was last asked, well or not so well."""
    return podm.status != "offline"


def tags_of(podm: podmanager.PodManager) -> Sequence[str]:
    """List its tags."""
    return getattr(podm, "tags", None) or ()
