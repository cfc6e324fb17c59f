# SPDX-License-Identifier: Apache-2.0

"""The commands, called in this process: their results, exit statuses and error messages."""

from collections.abc import Callable
import contextlib
import io
import logging
import uuid as uuids

import fixtures

from tests.unit.service import base
from valence import migrations
from valence.cmd import api
from valence.cmd import dbsync
from valence.cmd import manage
from valence.cmd import status
from valence.credentials import keyring
from valence.objects import base as objects_base
from valence.objects import podmanager as podmanager_objects
from valence_conductor.cmd import conductor
from valence_conductor.db import engine as db_engine
from valence_conductor.db import migrations as db_migrations

#: command -> its function, and arguments that do not stop at the command line
COMMANDS: dict[str, tuple[Callable[[list[str]], int], list[str]]] = {
    "valence-api": (api.main, []),
    "valence-dbsync": (dbsync.main, ["version"]),
    "valence-manage": (manage.main, ["rotate-keys"]),
    "valence-status": (status.main, ["upgrade", "check"]),
    "valence-conductor": (conductor.main, []),
}


class KeepLogging(fixtures.Fixture):
    """Restore the root logger, which commands set up for their process."""

    def _setUp(self) -> None:
        root = logging.getLogger()
        self.addCleanup(root.setLevel, root.level)
        self.addCleanup(setattr, root, "handlers", root.handlers[:])


