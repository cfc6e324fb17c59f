# SPDX-License-Identifier: Apache-2.0

"""Client of Valence: pod managers, nodes and flavors over keystoneauth1.

Importing this package costs next to nothing: each name of ``__all__`` is
imported from its module when it is first used.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from valenceclient import errors as errors
    from valenceclient.client import Client as Client
    from valenceclient.device import Device as Device
    from valenceclient.fault import Cleanup as Cleanup
    from valenceclient.fault import Fault as Fault
    from valenceclient.finding import Finding as Finding
    from valenceclient.flavor import Flavor as Flavor
    from valenceclient.node import Node as Node
    from valenceclient.podmanager import PodManager as PodManager
    from valenceclient.rack import Rack as Rack
    from valenceclient.system import System as System

__all__ = (
    "Cleanup",
    "Client",
    "Device",
    "Fault",
    "Finding",
    "Flavor",
    "Node",
    "PodManager",
    "Rack",
    "System",
    "errors",
)

#: name of ``__all__`` -> the module that defines it.
_HOMES = {
    "Cleanup": "valenceclient.fault",
    "Client": "valenceclient.client",
    "Device": "valenceclient.device",
    "Fault": "valenceclient.fault",
    "Finding": "valenceclient.finding",
    "Flavor": "valenceclient.flavor",
    "Node": "valenceclient.node",
    "PodManager": "valenceclient.podmanager",
    "Rack": "valenceclient.rack",
    "System": "valenceclient.system",
}


def __getattr__(name: str) -> object:
    if name == "errors":
        return importlib.import_module("valenceclient.errors")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
