# SPDX-License-Identifier: Apache-2.0

"""Base class of the plugin's versioned objects, and their own registry.

The plugin runs inside services that have versioned objects of their own, some of the
same name. oslo's registry is shared by a whole process, so the plugin does not use it.
"""

import collections
from collections.abc import Mapping
from typing import Any

from oslo_versionedobjects import base
from oslo_versionedobjects import exception
from oslo_versionedobjects import fields


class Json(fields.FieldType[dict[str, Any]]):
    """A JSON object."""

    def coerce(self, obj: Any, attr: str, value: Any) -> dict[str, Any]:
        """Return a mapping as a dict.

        :raises ValueError: the value is no mapping.
        """
        if not isinstance(value, Mapping):
            raise ValueError(f"{attr} must be an object, not {type(value).__name__}")
        return dict(value)

    def get_schema(self) -> dict[str, Any]:
        """Return the JSON schema of the field."""
        return {"type": ["object"]}


class JsonField(fields.AutoTypedField[dict[str, Any]]):
    """A field that holds a JSON object."""

    AUTO_TYPE = Json()


class IntegrationObjectRegistry(base.VersionedObjectRegistry):
    """Registry of the plugin's classes by name and version."""

    _classes: collections.defaultdict[str, list[Any]] = collections.defaultdict(list)

    def __new__(cls) -> "IntegrationObjectRegistry":
        """Return a registry over the plugin's own classes."""
        registry = object.__new__(cls)
        registry._obj_classes = cls._classes
        return registry


class IntegrationObject(base.VersionedObject):
    """Base of the plugin's objects."""

    OBJ_SERIAL_NAMESPACE = "valence_object"
    OBJ_PROJECT_NAMESPACE = "valence"

    @classmethod
    def obj_class_from_name(cls, objname: str, objver: str) -> type[base.VersionedObject]:
        """Return a class of the plugin.

        :raises UnsupportedObjectError: no class has this name.
        :raises IncompatibleObjectVersion: no class reads this version.
        """
        candidates = IntegrationObjectRegistry.obj_classes().get(objname)
        if not candidates:
            raise exception.UnsupportedObjectError(objtype=objname)
        for candidate in candidates:
            if objver == candidate.VERSION:
                return candidate
        raise exception.IncompatibleObjectVersion(
            objname=objname, objver=objver, supported=candidates[0].VERSION
        )