class CommandTestCase(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(KeepLogging())
        self.file = self.folder / "valence.conf"
        self.database = f"sqlite:///{self.folder}/valence.sqlite"
        self.write_options()

    def write_options(self, *lines: str) -> None:
        self.file.write_text("\n".join([f"[DEFAULT]\nstate_path = {self.folder}", *lines, ""]))

    def call(self, command: str, *arguments: str) -> int:
        """Call a command; return its exit status, and keep what it prints."""
        main, defaults = COMMANDS[command]
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(self.stdout), contextlib.redirect_stderr(self.stderr):
            return main(["--config-file", str(self.file), *(arguments or defaults)])

    def assertReported(self, command: str, word: str, *arguments: str) -> None:
        """Assert that a command fails with one line in which a word is."""
        self.assertEqual(1, self.call(command, *arguments), self.stderr.getvalue())
        self.assertNotIn("Traceback", self.stdout.getvalue() + self.stderr.getvalue())
        line = self.stderr.getvalue().splitlines()[-1]
        self.assertTrue(line.startswith(f"{command}: "), line)
        self.assertIn(word, line)


class TestConfiguration(CommandTestCase):
    def test_an_invalid_value_is_reported(self) -> None:
        self.write_options("port = many")
        self.assertReported("valence-api", "many")
        files = [path.name for path in self.folder.iterdir()]
        self.assertEqual(["valence.conf"], files, "the command began its work")
        self.write_options("[conductor]", "workers = many")
        for command in ("valence-conductor", "valence-dbsync", "valence-manage"):
            self.assertReported(command, "many")

    def test_an_unknown_kind_of_database_is_reported(self) -> None:
        self.write_options("[database]", "connection = nosuch://here")
        for command in ("valence-api", "valence-dbsync", "valence-manage"):
            (self.folder / "credentials.keys").touch()
            self.assertReported(command, "nosuch")

    def test_a_missing_file_is_reported_by_every_command(self) -> None:
        self.file.unlink()
        for command in COMMANDS:
            self.assertReported(command, str(self.file))

    def test_a_conductor_reports_an_unknown_ledger_and_an_unknown_jobboard(self) -> None:
        flows = f"[conductor]\nconnection = sqlite:///{self.folder}/flows"
        self.write_options(flows, "jobboard = redis://127.0.0.1:9", "ledgers = knots")
        self.assertReported("valence-conductor", "'knots'")
        self.write_options(flows, "jobboard = telepathy://here", "ledgers = nodes")
        self.assertReported("valence-conductor", "'telepathy'")


class TestDbsync(CommandTestCase):
    def test_it_upgrades_and_checks(self) -> None:
        self.assertEqual(2, self.call("valence-dbsync", "check"))
        self.assertEqual(0, self.call("valence-dbsync", "version"))
        self.assertEqual("none\n", self.stdout.getvalue())
        self.assertEqual(0, self.call("valence-dbsync", "upgrade"))
        self.assertEqual(0, self.call("valence-dbsync", "version"))
        latest = db_migrations.latest_revision(migrations.LOCATION)
        self.assertEqual(f"{latest}\n", self.stdout.getvalue())
        self.assertEqual(0, self.call("valence-dbsync", "check"))


class TestLaterRelease(CommandTestCase):
    """Tables that a later release has upgraded."""

    def setUp(self) -> None:
        super().setUp()
        self.call("valence-dbsync", "upgrade")
        keyring.load(str(self.folder / "credentials.keys"))
        self.set_revision("4711")

    def set_revision(self, revision: str) -> None:
        with (
            contextlib.closing(db_engine.Database(self.database)) as db,
            db.write_engine.begin() as connection,
        ):
            table = objects_base.VERSION_TABLE
            connection.exec_driver_sql(f"UPDATE {table} SET version_num = '{revision}'")

    def test_every_command_refuses_them_in_one_sentence(self) -> None:
        latest = db_migrations.latest_revision(migrations.LOCATION)
        for command, arguments in (
            ("valence-api", []),
            ("valence-manage", ["rotate-keys"]),
            *(("valence-dbsync", [step]) for step in ("check", "upgrade", "version")),
        ):
            self.assertReported(command, "are at revision 4711, which is of a later", *arguments)
            self.assertIn(f"that this release knows is {latest}. Nothing", self.stderr.getvalue())
        self.assertEqual("4711\n", self.stdout.getvalue())
        self.assertEqual(2, self.call("valence-status"))
        self.assertIn("revision 4711", " ".join(self.stdout.getvalue().split()))

    def test_nothing_is_changed(self) -> None:
        for command in ("valence-api", "valence-dbsync"):
            self.call(command, *(["upgrade"] if command == "valence-dbsync" else []))
        with contextlib.closing(db_engine.Database(self.database)) as db:
            self.assertEqual("4711", db_migrations.version(db, objects_base.VERSION_TABLE))


class LostKeyTestCase(CommandTestCase):
    """A pod manager whose password was encrypted with a key that is not in the key file."""

    def setUp(self) -> None:
        super().setUp()
        self.call("valence-dbsync", "upgrade")
        keyring.load(str(self.folder / "credentials.keys"))
        other = keyring.load(str(self.folder / "other.keys"))
        with contextlib.closing(db_engine.Database(self.database)) as db:
            podmanager_objects.create(
                db,
                {
                    "uuid": str(uuids.uuid4()),
                    "name": "rack-7",
                    "url": "http://127.0.0.1:9",
                    "driver": "telepathy",
                    "password_encrypted": other.encrypt("secret"),
                    "verify_ca": True,
                },
            )


class TestManage(LostKeyTestCase):
    def test_keys_are_not_rotated_while_one_is_lost(self) -> None:
        keys = self.folder / "credentials.keys"
        before = keys.read_bytes()
        self.assertReported("valence-manage", "rack-7", "rotate-keys")
        self.assertEqual(before, keys.read_bytes())

    def test_a_missing_key_file_is_reported(self) -> None:
        (self.folder / "credentials.keys").unlink()
        self.assertReported("valence-manage", "credentials.keys does not exist")

    def test_an_audit_names_the_pod_manager_that_it_could_not_read(self) -> None:
        self.assertEqual(1, self.call("valence-manage", "audit"), self.stderr.getvalue())
        self.assertEqual("", self.stdout.getvalue())
        self.assertIn("pod manager rack-7 was not audited", self.stderr.getvalue())


class TestStatus(CommandTestCase):
    def test_it_warns_before_there_are_tables_and_succeeds_afterwards(self) -> None:
        self.assertEqual(1, self.call("valence-status"), self.stderr.getvalue())
        self.assertIn("cannot be read", self.stdout.getvalue())
        self.call("valence-dbsync", "upgrade")
        keyring.load(str(self.folder / "credentials.keys"))
        self.assertEqual(0, self.call("valence-status"), self.stdout.getvalue())


class TestStatusFailures(LostKeyTestCase):
    def test_it_fails_for_lost_keys_and_missing_drivers(self) -> None:
        self.assertEqual(2, self.call("valence-status"), self.stderr.getvalue())
        for word in ("telepathy", "rack-7"):
            self.assertIn(word, self.stdout.getvalue())
        self.assertNotIn("secret", self.stdout.getvalue())
