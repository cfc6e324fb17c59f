# SPDX-License-Identifier: Apache-2.0

"""Pod managers that accept a request and carry it out later: tasks and their monitors."""

from typing import Any

import testscenarios

from tests.functional.connection_base import FOUR_CORES
from tests.functional.connection_base import OddTestCase
from tests.functional.connection_base import ROOT
from tests.servers import odd
from valence import errors
from valence.podmanagers.rsd import driver as rsd_driver
from valence_conductor import errors as conductor_errors

NODES = "/redfish/v1/Nodes"
NODE = f"{NODES}/7"
ALLOCATE = f"{NODES}/Actions/Allocate"
ASSEMBLE = f"{NODE}/Actions/ComposedNode.Assemble"
RESET = f"{NODE}/Actions/ComposedNode.Reset"
TASK = "/redfish/v1/TaskService/Tasks/1"
MONITOR = "/redfish/v1/TaskMonitors/1/"
CREATED: odd.Canned = (201, {"Location": NODE}, None)
RUNNING: odd.Canned = (202, {}, None)


def task(state: str | None, *messages: str, status: int = 200, **more: Any) -> odd.Canned:
    """The response with a Task."""
    body = {
        "@odata.id": TASK,
        "@odata.type": "#Task.v1_4_0.Task",
        "TaskState": state,
        "Messages": [{"Message": message} for message in messages],
        **more,
    }
    return (status, {}, body)


