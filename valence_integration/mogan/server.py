# SPDX-License-Identifier: Apache-2.0

"""Mogan's object Server and its table, with the field ``composed``."""

from typing import Any

from oslo_utils import versionutils
import sqlalchemy as sa

from valence_integration.mogan.modules import Parts

#: The version of Server that has ``composed``.
VERSION = "1.1"


def extend(mogan: Parts) -> Any:
    """Give Mogan's Server the field ``composed``, and its model the column.

    Mogan's registry keeps the older version beside it, so that a server that an
    older mogan-api sends is still understood. May be called again.

    :returns: the class, which is ``mogan.objects.Server`` from here on.
    """
    if "composed" not in mogan.models.Server.__table__.columns:
        mogan.models.Server.composed = sa.Column(sa.Boolean, nullable=True)
    older: Any = mogan.objects.Server
    if "composed" in older.fields:
        return older

    class Server(older):
        """A server, which may stand on hardware composed for it.

        Version 1.0: Mogan's.
        Version 1.1: ``composed``; None in rows older than it, which means no.
        """

        VERSION = "1.1"

        fields = {"composed": mogan.fields.BooleanField(nullable=True)}

        def obj_make_compatible(self, primitive: dict[str, Any], target_version: str) -> None:
            """Leave out of a primitive what an older version does not have."""
            super().obj_make_compatible(primitive, target_version)
            if versionutils.convert_version_to_tuple(target_version) < (1, 1):
                primitive.pop("composed", None)

    return mogan.object_base.MoganObjectRegistry.register(Server)


def newest(mogan: Parts, context: Any, server: Any) -> Any:
    """Return a server that has the field ``composed``, read anew if need be.

    An older mogan-api sends servers without it.

    :raises ServerNotFound: Mogan has no such server any more.
    """
    if "composed" in server.fields:
        return server
    return mogan.objects.Server.get(context, server.uuid)


def is_composed(server: Any) -> bool:
    """Tell whether a server stands on hardware composed for it; None means no."""
    return getattr(server, "composed", None) is True
