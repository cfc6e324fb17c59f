# SPDX-License-Identifier: Apache-2.0

"""Base of the tests of a conductor."""

import pathlib

import fixtures
from oslo_config import cfg

from tests import base
from tests.servers import databases
from tests.unit.conductor import toy
from valence_conductor import conductor
from valence_conductor import conf as conductor_conf
from valence_conductor.db.engine import Database
from valence_conductor.journal import Journal

#: Seconds that a busy machine may take for what an idle one does in a few.
PATIENCE = 300.0


class ConductorTestCase(base.TestCase):
    """A test with a folder for databases, and conductors that are stopped at its end."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for name in ("toys", "flows"):  # for other processes that use the folder
            databases.url(self.folder, name)

    def start(self, toys: toy.Toys, workers: int = 4) -> conductor.Conductor:
        """Start a conductor of a single process."""
        conf = cfg.ConfigOpts()
        conf([])
        conductor_conf.register_opts(conf)
        conf.set_override("workers", workers, group="conductor")
        conf.set_override("sweep_interval", 0.2, group="conductor")
        started = conductor.from_conf(conf, [toys], databases.url(self.folder, "flows"))
        started.start()
        self.addCleanup(started.stop, 1)
        return started

    def journal(self) -> Journal:
        """Open the journal, without a conductor that works on it."""
        db = Database(databases.url(self.folder, "flows"))
        self.addCleanup(db.close)
        journal = Journal(db)
        journal.upgrade()
        return journal

    def run_job(self, script: dict[str, str] | None = None) -> toy.Toys:
        """Start a conductor, and run the job of one toy to its end."""
        toys = toy.Toys(self.folder, script)
        started = self.start(toys)
        job = toys.add("t1")
        started.submit(job)
        self.assertTrue(started.wait(job, PATIENCE))
        return toys


class DatabaseTestCase(base.TestCase):
    """A test with an empty SQLite file."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.db = Database(f"sqlite:///{self.folder}/rows.sqlite")
        self.addCleanup(self.db.close)
