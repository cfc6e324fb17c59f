# SPDX-License-Identifier: Apache-2.0

"""The drivers of the registered pod managers, by uuid."""

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
    """Returns connected drivers for the pod managers in the database.

    Safe to use from many threads.

    :param keys: decrypt the passwords in the rows.
    :param connections: keep one driver for each pod manager.
    """

    def __init__(
        self,
        db: Database,
        keys: keyring.Keyring,
        connections: podmanagers.PodManagers,
    ) -> None:
        self._db = db
        self.keys = keys
        self.connections = connections
        connections.listen(self._record_result)

    def get(self, podm_uuid: str) -> podmanagers.Driver:
        """Return the driver of a pod manager, connected as its row says now.

        :raises PodManagerNotFound: there is no such pod manager.
        :raises PodManagerUnauthorized: its password cannot be decrypted.
        """
        try:
            row = podmanager_objects.get(self._db, podm_uuid)
        except errors.PodManagerNotFound:
            # Another process may have deleted it.
            self.connections.forget(podm_uuid)
            raise
        return self.connections.get(self.access(row))

    def access(self, row: podmanager_objects.PodManager) -> podmanagers.Access:
        """Return what a driver needs of a pod manager, its password decrypted."""
        return podmanagers.Access(
            uuid=row.uuid,
            url=row.url,
            driver=row.driver,
            username=row.username,
            password=self.decrypt(row.password_encrypted),
            verify_ca=row.verify_ca,
            ca=row.ca,
            client_cert=row.client_cert,
            client_key=self.decrypt(row.client_key_encrypted),
        )

    def encrypt(self, secret: str | None) -> str | None:
        """Return a password, or a private key, encrypted for its row."""
        return None if secret is None else self.keys.encrypt(secret)

    def decrypt(self, token: str | None) -> str | None:
        """Return a secret of a row in clear.

        :raises PodManagerUnauthorized: no key decrypts it.
        """
        return None if token is None else self.keys.decrypt(token)

    def record_status(self, podm_uuid: str, error: errors.ValenceError | None = None) -> None:
        """Record the status of a pod manager.

        :param error: of the last request to it; None: the request succeeded.
        """
        status = podm_status.status_of(error)
        if status == "online":
            podmanager_objects.record_status(self._db, podm_uuid, "online", None)
        elif status is not None and error is not None:
            podmanager_objects.record_status(self._db, podm_uuid, status, error.detail)

    def _record_result(self, podm_uuid: str, error: errors.ValenceError | None) -> None:
        """Record the result of a request.

        The pod manager may have carried it out: an unavailable database must not turn
        it into a failure.
        """
        try:
            self.record_status(podm_uuid, error)
        except (db_errors.DBError, sa.exc.SQLAlchemyError, conductor_errors.Abandoned) as exc:
            LOG.warning("Could not record the status of pod manager %s: %s", podm_uuid, exc)
