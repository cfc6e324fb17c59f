# SPDX-License-Identifier: Apache-2.0

"""The modules of Mogan that the hook stands on, imported when Mogan is there."""

import dataclasses
import importlib
from typing import Any

#: name -> module; what each must have is to be read in ``tests/mogan_contract.py``.
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
class Parts:
    """Mogan's modules, by the names under which Mogan itself speaks of them."""

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


def load() -> Parts:
    """Import them.

    :raises ImportError: Mogan, or something it stands on, is not installed.
    """
    return Parts(**{name: importlib.import_module(path) for name, path in MODULES.items()})
