# SPDX-License-Identifier: Apache-2.0

"""Column types that the tables of Valence share."""

import datetime

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
