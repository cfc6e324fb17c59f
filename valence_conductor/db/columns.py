# SPDX-License-Identifier: Apache-2.0

"""Column types that the tables of Valence share."""

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

#: MariaDB drops fractions of seconds by default: rows of one second would have no order.
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


class UTCDateTime(sa.types.TypeDecorator[datetime.datetime]):
    """A time in UTC, aware of it, with the same precision in every database."""

    impl = MOMENT
    cache_ok = True

    def process_bind_param(
        self, value: datetime.datetime | None, dialect: sa.Dialect
    ) -> datetime.datetime | None:
        """Convert an aware time to a naive one in UTC, to be stored."""
        return value.astimezone(datetime.UTC).replace(tzinfo=None) if value else None

    def process_result_value(
        self, value: datetime.datetime | None, dialect: sa.Dialect
    ) -> datetime.datetime | None:
        """Return a stored time as one that is aware of being UTC."""
        return value.replace(tzinfo=datetime.UTC) if value else None


class ExactString(sa.types.TypeDecorator[str]):
    """Text of at most some characters that is equal only to itself, and sorts by code point.

    SQLite and PostgreSQL compare text so. MariaDB and MySQL take ``web``, ``WEB``, ``web`` with
    an accent and ``web`` with a space at the end for the same by default: a request would find,
    and delete, another row.
    """

    impl = sa.String
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Return the type of a column, in MariaDB and MySQL with a collation of its own.

        ``utf8mb4_bin``, which both have, ignores spaces at the end.
        """
        length = getattr(self.impl_instance, "length", None)
        if dialect.name not in ("mysql", "mariadb"):
            return dialect.type_descriptor(sa.String(length))
        is_mariadb = getattr(dialect, "is_mariadb", False)
        collation = "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin"
        exact = mysql.VARCHAR(length, charset="utf8mb4", collation=collation)
        return dialect.type_descriptor(exact)
