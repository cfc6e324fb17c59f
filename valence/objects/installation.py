# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""The installation: which of all the Valences this database belongs to."""

import sqlalchemy as sa
from sqlalchemy import orm

from valence.objects import base
from valence_conductor import database


class Installation(base.Base):
    """The one row that tells this database from every other."""

    __tablename__ = "valence_installation"

    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)


@database.retried
def get(db: database.Database) -> str:
    """Tell the uuid that this database was given when its tables were made."""
    with db.reader() as session:
        return session.scalars(sa.select(Installation.uuid)).one()