class TaskTestCase(OddTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.nodes: list[str] = []
        self.odd.answers |= {
            ("GET", ROOT): (200, {}, {"Nodes": {"@odata.id": NODES}}),
            ("GET", NODES): lambda handler: (200, {}, self.collection()),
            ("GET", NODE): (200, {}, {"@odata.id": NODE, "Name": "valence-1"}),
        }
        self.driver = self.make()

    def make(self, **options: Any) -> rsd_driver.RSDDriver:
        options = {"session_after": -1, "poll_interval": 0.05, **options}
        return rsd_driver.RSDDriver(self.connect(self.odd.url, **options))

    def collection(self) -> Any:
        return {
            "Members": [{"@odata.id": node} for node in self.nodes],
            "Actions": {"#ComposedNodeCollection.Allocate": {"target": ALLOCATE}},
        }

    def on(self, method: str, path: str, *answers: odd.Canned) -> None:
        """Answer with each of the responses in turn, and then with the last one."""
        left = list(answers)

        def answer(handler: odd.Handler) -> Any:
            return left.pop(0) if len(left) > 1 else left[0]

        self.odd.answers[method, path] = answer

    def allocate(self, **options: Any) -> str:
        return self.driver.allocate("valence-1", "", FOUR_CORES, **options)


class TestAllocate(testscenarios.WithScenarios, TaskTestCase):
    """Every form in which DSP0266 and services have a task."""

    scenarios = [
        (name, {"accepted": accepted, "monitored": monitored})
        for name, accepted, monitored in [
            ("a monitor", (202, {"Location": MONITOR}, None), {MONITOR: [RUNNING, CREATED]}),
            (
                "a monitor that is relative",
                (202, {"Location": "../../TaskMonitors/1/"}, None),
                {MONITOR: [RUNNING, CREATED]},
            ),
            (
                "a monitor that ends with the node",
                (202, {"Location": MONITOR}, None),
                {MONITOR: [RUNNING, (200, {}, {"@odata.id": NODE, "Name": "valence-1"})]},
            ),
            (
                "a monitor and the task",
                (202, {"Location": MONITOR}, task("New")[2]),  # type: ignore[index]
                {MONITOR: [task("New", status=202), CREATED]},
            ),
            (
                "the task alone, with its monitor",
                task("Running", status=202, TaskMonitor=MONITOR),
                {MONITOR: [RUNNING, CREATED]},
            ),
            (
                "the task alone, which names what it created",
                task("Running", status=202),
                {
                    TASK: [
                        task("Starting"),
                        task("Completed", Links={"CreatedResources": [{"@odata.id": NODE}]}),
                    ]
                },
            ),
            (
                "a Location that is the task",
                (202, {"Location": TASK}, None),
                {
                    TASK: [
                        task("Pending"),
                        task("Completed", Links={"CreatedResources": [{"@odata.id": NODE}]}),
                    ]
                },
            ),
            (
                "a monitor that is gone, and its task",
                (202, {"Location": MONITOR}, task("Running")[2]),  # type: ignore[index]
                {
                    MONITOR: [(404, {}, {"error": {}})],
                    TASK: [
                        task("Running"),
                        task("Completed", Links={"CreatedResources": [{"@odata.id": NODE}]}),
                    ],
                },
            ),
            (
                "a monitor that is not available for a moment",
                (202, {"Location": MONITOR}, None),
                {MONITOR: [RUNNING, (503, {}, None), (500, {}, None), CREATED]},
            ),
            (
                "a task that is answered with 200",
                task("Running", TaskMonitor=MONITOR),
                {MONITOR: [RUNNING, CREATED]},
            ),
            (
                "a task that was created",
                (201, {"Location": TASK}, task("New")[2]),  # type: ignore[index]
                {TASK: [task("Running"), task("Completed", Links={"CreatedResources": [NODE]})]},
            ),
            ("the node itself", (202, {"Location": NODE}, None), {}),
        ]
    ]
    accepted: odd.Canned
    monitored: dict[str, list[odd.Canned]]

    def test_it_is_followed_to_its_node(self) -> None:
        self.on("POST", ALLOCATE, self.accepted)
        for path, answers in self.monitored.items():
            self.on("GET", path, *answers)
        self.assertEqual(NODE, self.allocate())
        self.assertEqual(1, self.odd.lines().count(f"POST {ALLOCATE}"))
        for path in self.monitored:
            self.assertIn(f"GET {path}", self.odd.lines())


class TestEnds(TaskTestCase):
    def test_a_task_that_fails_is_a_refusal_in_its_own_words(self) -> None:
        for state in ("Exception", "Killed", "Cancelled"):
            self.on("POST", ALLOCATE, task("Running", status=202))
            self.on("GET", TASK, task("Running"), task(state, "No drive is left."))
            exc = self.assertRaises(errors.PodManagerRefused, self.allocate)
            self.assertEqual("No drive is left.", exc.own_words)

    def test_the_monitor_has_the_status_of_a_failed_operation(self) -> None:
        self.on("POST", ALLOCATE, (202, {"Location": MONITOR}, None))
        self.on("GET", MONITOR, RUNNING, (409, {}, {"error": {"message": "Nothing fits."}}))
        exc = self.assertRaises(errors.PodManagerRefused, self.allocate)
        self.assertEqual("Nothing fits.", exc.own_words)

    def test_when_the_outcome_is_unknown_the_collection_decides(self) -> None:
        for end in ((404, {}, None), (204, {}, None), task("Completed")):
            self.on("POST", ALLOCATE, (202, {"Location": MONITOR}, None))
            self.on("GET", MONITOR, RUNNING, end)
            self.nodes = [NODE]
            self.assertEqual(NODE, self.allocate())
            self.nodes = []
            exc = self.assertRaises(errors.PodManagerFailed, self.allocate)
            self.assertNotIn("accepted", exc.details)

    def test_a_monitor_with_errors_is_given_up(self) -> None:
        self.on("POST", ALLOCATE, (202, {"Location": MONITOR}, None))
        self.on("GET", MONITOR, (500, {}, None))
        self.nodes = [NODE]
        self.assertEqual(NODE, self.allocate())
        self.assertEqual(3, self.odd.lines().count(f"GET {MONITOR}"))

    def test_without_a_monitor_the_node_is_waited_for(self) -> None:
        def listed(handler: odd.Handler) -> Any:
            if self.odd.lines().count(f"GET {NODES}") > 3:
                self.nodes = [NODE]
            return (200, {}, self.collection())

        self.odd.answers["GET", NODES] = listed
        for body in (None, {}, {"Name": "x"}):
            self.nodes = []
            self.odd.requests.clear()
            self.on("POST", ALLOCATE, (202, {}, body))
            self.assertEqual(NODE, self.allocate())

    def test_what_runs_too_long_may_still_end(self) -> None:
        self.driver = self.make(allocate_timeout=1)
        for accepted in ((202, {"Location": MONITOR}, None), (202, {}, None)):
            self.on("POST", ALLOCATE, accepted)
            self.on("GET", MONITOR, RUNNING)
            exc = self.assertRaises(errors.PodManagerFailed, self.allocate)
            self.assertIs(True, exc.details["accepted"])
            self.assertIn("allocate_timeout", exc.detail)

    def test_a_cancelled_wait_cancels_the_task(self) -> None:
        self.on("POST", ALLOCATE, (202, {"Location": MONITOR}, None))
        self.on("GET", MONITOR, RUNNING)
        seen = f"GET {MONITOR}"
        self.assertRaises(
            conductor_errors.Cancelled,
            self.allocate,
            cancelled=lambda: self.odd.lines().count(seen) > 1,
        )
        self.assertEqual(f"DELETE {MONITOR}", self.odd.lines()[-1])

    def test_a_monitor_is_read_no_sooner_than_it_demands(self) -> None:
        self.driver = self.make(allocate_timeout=1)
        for first, monitored in (
            ({"Location": MONITOR, "Retry-After": "3600"}, RUNNING),
            ({"Location": MONITOR}, (202, {"Retry-After": "3600"}, None)),
        ):
            self.odd.requests.clear()
            self.on("POST", ALLOCATE, (202, first, None))
            self.on("GET", MONITOR, monitored)
            self.assertRaises(errors.PodManagerFailed, self.allocate)
            reads = self.odd.lines().count(f"GET {MONITOR}")
            self.assertEqual(0 if "Retry-After" in first else 1, reads)


class TestOtherChanges(TaskTestCase):
    """Assemble, Reset, the boot settings and DELETE as tasks."""

    def setUp(self) -> None:
        super().setUp()
        actions = {
            "#ComposedNode.Assemble": {"target": ASSEMBLE},
            "#ComposedNode.Reset": {"target": RESET},
        }
        self.state = "Allocated"
        self.odd.answers["GET", NODE] = lambda handler: (
            200,
            {},
            {"@odata.id": NODE, "ComposedNodeState": self.state, "Actions": actions},
        )
        for method, path in (
            ("POST", ASSEMBLE),
            ("POST", RESET),
            ("PATCH", NODE),
            ("DELETE", NODE),
        ):
            self.odd.answers[method, path] = (202, {"Location": MONITOR}, None)

    def changes(self) -> list[Any]:
        controls = self.driver.controls(NODE)
        return [
            lambda: self.driver.assemble(NODE),
            lambda: self.driver.reset(controls, "On"),
            lambda: self.driver.set_boot(NODE, {"BootSourceOverrideTarget": "Pxe"}),
            lambda: self.driver.delete(NODE),
        ]

    def test_each_is_waited_for(self) -> None:
        for change in self.changes():
            for end in ((204, {}, None), (200, {}, {"@odata.id": NODE}), (404, {}, None)):
                self.odd.requests.clear()
                self.on("GET", MONITOR, RUNNING, end)
                change()
                self.assertEqual(2, self.odd.lines().count(f"GET {MONITOR}"))

    def test_each_fails_with_its_task(self) -> None:
        for change in self.changes():
            self.on("GET", MONITOR, RUNNING, task("Exception", "It is on fire."))
            exc = self.assertRaises(errors.PodManagerRefused, change)
            self.assertEqual("It is on fire.", exc.own_words)

    def test_one_that_runs_too_long_counts_as_accepted(self) -> None:
        self.driver = self.make(task_timeout=0.2, assemble_timeout=1)
        self.on("GET", MONITOR, RUNNING)
        for change in self.changes():
            change()

    def test_the_state_of_the_node_counts_more_than_the_task_of_its_assembly(self) -> None:
        assemble, *_ = self.changes()
        self.on("GET", MONITOR, task("Exception", "Lost."))
        self.state = "Assembled"
        assemble()
