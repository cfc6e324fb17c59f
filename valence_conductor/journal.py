# SPDX-License-Identifier: Apache-2.0

"""The journal: what TaskFlow stores of every flow between its steps."""

from collections.abc import Iterator
import contextlib
from typing import Any

import alembic.util
from oslo_db import exception as db_errors
from oslo_utils import importutils
from taskflow import engines
from taskflow import exceptions as taskflow_exceptions
from taskflow.persistence import models
from taskflow.persistence.backends import impl_sqlalchemy

from valence_conductor.db import migrations
from valence_conductor.db.engine import Database
from valence_conductor.job import FlowSpec
from valence_conductor.job import Job

#: Key in the meta of a flow detail: name of the job.
META_JOB = "job"

#: Key in the meta of a flow detail: the flow's initial symbols. Not TaskFlow's own key
#: ("store"): it copies that into the flow in two writes, and a process that dies between
#: them leaves a flow that can never be loaded again.
META_SYMBOLS = "symbols"


class Journal:
    """Logbooks in a SQL database, one for each job.

    :param db: a database of its own. SQLite has one writer per file, and both
        rows and flows are written all the time.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self.backend = _Backend({}, engine=db.write_engine)

    def reach(self, timeout: float) -> None:
        """Wait until the database answers.

        :param timeout: seconds.
        :raises Unreachable: it does not.
        """
        self._db.reach(timeout)

    def upgrade(self) -> None:
        """Create TaskFlow's tables, or bring them up to date.

        :raises TablesNewer: they are those of a later release of TaskFlow.
        """
        with (
            migrations.schema_lock(self._db),
            contextlib.closing(self.backend.get_connection()) as connection,
        ):
            try:
                connection.upgrade()
            except alembic.util.CommandError as exc:  # it does not know their revision
                raise migrations.newer(self._db, f"a revision of TaskFlow ({exc})") from exc

    def find(self, job: Job) -> models.FlowDetail | None:
        """Load the flow of a job; return None if there is none."""
        with contextlib.closing(self.backend.get_connection()) as connection:
            try:
                book = connection.get_logbook(job.book_uuid)
            except taskflow_exceptions.NotFound:
                return None
        return book.find(job.flow_uuid)

    def open(self, job: Job, spec: FlowSpec) -> models.FlowDetail:
        """Load the flow of a job; create it if there is none.

        Its ids are derived from the job, so that every process opens the same flow: the
        process that submits a job and the one whose sweep finds its row may do so at the
        same time.
        """
        return self.find(job) or self._create(job, spec)

    def _create(self, job: Job, spec: FlowSpec) -> models.FlowDetail:
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
        """Delete the flow of a job, if there is one."""
        connection = self.backend.get_connection()
        with contextlib.closing(connection), contextlib.suppress(taskflow_exceptions.NotFound):
            connection.destroy_logbook(job.book_uuid)

    def jobs(self) -> Iterator[Job]:
        """Iterate over the jobs that have a flow in the journal."""
        with contextlib.closing(self.backend.get_connection()) as connection:
            for book in connection.get_logbooks(lazy=True):
                with contextlib.suppress(ValueError):
                    yield Job.from_name(book.name)

    def close(self) -> None:
        """Close every connection."""
        self._db.close()


class _Backend(impl_sqlalchemy.SQLAlchemyBackend):
    """TaskFlow's backend, with a single connection.

    Such a connection holds nothing open: each of its methods is a transaction of its
    own. TaskFlow creates one for every write, and with it new objects for all tables,
    for which SQLAlchemy has to compile every statement again: 40 % of the CPU time of a
    conductor.
    """

    _connection: Any = None

    def get_connection(self) -> Any:
        """Return the connection."""
        if self._connection is None:
            self._connection = super().get_connection()
        return self._connection
