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


"""Whether the service itself is well."""

from oslo_db import exception as db_errors
import sqlalchemy as sa
import werkzeug

from valence import calls
from valence import errors


def health(call: calls.Call) -> werkzeug.Response:
    """Say whether the service can work."""
    try:
        with call.service.db.reader() as session:
            session.execute(sa.text("SELECT 1 FROM nodes WHERE 1 = 0"))
    except (db_errors.DBError, sa.exc.SQLAlchemyError) as exc:
        raise errors.Unhealthy(
            "The database does not answer. Look at the log of the service."
        ) from exc
    return calls.answer({"status": "ok", "checks": {"database": "ok"}})
