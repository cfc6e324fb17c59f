# SPDX-License-Identifier: Apache-2.0

"""valence-instance, as operators call it, beside the process that runs flows."""

import io
import json
import logging
import re
import sys
from typing import Any
from unittest import mock

from oslo_config import cfg

from tests.unit.integration import test_provisioning
from valence_conductor import errors as conductor_errors
from valence_conductor.db import migrations as db_migrations
from valence_conductor.db.engine import Database
from valence_conductor.job import Outcome
from valence_conductor.job import Result
from valence_integration import ledger
from valence_integration import provisioner as provisioner_module
from valence_integration.cmd import instance as program
from valence_integration.cmd import output
from valence_integration.cmd import watch
from valence_integration.cmd.session import Session
from valence_integration.db import migrations
from valence_integration.db.instances import with_cleanup
from valence_integration.objects.instance import Instance

SECRET = "correct-horse"


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


class CommandTestCase(test_provisioning.ProvisionerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.file = self.folder / "plugin.conf"
        self.file.write_text(
            f"[valence_integration]\nconnection = sqlite:///{self.folder}/rows.sqlite\n"
            f"[valence]\nendpoint_override = {self.valence.url}\n"
            f"[ironic]\nendpoint_override = {self.ironic.url}\n"
            "[conductor]\nsweep_interval = 7\nmetrics_port = 9\n"
        )
        root = logging.getLogger()
        self.addCleanup(setattr, root, "handlers", list(root.handlers))
        self.addCleanup(root.setLevel, root.level)
        for peer in ("valence", "ironic"):
            client = getattr(self, peer).client
            self.enterContext(mock.patch.object(ledger.clients, peer, lambda _conf, c=client: c()))

    def start_flows(self) -> None:
        """Start a provisioner that runs flows and sweeps often."""
        self.conf.set_override("sweep_interval", 0.1, "conductor")
        self.provisioner = self.open()
        self.start()

    def run_program(
        self, *argv: str, status: int = 0, stdin: Any = None, stdout: Any = None
    ) -> str:
        """Run the program in this process and return its output.

        :param status: the exit status that is expected.
        """
        self.stdout, self.stderr = stdout or io.StringIO(), io.StringIO()
        streams = {"stdin": stdin or io.StringIO(), "stdout": self.stdout, "stderr": self.stderr}
        with mock.patch.multiple(sys, **streams):
            exit_status = program.main(["--config-file", str(self.file), *argv])
        self.assertEqual(status, exit_status, self.stderr.getvalue())
        return str(self.stdout.getvalue())

    def json(self, *argv: str) -> Any:
        return json.loads(self.run_program(*argv, "-f", "json"))

    def failing(self, **changes: Any) -> Instance:
        """Return an instance in error whose resources were released."""
        instance = self.add_instance(**changes)
        job = ledger.job_of(instance)
        instance_ledger = ledger.InstanceLedger(self.task_context)
        instance_ledger.task_started(job, "compose-node", reverting=False)
        details = {"code": "valence.podmanager.refused", "reason": "No drive."}
        instance_ledger.settle(
            job, Outcome(Result.REVERTED, "Fault", "It failed. No drive.", details)
        )
        return self.instances.get(instance.uuid)


class TestList(CommandTestCase):
    def test_state_time_conductor_and_error_are_listed(self) -> None:
        waiting, failed = self.add_instance(name="db"), self.failing()
        rows = {row["UUID"]: row for row in self.json("list")}
        self.assertEqual({waiting.uuid, failed.uuid}, set(rows))
        row = rows[failed.uuid]
        self.assertEqual(("web", "error", None), (row["Name"], row["State"], row["Task"]))
        self.assertRegex(row["Conductor"], r".+:\d+")
        self.assertRegex(row["Since"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")
        self.assertEqual("No drive.", row["Error"]["reason"])
        self.assertIsNone(rows[waiting.uuid]["Conductor"])
        table = self.run_program("list")
        self.assertIn("It failed. No drive.", table)

    def test_states_may_be_selected_and_deleted_instances_are_listed_with_all(self) -> None:
        self.add_instance()
        failed = self.failing()
        self.assertEqual([failed.uuid], [r["UUID"] for r in self.json("list", "--state", "error")])
        self.instances.request_destroy(failed.uuid)
        self.instances.write(failed.uuid, 2, "destroying", state="deleted")
        self.assertEqual(1, len(self.json("list")))
        self.assertEqual(2, len(self.json("list", "--all", "--long")))

    def test_a_name_cannot_control_a_terminal(self) -> None:
        self.add_instance(name="web\x1b[2J\n")
        self.assertNotIn("\x1b", self.run_program("list"))


class TestShow(CommandTestCase):
    def test_every_field_is_shown_but_secrets_are_masked(self) -> None:
        deploy = {"instance_info": {"admin_password": SECRET}, "configdrive": SECRET}
        instance = self.add_instance(deploy=deploy)
        fields = self.json("show", "web")
        self.assertEqual(instance.uuid, fields["uuid"])
        self.assertEqual(set(Instance.fields) - {"task_since"} | {"since"}, set(fields))
        for format_ in ("json", "table", "yaml"):
            self.assertNotIn(SECRET, self.run_program("show", instance.uuid, "-f", format_))
        self.assertEqual("***", fields["deploy"]["configdrive"])

    def test_the_result_of_a_cleanup_is_shown(self) -> None:
        failed = self.failing()
        self.assertIn("cleanup: done", self.run_program("show", failed.uuid))
        fault = with_cleanup(failed.fault or {}, "failed", "Ironic is down.")
        self.instances.write(failed.uuid, 1, "error", fault=fault)
        self.assertIn("cleanup: failed: Ironic is down.", self.run_program("show", failed.uuid))
        cleanup = {"result": "failed", "detail": "Ironic is down."}
        self.assertEqual(cleanup, self.json("show", failed.uuid)["fault"]["cleanup"])

    def test_an_ambiguous_or_unknown_name_is_refused(self) -> None:
        self.add_instance(), self.add_instance()
        self.run_program("show", "web", status=1)
        self.assertIn("Several instances are named 'web'", self.stderr.getvalue())
        self.run_program("show", "unknown", status=1)
        self.assertIn("There is no instance unknown.", self.stderr.getvalue())


class TestRetry(CommandTestCase):
    def test_the_row_is_written_and_the_running_process_starts_the_flow(self) -> None:
        failed = self.failing()
        self.start_flows()
        (row,) = self.json("retry", "web")
        self.assertEqual((failed.uuid, "provisioning"), (row["UUID"], row["State"]))
        self.assertIn("next sweep, within 7 s", self.stderr.getvalue())
        self.assertEqual("active", self.wait(failed.uuid).state)

    def test_a_refused_instance_does_not_stop_the_others(self) -> None:
        held, failed = self.add_instance(name="held"), self.failing()
        self.run_program("retry", held.uuid, failed.uuid, status=1)
        self.assertIn("It is provisioning", self.stderr.getvalue())
        self.assertIn("1 of 2 instances were refused", self.stderr.getvalue())
        self.assertEqual("provisioning", self.instances.get(failed.uuid).state)


class TestRelease(CommandTestCase):
    def test_it_asks_for_confirmation(self) -> None:
        failed = self.failing()
        self.run_program("release", "web", status=1)
        self.assertIn("pass --yes", self.stderr.getvalue())
        self.run_program("release", "web", stdin=Terminal("n\n"), status=1)
        self.assertIn("Nothing was changed", self.stderr.getvalue())
        self.assertEqual("error", self.instances.get(failed.uuid).state)
        self.run_program("release", "web", stdin=Terminal("y\n"))
        self.assertEqual("destroying", self.instances.get(failed.uuid).state)

    def test_the_running_process_starts_the_flow(self) -> None:
        self.start_flows()
        instance = self.wait(self.provision().uuid)
        self.run_program("release", "--yes", instance.uuid)
        self.assertEqual("deleted", self.wait(instance.uuid).state)
        self.assert_nothing_is_left()

    def test_an_instance_that_is_being_provisioned_is_cancelled(self) -> None:
        instance = self.add_instance()
        (row,) = self.json("release", "--yes", instance.uuid)
        self.assertEqual("provisioning", row["State"])
        self.assertTrue(self.instances.get(instance.uuid).destroy_requested)


class TestBeside(CommandTestCase):
    def test_no_database_of_flows_is_created(self) -> None:
        self.failing()
        before = {path.name for path in self.folder.iterdir()}
        self.run_program("list")
        self.run_program("release", "--yes", "web")
        created = {path.name for path in self.folder.iterdir()} - before
        self.assertEqual(set(), {name for name in created if "flows" in name})

    def test_a_missing_database_is_not_created(self) -> None:
        self.file.write_text(f"[valence_integration]\nstate_path = {self.folder}/none\n")
        self.run_program("list", status=1)
        self.assertIn("There is no database", self.stderr.getvalue())
        self.assertFalse((self.folder / "none").exists())

    def test_tables_of_another_release_are_left_unchanged(self) -> None:
        path = self.folder / "old.sqlite"
        old = Database(f"sqlite:///{path}")
        db_migrations.upgrade(old, migrations.PATH, migrations.VERSION_TABLE, "0002")
        self.addCleanup(old.close)
        self.file.write_text(f"[valence_integration]\nconnection = sqlite:///{path}\n")
        self.run_program("list", status=1)
        self.assertIn("not those of this release", self.stderr.getvalue())
        self.assertEqual("0002", db_migrations.version(old, migrations.VERSION_TABLE))

    def test_tables_of_a_later_release_are_refused(self) -> None:
        path = self.folder / "later.sqlite"
        later = Database(f"sqlite:///{path}")
        self.addCleanup(later.close)
        db_migrations.upgrade(later, migrations.PATH, migrations.VERSION_TABLE)
        with later.write_engine.begin() as connection:
            table = migrations.VERSION_TABLE
            connection.exec_driver_sql(f"UPDATE {table} SET version_num = '4711'")
        self.file.write_text(f"[valence_integration]\nconnection = sqlite:///{path}\n")
        self.run_program("list", status=1)
        self.assertIn("revision 4711, which is of a later release", self.stderr.getvalue())
        self.assertNotIn("Traceback", self.stderr.getvalue())
        conf = cfg.ConfigOpts()
        conf(["--config-file", str(self.file)])
        refused = self.assertRaises(
            conductor_errors.TablesNewer, provisioner_module.Provisioner, conf
        )
        self.assertIn("4711", str(refused))

    def test_a_missing_configuration_is_named(self) -> None:
        self.file.unlink()
        self.run_program("list", status=1)
        self.assertIn(str(self.file), self.stderr.getvalue())

    def test_with_a_jobboard_the_job_is_posted(self) -> None:
        failed = self.failing()
        self.file.write_text(
            self.file.read_text()
            + f"jobboard = redis://127.0.0.1:1\nconnection = sqlite:///{self.folder}/f.sqlite\n"
        )
        posted: list[Any] = []
        conductor = mock.Mock(spec_set=("start", "submit", "stop"), submit=posted.append)
        with mock.patch.object(
            provisioner_module.conductor,
            "from_conf",
            autospec=True,
            return_value=conductor,
        ) as from_conf:
            self.run_program("release", "--yes", failed.uuid)
        self.assertFalse(from_conf.call_args.kwargs["runs_jobs"])
        self.assertEqual([("destroy", 2)], [(job.operation, job.generation) for job in posted])
        self.assertIn("The job is posted", self.stderr.getvalue())

    def test_the_row_is_written_also_when_the_jobboard_is_unreachable(self) -> None:
        failed = self.failing()
        self.file.write_text(
            self.file.read_text()
            + f"jobboard = redis://127.0.0.1:1\nconnection = sqlite:///{self.folder}/f.sqlite\n"
        )
        self.run_program("release", "--yes", failed.uuid)
        self.assertEqual("destroying", self.instances.get(failed.uuid).state)
        self.assertIn("The jobboard cannot be reached", self.stderr.getvalue())
        self.assertIn("at its next sweep, within 7 s", self.stderr.getvalue())


class TestWatch(CommandTestCase):
    def test_every_change_is_a_line_where_there_is_no_terminal(self) -> None:
        self.valence.polls = 20
        self.start_flows()
        uuid = self.provision().uuid
        text = self.run_program("watch", "--interval", "0.05", "--until-settled", uuid)
        lines = text.splitlines()
        self.assertEqual(len(lines), len({line[10:] for line in lines}))
        self.assertRegex(lines[-1], rf"^\d\d:\d\d:\d\d  {uuid}  web  active$")
        self.assertTrue(any("compose-node  on " in line for line in lines), text)

    def test_its_status_is_1_when_an_instance_is_in_error(self) -> None:
        self.failing()
        text = self.run_program("watch", "--until-settled", status=1)
        self.assertIn("error  It failed. No drive.", text)

    def test_on_a_terminal_it_refreshes_in_place(self) -> None:
        stream = Terminal()
        table = watch.Table(stream)
        with mock.patch.object(
            watch.shutil, "get_terminal_size", autospec=True, return_value=(60, 5)
        ):
            instances = [self.add_instance(name=f"web-{n}") for n in range(2)]
            table.show(instances)
            table.show([*instances, *(self.failing() for _n in range(3))])
            table.show(instances)
        first, second, third = re.split(r"\x1b\[\dF", stream.getvalue())
        self.assertEqual((2, 3, 2), tuple(one.count("\n") for one in (first, second, third)))
        self.assertIn("and 3 more", second)
        drawn = re.sub(r"\x1b\[\d*[FJ]", "", stream.getvalue())
        self.assertEqual([], [line for line in drawn.splitlines() if len(line) > 59])

    def test_an_instance_that_is_deleted_meanwhile_stays_on_display(self) -> None:
        instance = self.failing()
        selection = watch.Selection(Session([str(self.file)]), [])
        self.assertEqual(["error"], [row.state for row in selection.read()])
        self.instances.request_destroy(instance.uuid)
        self.instances.write(instance.uuid, 2, "destroying", state="deleted")
        for _read in range(2):
            self.assertEqual(["deleted"], [row.state for row in selection.read()])

    def test_an_interval_is_a_number_above_zero(self) -> None:
        for text in ("0", "-1", "nan", "inf", "x"):
            failure = self.assertRaises(SystemExit, self.run_program, "watch", "--interval", text)
            self.assertEqual(2, failure.code)


class TestOutput(CommandTestCase):
    def test_every_field_of_an_instance_is_shown(self) -> None:
        self.assertEqual(set(Instance.fields) - {"task_since"} | {"since"}, set(output.FIELDS))
