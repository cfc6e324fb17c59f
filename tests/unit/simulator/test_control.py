# SPDX-License-Identifier: Apache-2.0

import time

import requests

from tests.unit.simulator import base

SYSTEMS = "/redfish/v1/Systems"


class TestFaults(base.HTTPTestCase):
    def test_an_error_applies_as_often_as_requested_and_only_to_matching_requests(self):
        action = {"type": "error", "status": 500, "message": "Out of order", "retry_after": 3}
        self.fault(match={"method": "GET", "path": "Systems$"}, times=2, action=action)
        self.get(f"{SYSTEMS}/1")
        self.assertEqual(405, self.post(SYSTEMS).status_code)
        for _ in range(2):
            response = self.call("GET", SYSTEMS)
            self.assertEqual((500, "3"), (response.status_code, response.headers["Retry-After"]))
            self.assertEqual("Out of order", self.reason(response))
        self.get(SYSTEMS)

    def test_after_spares_the_first_requests(self):
        self.fault(match={"path": "Systems"}, after=2, action={"type": "error"})
        self.get(SYSTEMS)
        self.get(SYSTEMS)
        self.assertEqual(503, self.call("GET", SYSTEMS).status_code)

    def test_a_delay_delays_the_response(self):
        self.fault(action={"type": "delay", "seconds": 0.2})
        begin = time.monotonic()
        self.get(SYSTEMS)
        self.assertGreaterEqual(time.monotonic() - begin, 0.2)

    def test_a_drop_does_nothing_and_sends_no_response(self):
        self.fault(match={"method": "POST"}, action={"type": "drop"})
        self.assertRaises(requests.ConnectionError, self.post, base.ALLOCATE, {})
        self.assertEqual([], self.get("/control/pool")["nodes"])

    def test_a_lost_answer_is_of_a_request_that_was_carried_out(self):
        self.fault(match={"method": "POST"}, action={"type": "lose_answer"})
        self.assertRaises(requests.ConnectionError, self.post, base.ALLOCATE, {"Name": "lost"})
        self.assertEqual(["lost"], [node["name"] for node in self.get("/control/pool")["nodes"]])

    def test_garbage_is_html_with_200(self):
        self.fault(match={"path": SYSTEMS}, action={"type": "garbage"})
        response = self.call("GET", SYSTEMS)
        self.assertEqual(
            (200, "text/html"), (response.status_code, response.headers["Content-Type"])
        )

    def test_a_response_without_location_is_of_a_request_that_was_carried_out(self):
        self.fault(match={"method": "POST"}, action={"type": "no_location"})
        response = self.post(base.ALLOCATE, {})
        self.assertEqual(201, response.status_code)
        self.assertNotIn("Location", response.headers)
        self.assertEqual(1, len(self.get("/control/pool")["nodes"]))

    def test_faults_are_listed_and_removed(self):
        first = self.fault(match={"path": "x"}, times=None, action={"type": "drop"})
        self.fault(node={"assemble": "stuck"}, times=5)
        listed = self.get("/control/faults")["faults"]
        self.assertEqual([None, 5], [fault["times"] for fault in listed])
        self.assertEqual(204, self.call("DELETE", f"/control/faults/{first}").status_code)
        self.assertEqual(404, self.call("DELETE", f"/control/faults/{first}").status_code)
        self.assertEqual(204, self.call("DELETE", "/control/faults").status_code)
        self.assertEqual([], self.get("/control/faults")["faults"])

    def test_an_invalid_fault_is_refused(self):
        for definition in (
            None,
            [],
            {},
            {"action": {"type": "explode"}},
            {"action": {"type": "drop", "seconds": 1}},
            {"action": {"type": "delay", "seconds": -1}},
            {"action": {"type": "error", "status": 200}},
            {"action": {"type": "drop"}, "times": 0},
            {"action": {"type": "drop"}, "after": -1},
            {"action": {"type": "drop"}, "match": {"path": "("}},
            {"action": {"type": "drop"}, "match": {"verb": "GET"}},
            {"node": {"assemble": "explode"}},
            {"restart": {}},
            {"asset": {"path": "/redfish/v1/Nothing"}},
            {"asset": {}},
        ):
            self.assertEqual(400, self.post("/control/faults", definition).status_code, definition)
        self.assertEqual([], self.get("/control/faults")["faults"])

    def test_a_restart_refuses_connections_drops_sessions_and_keeps_the_nodes(self):
        login = {"UserName": "ada", "Password": "s3cret"}
        token = self.post("/redfish/v1/SessionService/Sessions", login).headers["X-Auth-Token"]
        node = self.allocated()
        self.fault(restart={"seconds": 1})
        self.wait_for(lambda: not self.is_reachable())
        self.wait_for(self.is_reachable)
        self.get(node)
        self.session.auth = None
        response = self.call("GET", SYSTEMS, headers={"X-Auth-Token": token})
        self.assertEqual(401, response.status_code)

    def is_reachable(self):
        try:
            self.call("GET", "/redfish")
        except requests.ConnectionError:
            return False
        return True

    def test_a_drive_that_vanishes_fails_its_node_and_may_come_back(self):
        node = self.allocated(LocalDrives=[{"Interface": "NVMe"}])
        self.post(f"{node}/Actions/ComposedNode.Assemble")
        drive = "/redfish/v1/Chassis/Drawer1/Drives/1"
        self.wait_for_state(node, "Assembled")
        self.fault(asset={"path": drive, "present": False})
        self.assertEqual(404, self.call("GET", drive).status_code)
        self.assertEqual("Failed", self.get(node)["ComposedNodeState"])
        self.fault(asset={"path": drive, "present": True})
        self.assertEqual("Assembled", self.get(node)["ComposedNodeState"])


class TestRequests(base.HTTPTestCase):
    def test_requests_are_counted_and_the_control_endpoint_is_not(self):
        self.get(SYSTEMS)
        self.post(base.ALLOCATE, {"TotalSystemCoreCount": 1000})
        log = self.get("/control/requests")
        self.assertEqual((2, {"GET": 1, "POST": 1}), (log["total"], log["by_method"]))
        self.assertEqual(
            [
                {"seq": 1, "method": "GET", "path": SYSTEMS, "status": 200, "machine": None},
                {
                    "seq": 2,
                    "method": "POST",
                    "path": base.ALLOCATE,
                    "status": 409,
                    "machine": None,
                },
            ],
            log["requests"],
        )
        self.assertEqual(204, self.call("DELETE", "/control/requests").status_code)
        self.assertEqual(0, self.get("/control/requests")["total"])

    def test_the_control_endpoint_needs_no_credentials(self):
        self.session.auth = None
        self.assertEqual("pod", self.get("/control/pool")["name"])
        self.assertEqual(404, self.call("GET", "/control/nothing").status_code)


class TestLatency(base.HTTPTestCase):
    options = {"latency": 0.1}

    def test_each_response_is_delayed(self):
        begin = time.monotonic()
        self.get("/redfish/v1/")
        self.assertGreaterEqual(time.monotonic() - begin, 0.1)
