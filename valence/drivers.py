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


"""From the uuid of a pod manager to a driver that speaks to it."""

from oslo_db import exception as db_errors
from oslo_log import log as logging
import sqlalchemy as sa

from valence import errors
from valence import keyring
from valence import podmanagers
from valence.objects import podmanager
from valence.podmanagers import health
from valence_conductor import database
from valence_conductor import errors as conductor_errors

LOG = logging.getLogger(__name__)


class Drivers:
    """Know the pod managers of the database, their credentials and connections."""

    def __init__(
        self,
        db: database.Database,
        keys: keyring.Keyring,
        connections: podmanagers.PodManagers,
    ) -> None:
        self._db = db
        self.keys = keys
        self.connections = connections
        connections.listen(self._hear)

    def to(self, podm_uuid: str) -> podmanagers.Driver:
        """Give the driver of a pod manager, connected as its row says now.

        :raises PodManagerNotFound: there is no such pod manager.
        :raises PodManagerUnauthorized: its password cannot be decrypted.
        """
        try:
            row = podmanager.get(self._db, podm_uuid)
        except errors.PodManagerNotFound:
            # Another process may have forgotten it.
            self.connections.forget(podm_uuid)
            raise
        return self.connections.get(self.access(row))

    def access(self, row: podmanager.PodManager) -> podmanager.Access:
        """Decrypt what a driver must know of a pod manager."""
        secret = row.password_encrypted
        return podmanager.Access(
            uuid=row.uuid,
            name=row.name,
            url=row.url,
            driver=row.driver,
            username=row.username,
            password=None if secret is None else self.keys.decrypt(secret),
            verify_ca=row.verify_ca,
            ca=row.ca,
            updated_at=row.updated_at,
        )

    def encrypt(self, password: str | None) -> str | None:
        """Encrypt a password for its row."""
        return None if password is None else self.keys.encrypt(password)

    def note(self, podm_uuid: str, trouble: errors.ValenceError | None = None) -> None:
        """Note how a pod manager answered: well, or with this trouble."""
        status = health.status_of(trouble)
        if status == "online":
            podmanager.note_status(self._db, podm_uuid, "online", None)
        elif status is not None and trouble is not None:
            podmanager.note_status(self._db, podm_uuid, status, trouble.detail)

    def _hear(self, podm_uuid: str, trouble: errors.ValenceError | None) -> None:
        """Note what a connection saw.

        Its request may have been carried out: that there is no database just now
        must not make a failure of it.
        """
        try:
            self.note(podm_uuid, trouble)
        except (db_errors.DBError, sa.exc.SQLAlchemyError, conductor_errors.Abandoned) as exc:
            LOG.warning("It is not noted how pod manager %s is: %s", podm_uuid, exc)
