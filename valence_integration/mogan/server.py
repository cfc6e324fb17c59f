# SPDX-License-Identifier: Apache-2.0

"""Mogan's object Server and its table, extended by the field ``composed``."""

from typing import Any

from oslo_utils import versionutils
import sqlalchemy as sa

from valence_integration.mogan.modules import MoganModules

#: The version of Server that has ``composed``.
VERSION = "1.1"


def extend(mogan: MoganModules) -> Any:
    """Add the field ``composed`` to Mogan's Server, and the column to its model; idempotent.

    Mogan's registry keeps the older version as well, so that servers from an older
    mogan-api can be deserialized.

    :returns: the class, which is ``mogan.objects.Server`` from now on.
    """
    if "composed" not in mogan.models.Server.__table__.columns:
        mogan.models.Server.composed = sa.Column(sa.Boolean, nullable=True)
    parent: Any = mogan.objects.Server
    if "composed" in parent.fields:
        return parent

    class Server(parent):
        """A server, which may run on hardware that was composed for it.

        Version 1.0: Mogan's own.
        Version 1.1: ``composed``; None in older rows, which means no.
        """

        VERSION = "1.1"

        fields = {"composed": mogan.fields.BooleanField(nullable=True)}

        def obj_make_compatible(self, primitive: dict[str, Any], target_version: str) -> None:
            """Remove from a primitive the fields that an older version does not have."""
            super().obj_make_compatible(primitive, target_version)
            if versionutils.convert_version_to_tuple(target_version) < (1, 1):
                primitive.pop("composed", None)

    return mogan.object_base.MoganObjectRegistry.register(Server)


def newest(mogan: MoganModules, context: Any, server: Any) -> Any:
    """Return a server in the version that has ``composed``, from the database if needed.

    An older mogan-api sends servers without the field.

    :raises ServerNotFound: the server was deleted.
    """
    if "composed" in server.fields:
        return server
    return mogan.objects.Server.get(context, server.uuid)


def is_composed(server: Any) -> bool:
    """Return whether a server runs on hardware composed for it; None means no."""
    return getattr(server, "composed", None) is True
