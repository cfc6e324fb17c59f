# SPDX-License-Identifier: Apache-2.0

"""The modules of Mogan that the hook uses, imported only where Mogan is installed."""

import dataclasses
import importlib
from typing import Any

#: name -> module; ``tests/mogan_contract.py`` has the contents that each must have.
MODULES = {
    "create_server": "mogan.engine.flows.create_server",
    "exception": "mogan.common.exception",
    "fields": "mogan.objects.fields",
    "flow_utils": "mogan.common.flow_utils",
    "manager": "mogan.engine.manager",
    "models": "mogan.db.sqlalchemy.models",
    "notifications": "mogan.notifications.base",
    "object_base": "mogan.objects.base",
    "objects": "mogan.objects",
    "oslo_context": "oslo_context.context",
    "states": "mogan.common.states",
    "utils": "mogan.common.utils",
}


@dataclasses.dataclass(frozen=True)
class MoganModules:
    """The modules in :data:`MODULES`, by the names under which Mogan itself imports them."""

    create_server: Any
    exception: Any
    fields: Any
    flow_utils: Any
    manager: Any
    models: Any
    notifications: Any
    object_base: Any
    objects: Any
    oslo_context: Any
    states: Any
    utils: Any


def load() -> MoganModules:
    """Import the modules.

    :raises ImportError: Mogan, or one of its requirements, is not installed.
    """
    return MoganModules(**{name: importlib.import_module(path) for name, path in MODULES.items()})
