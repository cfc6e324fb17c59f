# SPDX-License-Identifier: Apache-2.0

"""The journal: what TaskFlow remembers of every flow between its steps."""

from collections.abc import Iterator
import contextlib
from typing import Any

from oslo_db import exception as db_errors
from oslo_utils import importutils
from taskflow import engines
from taskflow import exceptions as taskflow_exceptions
from taskflow.persistence import models
from taskflow.persistence.backends import impl_sqlalchemy

from valence_conductor.db.engine import Database
from valence_conductor.job import FlowSpec
from valence_conductor.job import Job

#: Key of a flow detail's meta that names the job, for people and for sweepers.
META_JOB = "job"

#: Where a flow's initial symbols are kept. Not under TaskFlow's own key ("store"): it
#: copies that into the flow in two writes, and a process that dies between them leaves a
#: flow that can never be loaded again.
META_SYMBOLS = "symbols"


class Journal:
    """Logbooks in a SQL database, one for each job.

    :param db: a database of its own. SQLite keeps one writer a file, and both
        rows and flows are written all the time.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        writers = db.engine.execution_options(sqlite_begin="IMMEDIATE")
        self.backend = _Backend({}, engine=writers)

    def reach(self, patience: float) -> None:
        """Wait until the database answers.

        :param patience: seconds.
        :raises Unreachable: it does not.
        """
        self._db.reach(patience)

    def upgrade(self) -> None:
        """Make TaskFlow's tables, or bring them up to date."""
        with (
            self._db.alone(),
            contextlib.closing(self.backend.get_connection()) as connection,
        ):
            connection.upgrade()

    def find(self, job: Job) -> models.FlowDetail | None:
        """Load what is remembered of a job; None if nothing is."""
        with contextlib.closing(self.backend.get_connection()) as connection:
            try:
                book = connection.get_logbook(job.book_uuid)
            except taskflow_exceptions.NotFound:
                return None
        return book.find(job.flow_uuid)

    def open(self, job: Job, spec: FlowSpec) -> models.FlowDetail:
        """Load what is remembered of a job, and begin to remember it if nothing is.

        The ids are the job's own, so that whoever opens it finds the same flow: who
        submits a job and who finds its row in a sweep may do so at once.
        """
        return self.find(job) or self._begin(job, spec)

    def _begin(self, job: Job, spec: FlowSpec) -> models.FlowDetail:
        book = models.LogBook(job.name, uuid=job.book_uuid)
        detail = models.FlowDetail(job.name, uuid=job.flow_uuid)
        detail.meta = {META_SYMBOLS: dict(spec.store), META_JOB: job.name}
        factory = importutils.import_class(spec.factory)
        engines.save_factory_details(detail, factory, [], dict(spec.kwargs))
        detail.meta["factory"]["name"] = spec.factory
        book.add(detail)
        with contextlib.closing(self.backend.get_connection()) as connection:
            try:
                return connection.save_logbook(book).find(job.flow_uuid)
            except db_errors.DBDuplicateEntry:
                return connection.get_logbook(job.book_uuid).find(job.flow_uuid)

    def forget(self, job: Job) -> None:
        """Remember a job no longer."""
        connection = self.backend.get_connection()
        with contextlib.closing(connection), contextlib.suppress(taskflow_exceptions.NotFound):
            connection.destroy_logbook(job.book_uuid)

    def jobs(self) -> Iterator[Job]:
        """Tell which jobs are remembered."""
        with contextlib.closing(self.backend.get_connection()) as connection:
            for book in connection.get_logbooks(lazy=True):
                with contextlib.suppress(ValueError):
                    yield Job.from_name(book.name)

    def close(self) -> None:
        """Close every connection."""
        self._db.close()


class _Backend(impl_sqlalchemy.SQLAlchemyBackend):
    """TaskFlow's, with one of its connections for all.

    Such a connection holds nothing open: each of its methods is a transaction of
    its own. TaskFlow makes one for every write, and with it all tables anew, for
    which SQLAlchemy has then to compile every statement again: four tenths of
    what a conductor computed.
    """

    _connection: Any = None

    def get_connection(self) -> Any:
        """Give the connection."""
        if self._connection is None:
            self._connection = super().get_connection()
        return self._connection
