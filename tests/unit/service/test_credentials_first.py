# SPDX-License-Identifier: Apache-2.0

"""Credentials are sent to a pod manager that was recognized, and to no other."""

from typing import Any

from podm_simulator.server import Simulator
from tests.unit.service import base
from valence import errors
from valence.drivers import Drivers
from valence.podmanagers import PodManagers


def has_credentials(request: Any) -> bool:
    """Return whether a request has a password, or the token of a session."""
    return "Authorization" in request.headers or "X-Auth-Token" in request.headers


class TestCredentials(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pod, self.other = self.simulate(), self.simulate("pod-2")
        self.start(inventory__interval=0)
        self.uuids = [str(self.know(pod)["uuid"]) for pod in (self.pod, self.other)]
        self.received: list[str] = []
        for pod in (self.pod, self.other):
            self.observe(pod)

    def observe(self, pod: Simulator) -> None:
        """Record the requests to a simulator that have credentials."""
        handle = pod._handle_redfish

        async def observed(request: Any, path: str) -> Any:
            if has_credentials(request) or "/Sessions" in request.path:
                self.received.append(f"{pod.pod.name} {request.method} {request.path}")
            return await handle(request, path)

        pod._handle_redfish = observed  # type: ignore[method-assign]

    def swap(self) -> None:
        """Exchange the addresses of the two pod managers."""
        for pod in (self.pod, self.other):
            pod.stop()
        self.pod._port, self.other._port = self.other._port, self.pod._port
        for pod in (self.pod, self.other):
            pod.start()

    def another_process(self) -> Drivers:
        """Return the drivers of a process that has not sent anything yet."""
        service = self.service
        connections = PodManagers(service.conf)
        self.addCleanup(connections.close)
        return Drivers(service.db, service.drivers.keys, connections)

    def test_the_root_is_read_without(self) -> None:
        self.service.drivers.verify(self.uuids[0])
        self.assertEqual([], self.received)

    def test_another_that_is_registered_gets_none_in_a_new_process_and_ever_after(self) -> None:
        self.swap()
        drivers = self.another_process()
        for uuid in self.uuids:
            for use in (drivers.get, drivers.verify, drivers.get):
                self.assertRaises(errors.PodManagerMismatched, use, uuid)
        self.assertEqual([], self.received)
        self.swap()
        for uuid in self.uuids:
            drivers.verify(uuid).members()

    def test_a_stranger_gets_none_once_it_was_compared(self) -> None:
        self.assertEqual(204, self.api("DELETE", "/v1/podmanagers/pod-2").status_code)
        self.swap()
        drivers, uuid = self.another_process(), self.uuids[0]
        self.assertRaises(errors.PodManagerMismatched, drivers.get, uuid)
        self.received.clear()
        self.assertRaises(errors.PodManagerMismatched, drivers.get, uuid)
        self.assertRaises(errors.PodManagerMismatched, drivers.verify, uuid)
        self.assertEqual([], self.received)

    def test_a_process_verifies_a_pod_manager_once(self) -> None:
        drivers = self.another_process()
        self.pod.journal.clear()
        for _ in range(3):
            drivers.get(self.uuids[0])
        self.assertEqual(1, self.pod.journal.show()["total"])

    def test_one_that_does_not_answer_yet_is_verified_later(self) -> None:
        drivers = self.another_process()
        self.fault(
            self.pod, "GET", "/redfish/v1/?", times=1, action={"type": "error", "status": 500}
        )
        drivers.get(self.uuids[0])
        self.pod.journal.clear()
        drivers.get(self.uuids[0])
        self.assertEqual(1, self.pod.journal.show()["total"])

    def test_a_root_that_demands_credentials_gets_them(self) -> None:
        handle = self.pod._handle_redfish

        async def locked(request: Any, path: str) -> Any:
            response = await handle(request, path)
            if not has_credentials(request):
                response.status = 401
            return response

        self.pod._handle_redfish = locked  # type: ignore[method-assign]
        drivers = self.another_process()
        for _ in range(2):
            drivers.verify(self.uuids[0])
        roots = [request for request in self.received if request.endswith("/redfish/v1/")]
        self.assertEqual(["pod-1 GET /redfish/v1/"] * 2, roots)
