# SPDX-License-Identifier: Apache-2.0

"""Flows that the release before stored are resumed by this one."""

from collections.abc import Mapping
import json
import threading
from typing import Any

from oslo_utils import importutils
import sqlalchemy as sa

from tests import base
from tests.servers import databases
from tests.unit.conductor import base as conductor_base
from tests.unit.conductor import toy
from valence_conductor.db.engine import Database
from valence_conductor.runner import Runner

#: The journal of commit ef1f181, captured while ``tests.unit.conductor.toy.build`` ran: the
#: rows of TaskFlow's tables, column for column; only uuids and tracebacks are simplified.
BOOK = {
    "created_at": "2026-11-27 23:05:49.130609",
    "updated_at": "2026-11-27 23:05:49.130691",
    "meta": "{}",
    "name": "toys/t1/1/build",
    "uuid": "b711eb57-062f-516c-af03-a43db019c2f9",
}
FLOW = {
    "created_at": "2026-11-27 23:05:49.132935",
    "updated_at": "2026-11-27 23:05:49.408704",
    "parent_uuid": BOOK["uuid"],
    "meta": '{"symbols": {"toy_uuid": "t1"}, "job": "toys/t1/1/build", "factory": '
    '{"name": "tests.unit.conductor.toy.build", "args": [], "kwargs": {}}}',
    "name": "toys/t1/1/build",
    "state": "RUNNING",
    "uuid": "ae00dc37-e55a-50be-b961-1702cf78e307",
}


def atom(number: int, name: str, state: str, **columns: str) -> dict[str, str | None]:
    """Return the row of a task."""
    return {
        "created_at": "2026-11-27 23:05:49.403823",
        "updated_at": "2026-11-27 23:05:49.423291",
        "meta": "{}",
        "parent_uuid": FLOW["uuid"],
        "name": name,
        "version": "1.0",
        "state": state,
        "uuid": f"a9742d89-391c-4cf6-b66e-992de77d95e{number}",
        "failure": None,
        "results": None,
        "revert_results": None,
        "revert_failure": None,
        "atom_type": "TASK_DETAIL",
        "intention": "EXECUTE",
        **columns,
    }


#: The process was killed while it ran the second of three tasks.
EXECUTING = [
    atom(1, "saw", "SUCCESS", results='"saw"', meta='{"progress": 1.0}'),
    atom(2, "glue", "RUNNING", meta='{"progress": 0.0}'),
    atom(3, "paint", "PENDING"),
]

#: The third task had failed, and the process was killed while it reverted the second.
REVERTING = [
    atom(1, "saw", "SUCCESS", results='"saw"', intention="REVERT"),
    atom(2, "glue", "REVERTING", results='"glue"', intention="REVERT"),
    atom(
        3,
        "paint",
        "REVERTED",
        intention="REVERT",
        failure='{"exception_str": "No wheels are left.", "traceback_str": "  File \\"toy.py\\", '
        'line 154, in execute\\n", "exc_type_names": ["valence_conductor.errors.Fault", '
        '"Exception"], "version": 1, "exc_args": ["No wheels are left.", {"code": "wheels"}], '
        '"causes": []}',
    ),
]

#: Every factory that journals of the release before name -> its arguments, its tasks.
FACTORIES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "valence.flows.compose.compose": ({}, ["allocate-node", "assemble-node", "read-node"]),
    "valence.flows.release.release": ({}, ["leave-ironic", "give-back-node"]),
    "valence.flows.register.register": ({}, ["read-interfaces", "create-ironic-node"]),
    "valence.flows.unregister.unregister": ({}, ["delete-ironic-node"]),
    "valence_integration.flows.provision.provision": (
        {"deploy": True},
        ["compose-node", "enroll-node", "deploy-node"],
    ),
    "valence_integration.flows.destroy.destroy": (
        {},
        ["undeploy-node", "unregister-node", "confirm-forgotten", "release-node"],
    ),
}


class TestSavedFlow(conductor_base.ConductorTestCase):
    def resume(self, atoms: list[dict[str, str | None]]) -> toy.Toys:
        """Store the rows, and have today's runner run their job."""
        toys, journal = toy.Toys(self.folder), self.journal()
        job = toys.add("t1")
        db = Database(databases.url(self.folder, "flows"))
        self.addCleanup(db.close)
        rows: list[tuple[str, Mapping[str, str | None]]] = [("logbooks", BOOK)]
        rows += [("flowdetails", FLOW), *(("atomdetails", row) for row in atoms)]
        with db.write_engine.begin() as connection:
            for table, row in rows:
                values = ", ".join(f":{column}" for column in row)
                columns = ", ".join(row)
                statement = f"INSERT INTO {table} ({columns}) VALUES ({values})"
                connection.execute(sa.text(statement), row)
        self.assertIsNone(Runner(journal, {"toys": toys}).run(job, threading.Event()))
        self.assertEqual([], list(journal.jobs()))
        return toys

    def test_a_flow_continues_with_the_task_that_ran(self) -> None:
        toys = self.resume(EXECUTING)
        self.assertEqual("built", toys.read("t1").state)
        self.assertEqual(["glue begins", "glue ends", "paint begins", "paint ends"], toys.diary())

    def test_a_flow_continues_with_the_revert_that_ran_and_keeps_the_reason(self) -> None:
        toys = self.resume(REVERTING)
        row = toys.read("t1")
        self.assertEqual(("error", "No wheels are left."), (row.state, row.reason))
        self.assertEqual({"error": "Fault", "code": "wheels"}, json.loads(row.details or ""))
        self.assertEqual(["glue is undone", "saw is undone"], toys.diary())


class TestFactories(base.TestCase):
    def test_every_stored_factory_builds_a_flow_with_the_stored_tasks(self) -> None:
        for path, (arguments, tasks) in FACTORIES.items():
            flow = importutils.import_class(path)(**arguments)
            self.assertEqual(tasks, [task.name for task, _data in flow.iter_nodes()])
