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

"""Client of Valence: pod managers, nodes and flavors over keystoneauth1.

Importing this package costs next to nothing: ``Client`` and what it stands on
are loaded when they are first asked for.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from valenceclient.client import Client as Client
    from valenceclient.device import Device as Device
    from valenceclient.fault import Fault as Fault
    from valenceclient.flavor import Flavor as Flavor
    from valenceclient.node import Node as Node
    from valenceclient.podmanager import PodManager as PodManager

__all__ = ("Client", "Device", "Fault", "Flavor", "Node", "PodManager", "Rack", "System")

_HOMES = {
    "Client": "valenceclient.client",
    "Device": "valenceclient.device",
    "Fault": "valenceclient.fault",
    "Flavor": "valenceclient.flavor",
    "Node": "valenceclient.node",
    "PodManager": "valenceclient.podmanager",
    "Rack": "valenceclient.rack",
    "System": "valenceclient.system",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
