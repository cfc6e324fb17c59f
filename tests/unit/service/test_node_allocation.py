# SPDX-License-Identifier: Apache-2.0

"""Allocation on a driver under control: lost responses, unreachable peers, deadlines."""

from collections.abc import Callable
import datetime
import itertools
import time
from typing import Any
from unittest import mock

from tests.unit.service import rows_base
from valence import conf as service_conf
from valence import errors
from valence import scheduler
from valence import wiring
from valence.flows import compose
from valence.flows import give_back
from valence.flows import machine
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.podmanagers import ComposedNode
from valence.podmanagers import Facts
from valence.podmanagers import NodeState
from valence.podmanagers import State
from valence.podmanagers.identity import Verdict
from valence_conductor import errors as conductor_errors
from valence_conductor import waiting

LOST = errors.PodManagerUnreachable("No response.")
UNREACHABLE = errors.PodManagerUnreachable("No connection.", sent=False)
BUSY = errors.PodManagerUnreachable("Busy.", answered=503, retry_after=0.2)
ACCEPTED = errors.PodManagerFailed("It takes too long.", accepted=True)
REFUSED = errors.PodManagerRefused("No.", reason="nothing is free")


class FakeDriver:
    """A pod manager in memory.

    :ivar results: what the next requests to Allocate raise, or None; after the last one,
        all succeed.
    :ivar creates_node: whether a request that raises has created its node all the same.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, str] = {}
        self.descriptions: dict[str, str] = {}
        self.results: list[BaseException | None] = []
        self.states: list[State] = []
        self.creates_node = True
        self.requests: list[str] = []
        self.before_allocate: Callable[[], None] = lambda: None

    def allocate(self, name: str, description: str, properties: Any, cancelled: Any) -> str:
        self.before_allocate()
        self.requests.append("allocate")
        error = self.results.pop(0) if self.results else None
        path = f"/Nodes/{len(self.requests)}"
        if error is None or self.creates_node:
            self.nodes[path], self.descriptions[path] = name, description
        if error is not None:
            raise error
        return path

    def members(self) -> list[Facts]:
        return [self.member(path) for path in self.nodes]

    def member(self, path: str) -> Facts:
        if path not in self.nodes:
            raise errors.PodManagerNodeGone("It is gone.")
        return Facts(path, self.nodes[path], self.descriptions.get(path))

    def with_system(self, facts: Facts) -> Facts:
        return facts

    def read(self, path: str) -> ComposedNode:
        facts = self.member(path)
        return ComposedNode(path, facts.name, None, None, None, None, {}, {}, facts)

    def state(self, path: str) -> NodeState:
        self.requests.append("state")
        return NodeState(self.states.pop(0), None, None, None, self.member(path))

    def assemble(self, path: str, cancelled: Any) -> None:
        self.requests.append("assemble")

    def delete(self, path: str) -> None:
        self.requests.append("delete")
        self.nodes.pop(path, None)


class FlowTestCase(rows_base.RowsTestCase):
    """The tasks of a compose, with one fake driver for each pod manager."""

    def setUp(self) -> None:
        super().setUp()
        conf = service_conf.read([], prog="valence-api", default_config_files=[])
        conf.set_override("outage_timeout", 60.0, group="nodes")
        conf.set_override("lost_answer_timeout", 0.0, group="nodes")
        conf.set_override("poll_interval", 0.05, group="podmanagers")
        self.driver = FakeDriver()
        self.fakes = {self.podm.uuid: self.driver}
        self.order = [self.podm]
        fake: Any = self
        self.context = wiring.Context(conf, self.db, fake, fake, fake)

    # The parts of drivers and of the scheduler that the tasks use.

    def get(self, podm_uuid: str) -> FakeDriver:
        return self.fakes[podm_uuid]

    def verify(self, podm_uuid: str) -> FakeDriver:
        return self.get(podm_uuid)

    def record_status(self, podm_uuid: str, error: Exception | None = None) -> None:
        pass

    def choose(self, db: Any, row: node_objects.Node) -> scheduler.Choice:
        return scheduler.Choice(self.order, [])

    def add_podmanager(self, name: str) -> FakeDriver:
        podm = self.create_podmanager(name)
        self.order.append(podm)
        self.fakes[podm.uuid] = FakeDriver()
        return self.fakes[podm.uuid]

    def allocate(self, row: node_objects.Node) -> node_objects.Node:
        """Run the task until its end, or until the process dies in it."""
        compose.AllocateNodeTask().execute(row.uuid, row.generation, self.context)
        return self.read(row)

    def revert(self, row: node_objects.Node) -> node_objects.Node:
        compose.AllocateNodeTask().revert(row.uuid, row.generation, self.context)
        return self.read(row)


class TestLostAllocation(FlowTestCase):
    def test_the_row_names_the_pod_manager_before_the_request_is_sent(self) -> None:
        row = self.create_node()
        rows: list[node_objects.Node] = []
        self.driver.before_allocate = lambda: rows.append(self.read(row))
        self.allocate(row)
        self.assertEqual(
            (self.podm.uuid, True, None), (rows[0].podm_uuid, rows[0].allocating, rows[0].path)
        )

    def test_a_response_that_arrived_leaves_nothing_to_search_for(self) -> None:
        row = self.allocate(self.create_node())
        self.assertEqual(("/Nodes/1", False), (row.path, row.allocating))

    def test_a_process_that_died_after_the_request_finds_its_node_by_name(self) -> None:
        row = self.create_node()
        self.driver.results = [conductor_errors.Abandoned()]
        self.assertRaises(conductor_errors.Abandoned, self.allocate, row)
        row = self.allocate(row)
        self.assertEqual(["allocate"], self.driver.requests)
        self.assertEqual(("/Nodes/1", True), (row.path, row.allocating))

    def test_a_process_that_died_while_it_listed_the_nodes_leaves_nothing_to_search_for(
        self,
    ) -> None:
        self.driver.nodes["/Nodes/9"] = "database-1"  # may be any node without marks
        row = self.create_node()
        died = conductor_errors.Abandoned
        with mock.patch.object(self.driver, "members", autospec=True, side_effect=died):
            self.assertRaises(conductor_errors.Abandoned, self.allocate, row)
        self.assertFalse(self.read(row).allocating)
        give_back.give_back(self.context, self.read(row))
        self.assertEqual(["/Nodes/9"], list(self.driver.nodes))

    def test_a_process_that_died_before_the_request_sends_it(self) -> None:
        row = self.create_node()
        self.driver.results, self.driver.creates_node = [conductor_errors.Abandoned()], False
        self.assertRaises(conductor_errors.Abandoned, self.allocate, row)
        row = self.allocate(row)
        self.assertEqual(("/Nodes/2", False), (row.path, row.allocating))

    def test_a_node_whose_response_was_lost_may_have_a_second_one_and_both_are_released(
        self,
    ) -> None:
        self.driver.results = [LOST]
        row = self.allocate(self.create_node())
        self.assertEqual(("/Nodes/1", True), (row.path, row.allocating))
        self.driver.nodes["/Nodes/9"] = row.redfish_name  # created late
        row = self.revert(row)
        self.assertEqual({}, self.driver.nodes)
        self.assertEqual((None, False), (row.path, row.allocating))

    def test_a_second_request_after_a_lost_response_is_not_certain_to_be_the_only_one(
        self,
    ) -> None:
        self.driver.results, self.driver.creates_node = [LOST], False
        row = self.allocate(self.create_node())
        self.assertEqual(("/Nodes/2", True), (row.path, row.allocating))

    def test_a_revert_without_a_path_finds_the_node_by_name(self) -> None:
        row = self.create_node()
        self.driver.results = [conductor_errors.Abandoned()]
        self.assertRaises(conductor_errors.Abandoned, self.allocate, row)
        row = self.revert(row)
        self.assertEqual({}, self.driver.nodes)
        self.assertFalse(row.allocating)

    def test_a_refusal_leaves_nothing_to_release(self) -> None:
        row = self.create_node()
        self.driver.results, self.driver.creates_node = [REFUSED], False
        self.assertRaises(errors.PodManagerRefused, self.allocate, row)
        row = self.read(row)
        self.assertEqual((None, False), (row.podm_uuid, row.allocating))
        give_back.give_back(self.context, row)
        self.assertEqual(["allocate"], self.driver.requests)


class TestMarks(FlowTestCase):
    def test_marks_that_a_pod_manager_reports_again_are_those_of_the_node(self) -> None:
        identity = {"name": None, "description": None, "system_uuid": "a", "redfish_uuid": "b"}
        row = self.create_node()
        row = node_changes.record(
            self.db, row, podm_uuid=self.podm.uuid, path="/Nodes/4", identity=identity
        )
        mark = machine.mark(self.context, row)
        observed = Facts("/Nodes/4", row.redfish_name, mark, redfish_uuid="b", system_uuid="a")
        comparison = machine.compare(self.context, row, observed)
        self.assertEqual((Verdict.SAME, ()), (comparison.verdict, comparison.contradict))


class TestUnreachable(FlowTestCase):
    def test_one_unreachable_pod_manager_is_enough_to_try_again(self) -> None:
        self.driver.results, self.driver.creates_node = [REFUSED], False
        second = self.add_podmanager("pod-2")
        second.results, second.creates_node = [UNREACHABLE], False
        row = self.allocate(self.create_node())
        self.assertEqual(self.order[1].uuid, row.podm_uuid)
        self.assertEqual((1, 2), (len(self.driver.requests), len(second.requests)))

    def test_a_lost_response_is_not_an_unreachable_pod_manager(self) -> None:
        never_again = AssertionError("It was tried again.")
        self.driver.results, self.driver.creates_node = [LOST, LOST, never_again], False
        self.assertRaises(errors.PodManagerUnreachable, self.allocate, self.create_node())
        self.assertEqual(compose.ATTEMPTS, len(self.driver.requests))


class TestBusy(FlowTestCase):
    """503 and 429: the request was not carried out (RFC 9110, 15.6.4)."""

    def setUp(self) -> None:
        super().setUp()
        self.driver.creates_node = False

    def test_others_are_requested_first(self) -> None:
        self.driver.results = [BUSY]
        second = self.add_podmanager("pod-2")
        row = self.allocate(self.create_node())
        self.assertEqual(self.order[1].uuid, row.podm_uuid)
        self.assertFalse(row.allocating)
        self.assertEqual((1, 1), (len(self.driver.requests), len(second.requests)))

    def test_without_others_it_is_requested_again_no_sooner_than_it_demands(self) -> None:
        times: list[float] = []
        self.driver.before_allocate = lambda: times.append(time.monotonic())
        self.driver.results = [BUSY, BUSY, BUSY, BUSY]
        row = self.allocate(self.create_node())
        self.assertEqual("/Nodes/5", row.path)
        pauses = [later - sooner for sooner, later in itertools.pairwise(times)]
        self.assertGreaterEqual(min(pauses), 0.2)

    def test_one_that_has_carried_it_out_all_the_same_is_not_requested_again(self) -> None:
        self.driver.results, self.driver.creates_node = [BUSY], True
        row = self.allocate(self.create_node())
        self.assertEqual(("/Nodes/1", ["allocate"]), (row.path, self.driver.requests))
        self.assertEqual(1, len(self.driver.nodes))

    def test_it_is_busy_no_longer_than_outage_timeout(self) -> None:
        self.context.conf.set_override("outage_timeout", 0.3, group="nodes")
        self.driver.results = [BUSY] * 9
        exc = self.assertRaises(errors.PodManagerUnreachable, self.allocate, self.create_node())
        self.assertEqual("Busy.", exc.detail)

    def test_an_allocation_that_was_accepted_is_requested_nowhere_else(self) -> None:
        self.driver.results = [ACCEPTED]
        second = self.add_podmanager("pod-2")
        row = self.create_node()
        self.assertRaises(errors.PodManagerFailed, self.allocate, row)
        row = self.read(row)
        self.assertEqual((self.podm.uuid, True), (row.podm_uuid, row.allocating))
        self.assertEqual((["allocate"], []), (self.driver.requests, second.requests))
        self.driver.nodes["/Nodes/9"] = row.redfish_name  # created late
        self.revert(row)
        self.assertEqual({}, self.driver.nodes)

    def test_the_wait_for_an_allocation_stops_when_its_node_is_deleted(self) -> None:
        row = self.create_node()
        stops: list[bool] = []

        def allocate(name: str, description: str, properties: Any, cancelled: Any) -> str:
            stops.append(cancelled())
            row_now = self.read(row)
            node_changes.record(self.db, row_now, release_requested=True)
            stops.append(cancelled())
            raise conductor_errors.Cancelled("Stopped.")

        self.driver.allocate = allocate  # type: ignore[method-assign]
        self.assertRaises(conductor_errors.Cancelled, self.allocate, row)
        self.assertEqual([False, True], stops)


class TestDeadlines(FlowTestCase):
    def assemble(self, age: float, *states: State) -> list[str]:
        """Run the task whose first process started it some seconds ago."""
        since = waiting.now() - datetime.timedelta(seconds=age)
        row = self.create_node(
            podm_uuid=self.podm.uuid, path="/Nodes/1", task="assemble-node", task_since=since
        )
        for option in ("allocate_timeout", "assemble_timeout"):
            self.context.conf.set_override(option, 100.0, group="podmanagers")
        self.driver.states = list(states)
        self.driver.nodes["/Nodes/1"] = row.redfish_name
        compose.AssembleNodeTask().execute(row.uuid, row.generation, self.context)
        return self.driver.requests

    def test_a_restart_does_not_extend_the_time_to_allocate(self) -> None:
        # With a second read, the list of states would be empty.
        self.assertRaises(conductor_errors.TimedOut, self.assemble, 101.0, State.ALLOCATING)

    def test_the_time_to_assemble_follows_the_time_to_allocate(self) -> None:
        states = (State.ALLOCATED, State.ASSEMBLING, State.ASSEMBLED)
        self.assertEqual(["state", "assemble", "state", "state"], self.assemble(150.0, *states))

    def test_a_restart_does_not_extend_the_time_to_assemble(self) -> None:
        states = (State.ALLOCATED, State.ASSEMBLING)
        self.assertRaises(conductor_errors.TimedOut, self.assemble, 201.0, *states)


class TestCleanUp(FlowTestCase):
    def test_a_node_without_a_pod_manager_needs_no_clean_up(self) -> None:
        give_back.give_back(self.context, self.create_node())
        self.assertEqual([], self.driver.requests)

    def test_a_released_node_has_no_path_any_more(self) -> None:
        row = node_changes.record(
            self.db, self.create_node(), podm_uuid=self.podm.uuid, path="/Nodes/1"
        )
        self.driver.nodes["/Nodes/1"] = row.redfish_name
        give_back.give_back(self.context, row)
        self.assertIsNone(self.read(row).path)
        self.assertEqual(["delete"], self.driver.requests)
