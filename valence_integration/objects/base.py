# SPDX-License-Identifier: Apache-2.0

"""A registry of versioned objects that shares nothing with anybody else's.

The plugin lives inside services that have versioned objects of their own, some
of the same name: oslo's registry is one for a whole process, so this one is not
it.
"""

import collections
from collections.abc import Mapping
from typing import Any

from oslo_versionedobjects import base
from oslo_versionedobjects import exception
from oslo_versionedobjects import fields


class Json(fields.FieldType[dict[str, Any]]):
    """An object of JSON."""

    def coerce(self, obj: Any, attr: str, value: Any) -> dict[str, Any]:
        """Take a mapping as it is, and refuse everything else."""
        if not isinstance(value, Mapping):
            raise ValueError(f"{attr} is an object, and not {type(value).__name__}")
        return dict(value)

    def get_schema(self) -> dict[str, Any]:
        """Describe it in JSON schema."""
        return {"type": ["object"]}


class JsonField(fields.AutoTypedField[dict[str, Any]]):
    """A field that holds an object of JSON."""

    AUTO_TYPE = Json()


class IntegrationObjectRegistry(base.VersionedObjectRegistry):
    """Where the plugin's objects are found by name and version."""

    _classes: collections.defaultdict[str, list[Any]] = collections.defaultdict(list)

    def __new__(cls) -> "IntegrationObjectRegistry":
        """Give a view of the plugin's own classes."""
        registry = object.__new__(cls)
        registry._obj_classes = cls._classes
        return registry


class IntegrationObject(base.VersionedObject):
    """Base of the plugin's objects."""

    OBJ_SERIAL_NAMESPACE = "valence_object"
    OBJ_PROJECT_NAMESPACE = "valence"

    @classmethod
    def obj_class_from_name(cls, objname: str, objver: str) -> type[base.VersionedObject]:
        """Find a class of the plugin.

        :raises UnsupportedObjectError: there is none of this name.
        :raises IncompatibleObjectVersion: there is none that reads this version.
        """
        known = IntegrationObjectRegistry.obj_classes().get(objname)
        if not known:
            raise exception.UnsupportedObjectError(objtype=objname)
        for candidate in known:
            if objver == candidate.VERSION:
                return candidate
        raise exception.IncompatibleObjectVersion(
            objname=objname, objver=objver, supported=known[0].VERSION
        )
