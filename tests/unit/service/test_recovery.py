# SPDX-License-Identifier: Apache-2.0

"""A process may die at any instant: the node is finished or released, once."""

from collections.abc import Callable
from typing import Any

import testscenarios

from podm_simulator.pod.pod import Pace
from tests.unit.service import base
from valence_conductor import errors as conductor_errors
from valence_conductor.job import Job


class Dying:
    """A driver during whose calls the process dies: before the request, or after the response.

    :param meanwhile: called before the next process continues.
    """

    def __init__(
        self,
        driver: Any,
        points: list[tuple[str, str]],
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        self._driver = driver
        self._points = points
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._driver, name)
        if not callable(method) or name.startswith("_"):
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            self._die(name, "before")
            answer = method(*args, **kwargs)
            self._die(name, "after")
            return answer

        return call

    def _die(self, name: str, when: str) -> None:
        if (name, when) in self._points:
            self._points.remove((name, when))
            self._meanwhile()
            raise conductor_errors.Abandoned


class RecoveryTestCase(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.start()
        self.know(self.pod)
        self.before = self.books_of(self.pod)
        self.points: list[tuple[str, str]] = []
        connections = self.service.drivers.connections
        get = connections.get
        connections.get = lambda access: Dying(get(access), self.points)  # type: ignore

    def release(self, uuid: str) -> None:
        self.api("DELETE", f"/v1/nodes/{uuid}")
        self.assertIsNone(self.settled(uuid))
        self.assertEqual([], self.points, "the process did not die at these points")
        self.assertEqual(self.before, self.books_of(self.pod))


def deaths(*methods: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{when} {method}", {"point": (method, when)})
        for method in methods
        for when in ("before", "after")
    ]


class TestDyingWhileComposing(testscenarios.WithScenarios, RecoveryTestCase):
    scenarios = deaths("allocate", "state", "assemble", "read")
    point: tuple[Any, ...]

    def test_the_node_is_composed_once(self) -> None:
        self.points.append(self.point)
        node = self.composed()
        self.assertEqual(1, node["generation"])
        self.assertEqual(1, len(self.pod.pod.nodes))
        self.release(node["uuid"])


class TestDyingWhileReverting(testscenarios.WithScenarios, RecoveryTestCase):
    scenarios = deaths("member", "with_system", "delete", "members")
    point: tuple[Any, ...]

    def test_the_node_is_released(self) -> None:
        self.pod.faults.add({"node": {"assemble": "fail"}, "times": 1})
        self.points.append(self.point)
        node = self.settled(self.compose()["uuid"])
        assert node is not None
        self.assertEqual(("error", "compose"), (node["state"], node["fault"]["operation"]))
        self.assertEqual(self.before, self.books_of(self.pod))
        self.release(node["uuid"])


class TestDyingWhileReleasing(testscenarios.WithScenarios, RecoveryTestCase):
    scenarios = deaths("member", "with_system", "delete", "members")
    point: tuple[Any, ...]

    def test_the_node_is_released(self) -> None:
        node = self.composed()
        self.points.append(self.point)
        self.release(node["uuid"])


class TestDyingWhileRegistering(RecoveryTestCase):
    deaths = 0

    def die(self) -> None:
        self.deaths += 1
        raise conductor_errors.Abandoned

    def test_the_node_is_registered_once(self) -> None:
        node = self.composed()
        self.ironic.after("POST", "/v1/ports", self.die)
        self.points.append(("interfaces", "after"))
        self.api("POST", f"/v1/nodes/{node['uuid']}/register")
        node = self.settled(node["uuid"]) or {}
        self.assertEqual("ironic", node["managed_by"])
        self.assertEqual([node["ironic_uuid"]], list(self.ironic.nodes))
        self.assertEqual(1, self.deaths)

    def test_the_node_is_unregistered_once(self) -> None:
        node = self.composed()
        self.api("POST", f"/v1/nodes/{node['uuid']}/register")
        self.settled(node["uuid"])
        self.ironic.after("DELETE", "/v1/nodes/.*", self.die)
        self.api("POST", f"/v1/nodes/{node['uuid']}/unregister")
        self.settled(node["uuid"])
        self.assertEqual(1, self.deaths)
        self.assertEqual({}, self.ironic.nodes)
        self.release(node["uuid"])


class TestRestart(base.ServiceTestCase):
    def test_a_restarted_service_continues_with_the_same_task(self) -> None:
        pod = self.simulate(pace=Pace(assemble=1.5))
        first = self.start()
        self.know(pod)
        node = self.compose()
        self.wait_for(lambda: (self.node(node["uuid"]) or {})["task"] == "assemble-node")
        since = (self.node(node["uuid"]) or {})["task_since"]
        first.stop()
        self.start()
        resumed = self.node(node["uuid"]) or {}
        self.assertEqual(("assemble-node", since), (resumed["task"], resumed["task_since"]))
        self.assertEqual("composed", (self.settled(node["uuid"]) or {})["state"])
        self.assertEqual(1, len(pod.pod.nodes))

    def test_the_symbols_of_a_flow_are_stored_in_one_write(self) -> None:
        """A process that died between two writes left a flow that could not be loaded."""
        pod = self.simulate(pace=Pace(assemble=1))
        service = self.start()
        self.know(pod)
        node = self.compose()
        self.wait_for(lambda: (self.node(node["uuid"]) or {})["task"] == "assemble-node")
        detail = service.conductor._journal.find(Job("nodes", node["uuid"], 1, "compose"))
        names = {atom.name for atom in detail}  # type: ignore
        self.assertEqual({"allocate-node", "assemble-node", "read-node"}, names)
        self.settled(node["uuid"])

    def test_the_sweep_requeues_a_row_without_a_job(self) -> None:
        pod = self.simulate()
        self.start()
        self.know(pod)
        self.service.submit = lambda job: None  # type: ignore
        self.assertEqual("composed", self.composed()["state"])
