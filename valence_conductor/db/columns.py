# SPDX-License-Identifier: Apache-2.0

"""Types of columns that tables of ours have in common."""

import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

#: MariaDB would keep no fractions of seconds: rows made in one second had no order.
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


class UTCDateTime(sa.types.TypeDecorator[datetime.datetime]):
    """A time that is in UTC, aware of it, and the same in every database."""

    impl = MOMENT
    cache_ok = True

    def process_bind_param(
        self, value: datetime.datetime | None, dialect: sa.Dialect
    ) -> datetime.datetime | None:
        """Store in UTC what knows its zone."""
        return value.astimezone(datetime.UTC).replace(tzinfo=None) if value else None

    def process_result_value(
        self, value: datetime.datetime | None, dialect: sa.Dialect
    ) -> datetime.datetime | None:
        """Give back what knows that it is UTC."""
        return value.replace(tzinfo=datetime.UTC) if value else None
