# SPDX-License-Identifier: Apache-2.0

"""The drivers of the registered pod managers, by uuid, each verified to be the one registered."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
import time

from oslo_db import exception as db_errors
from oslo_log import log as logging
import sqlalchemy as sa

from valence import errors
from valence import podmanagers
from valence.credentials import keyring
from valence.objects import podmanager as podmanager_objects
from valence.objects import podmanager_identity
from valence.objects import podmanager_limitations
from valence.podmanagers import inventory
from valence.podmanagers import service_identity
from valence.podmanagers.http import status as podm_status
from valence.podmanagers.limitation import Limitation
from valence.podmanagers.service_identity import Verdict
from valence_conductor import errors as conductor_errors
from valence_conductor.db.engine import Database

LOG = logging.getLogger(__name__)


#: Seconds for which something that is no Redfish service has to answer before the pod manager
#: counts as mismatched: a proxy may show a page of its own for a moment.
CONFIRM_AFTER = 5.0


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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self.keys = keys
        self.connections = connections
        self._clock = clock
        #: uuid -> with which access a pod manager was verified by this process.
        self._verified: dict[str, podmanagers.Access] = {}
        #: uuid -> the UUID of the service that answered for a mismatched pod manager.
        self._strangers: dict[str, str | None] = {}
        #: Monotonic time when something that is no Redfish service answered first, by uuid.
        self._no_service_since: dict[str, float] = {}
        connections.listen(self._record_result)

    def get(self, podm_uuid: str) -> podmanagers.Driver:
        """Return the driver of a pod manager, connected as its row says now.

        One that this process has not verified yet is, if it answers: one request.

        :raises PodManagerNotFound: there is no such pod manager.
        :raises PodManagerMismatched: another service had its address when it was last verified.
        :raises PodManagerUnauthorized: its password cannot be decrypted.
        """
        row = self._row(podm_uuid)
        if row.status == podmanager_objects.MISMATCHED:
            raise mismatched(row, row.url, row.status_reason or "")
        access = self.access(row)
        if self._verified.get(row.uuid) != access:
            try:
                return self.verify(podm_uuid)
            except (errors.PodManagerMismatched, errors.PodManagerNotFound):
                raise
            except errors.ValenceError as exc:  # the request itself shows what is wrong
                LOG.info("Could not verify pod manager %s yet: %s", row.uuid, exc)
        return self.connections.get(access)

    def verify(self, podm_uuid: str) -> podmanagers.Driver:
        """Return the driver of a pod manager after its address was verified to be its own.

        Costs one request as long as the service root has the recorded UUID; otherwise its
        systems are read, too. A new UUID is recorded, and so is that the pod manager is
        mismatched, or is not any more.

        :raises PodManagerNotFound: there is no such pod manager.
        :raises PodManagerMismatched: another service has its address.
        :raises ValenceError: it cannot be verified now; nothing is concluded from that.
        """
        row = self._row(podm_uuid)
        access = self.access(row)
        driver = self.connections.get(access)
        observed = self._identify(row, driver)
        known = service_identity.Service(row.service_uuid)
        is_mismatched = row.status == podmanager_objects.MISMATCHED
        if observed is None or (known.has_uuid_of(observed) and not is_mismatched):
            self._verified[row.uuid] = access
            return driver
        self._refuse_stranger(row, known, observed)
        observed = driver.identify_service(systems=True) or observed
        known = podmanager_identity.get(self._db, row)
        self._require_same(row, service_identity.compare(known, observed))
        podmanager_identity.record(self._db, row, observed.uuid or row.service_uuid)
        self._verified[row.uuid] = access
        return driver

    def record_verified(self, row: podmanager_objects.PodManager) -> None:
        """Record that a pod manager has just been recognized with the access of its row."""
        self._verified[row.uuid] = self.access(row)

    def verify_systems(self, podm_uuid: str, systems: Iterable[inventory.System]) -> None:
        """Verify that the systems of an inventory are those of the pod manager.

        A copy of its virtual appliance has the same UUID, and none of its systems.

        :raises PodManagerMismatched: none of them is known.
        """
        row = self._row(podm_uuid)
        facts = (
            service_identity.System.of(one.redfish_uuid, one.serial_number) for one in systems
        )
        observed = service_identity.Service(row.service_uuid, tuple(facts))
        known = podmanager_identity.get(self._db, row)
        comparison = service_identity.compare(known, observed)
        if comparison.contradict and comparison.has_no_system:
            raise self._mismatch(row, comparison.describe())

    def record_refreshed(
        self, podm_uuid: str, limitations: Sequence[Limitation] | None = None
    ) -> None:
        """Record that the inventory of a pod manager was read and stored.

        :param limitations: what it cannot compose; None: unknown.
        """
        podmanager_identity.record_refreshed(self._db, podm_uuid)
        if limitations is not None:
            podmanager_limitations.record(self._db, podm_uuid, limitations)
        self.record_status(podm_uuid)

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

    def _row(self, podm_uuid: str) -> podmanager_objects.PodManager:
        try:
            return podmanager_objects.get(self._db, podm_uuid)
        except errors.PodManagerNotFound:
            # Another process may have deleted it.
            self.connections.forget(podm_uuid)
            raise

    def _identify(
        self, row: podmanager_objects.PodManager, driver: podmanagers.Driver
    ) -> service_identity.Service | None:
        """Read the service root.

        :raises PodManagerMismatched: what answers has been no Redfish service for a while.
        """
        try:
            observed = driver.identify_service()
        except errors.PodManagerFailed as exc:
            if exc.details.get("service") is not False:
                raise
            since = self._no_service_since.setdefault(row.uuid, self._clock())
            if self._clock() < since + CONFIRM_AFTER:
                self.record_status(row.uuid, exc)
                raise
            raise self._mismatch(row, f"no Redfish service ({exc.detail.rstrip('.')})") from exc
        self._no_service_since.pop(row.uuid, None)
        return observed

    def _refuse_stranger(
        self,
        row: podmanager_objects.PodManager,
        known: service_identity.Service,
        observed: service_identity.Service,
    ) -> None:
        """Refuse a service whose UUID alone shows that it is another: it gets no credentials.

        :raises PodManagerMismatched: it is another registered pod manager, or has answered in
            place of this one before.
        """
        if None in (known.uuid, observed.uuid) or known.has_uuid_of(observed):
            return
        is_mismatched = row.status == podmanager_objects.MISMATCHED
        if is_mismatched and self._strangers.get(row.uuid) == observed.uuid:
            raise mismatched(row, row.url, row.status_reason or "")
        first = podmanager_identity.find_same(self._db, observed, row.uuid)
        if first is not None:
            reason = (
                f"its service root has the UUID {observed.uuid} (recorded: {known.uuid}); "
                f"it is pod manager {first.name} ({first.uuid})"
            )
            raise self._mismatch(row, reason)

    def _require_same(
        self, row: podmanager_objects.PodManager, comparison: service_identity.Comparison
    ) -> None:
        """Require that what answers is the pod manager, or that nothing tells it apart.

        :raises PodManagerMismatched: it is another one, or one that was registered before.
        :raises PodManagerFailed: what is known of it cannot be read now.
        """
        observed, is_other = comparison.observed, comparison.verdict is Verdict.OTHER
        first = podmanager_identity.find_same(self._db, observed, row.uuid)
        if is_other or (first is not None and podmanager_identity.is_earlier(first, row)):
            self._strangers[row.uuid] = observed.uuid
            name = "" if first is None else f"; it is pod manager {first.name} ({first.uuid})"
            raise self._mismatch(row, comparison.describe() + name)
        if row.status == podmanager_objects.MISMATCHED and comparison.has_no_system:
            # The UUID alone does not clear a copy of the appliance.
            raise mismatched(row, row.url, row.status_reason or "")
        if comparison.verdict is Verdict.UNREAD:
            error = errors.PodManagerFailed(
                f"It cannot be verified that pod manager {row.name!r} answers at {row.url}: "
                f"{comparison.describe()}. Nothing is concluded or changed there until its "
                "systems can be read.",
                sent=False,
            )
            self.record_status(row.uuid, error)
            raise error

    def _mismatch(
        self, row: podmanager_objects.PodManager, reason: str
    ) -> errors.PodManagerMismatched:
        """Record that another service has the address of a pod manager; return the error."""
        podmanager_identity.record_mismatch(self._db, row, reason)
        return mismatched(row, row.url, reason)

    def _record_result(self, podm_uuid: str, error: errors.ValenceError | None) -> None:
        """Record the result of a request.

        The pod manager may have carried it out: an unavailable database must not turn
        it into a failure.
        """
        try:
            self.record_status(podm_uuid, error)
        except (db_errors.DBError, sa.exc.SQLAlchemyError, conductor_errors.Abandoned) as exc:
            LOG.warning("Could not record the status of pod manager %s: %s", podm_uuid, exc)


def mismatched(
    row: podmanager_objects.PodManager, url: str, reason: str
) -> errors.PodManagerMismatched:
    """Return the error for a pod manager whose address another service has.

    :param reason: what was compared, without the full stop.
    """
    return errors.PodManagerMismatched(
        f"What answers at {url} is not pod manager {row.name!r} as it was registered: "
        f"{reason}. Nothing is requested there. Correct its address (PATCH with its url); or, if "
        "its hardware or its UUID was replaced, accept its new identity "
        f"(POST /v1/podmanagers/{row.uuid}/accept-identity).",
        podm_uuid=row.uuid,
        podm_name=row.name,
        asked=False,
        sent=False,
    )
