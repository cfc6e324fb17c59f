# SPDX-License-Identifier: Apache-2.0

"""From the uuid of a pod manager to a driver that speaks to it."""

from oslo_db import exception as db_errors
from oslo_log import log as logging
import sqlalchemy as sa

from valence import errors
from valence import podmanagers
from valence.credentials import keyring
from valence.objects import podmanager as podmanager_objects
from valence.podmanagers.http import status as podm_status
from valence_conductor import errors as conductor_errors
from valence_conductor.db.engine import Database

LOG = logging.getLogger(__name__)


class Drivers:
    """Know the pod managers of the database, their credentials and connections."""

    def __init__(
        self,
        db: Database,
        keys: keyring.Keyring,
        connections: podmanagers.PodManagers,
    ) -> None:
        self._db = db
        self.keys = keys
        self.connections = connections
        connections.listen(self._hear)

    def get(self, podm_uuid: str) -> podmanagers.Driver:
        """Give the driver of a pod manager, connected as its row says now.

        :raises PodManagerNotFound: there is no such pod manager.
        :raises PodManagerUnauthorized: its password cannot be decrypted.
        """
        try:
            row = podmanager_objects.get(self._db, podm_uuid)
        except errors.PodManagerNotFound:
            # Another process may have forgotten it.
            self.connections.forget(podm_uuid)
            raise
        return self.connections.get(self.access(row))

    def access(self, row: podmanager_objects.PodManager) -> podmanagers.Access:
        """Decrypt what a driver must know of a pod manager."""
        secret = row.password_encrypted
        return podmanagers.Access(
            uuid=row.uuid,
            url=row.url,
            driver=row.driver,
            username=row.username,
            password=None if secret is None else self.keys.decrypt(secret),
            verify_ca=row.verify_ca,
            ca=row.ca,
        )

    def encrypt(self, password: str | None) -> str | None:
        """Encrypt a password for its row."""
        return None if password is None else self.keys.encrypt(password)

    def record_status(self, podm_uuid: str, trouble: errors.ValenceError | None = None) -> None:
        """Note how a pod manager answered: well, or with this trouble."""
        status = podm_status.status_of(trouble)
        if status == "online":
            podmanager_objects.record_status(self._db, podm_uuid, "online", None)
        elif status is not None and trouble is not None:
            podmanager_objects.record_status(self._db, podm_uuid, status, trouble.detail)

    def _hear(self, podm_uuid: str, trouble: errors.ValenceError | None) -> None:
        """Note what a connection saw.

        Its request may have been carried out: that there is no database just now
        must not make a failure of it.
        """
        try:
            self.record_status(podm_uuid, trouble)
        except (db_errors.DBError, sa.exc.SQLAlchemyError, conductor_errors.Abandoned) as exc:
            LOG.warning("It is not noted how pod manager %s is: %s", podm_uuid, exc)
