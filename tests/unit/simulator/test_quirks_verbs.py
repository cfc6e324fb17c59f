# SPDX-License-Identifier: Apache-2.0

"""Quirks of verbs and sessions: each one changes what it says."""

import functools

from tests.unit.simulator import base
from tests.unit.simulator import test_quirks
from tests.unit.simulator.test_quirks import NODES
from tests.unit.simulator.test_quirks import ROOT
from tests.unit.simulator.test_quirks import SYSTEM
from tests.unit.simulator.test_quirks import SYSTEMS


class TestVerbs(test_quirks.QuirkTestCase):
    def test_allocate_is_answered_in_other_ways(self):
        self.switch("allocate-200")
        response = self.post(base.ALLOCATE, {"Name": "n"})
        self.assertEqual((200, "n"), (response.status_code, response.json()["Name"]))
        self.assertNotIn("Location", response.headers)
        self.switch("allocate-repeated")
        repeated = self.allocated()
        self.assertEqual([f"{NODES}/1", f"{NODES}/2"], self.members())
        self.assertEqual(f"{NODES}/1", repeated)
        self.switch("allocate-204")
        response = self.post(base.ALLOCATE, {})
        self.assertEqual(204, response.status_code)
        self.assertEqual(f"{NODES}/3", response.headers["Location"])

    def test_allocate_is_refused_three_times(self):
        self.switch("allocate-busy")
        for _ in range(3):
            response = self.post(base.ALLOCATE, {})
            self.assertEqual((503, "1"), (response.status_code, response.headers["Retry-After"]))
        self.assertEqual([], self.members())
        self.allocated()

    def test_a_task_ends_in_the_response_of_the_request(self):
        self.switch("allocate-task")
        response = self.post(base.ALLOCATE, {"Name": "n"})
        self.assertEqual((202, "1"), (response.status_code, response.headers["Retry-After"]))
        task, monitor = response.json()["@odata.id"], response.headers["Location"]
        self.assertEqual("Running", self.get(task)["TaskState"])
        self.assertEqual(202, self.call("GET", monitor).status_code)
        self.assertEqual([], self.get("/control/pool")["nodes"])
        self.wait_for(lambda: self.get(task)["TaskState"] == "Completed")
        response = self.call("GET", monitor)
        self.assertEqual(201, response.status_code)
        self.assertEqual(self.members(), [response.headers["Location"]])
        self.assertEqual(404, self.call("GET", monitor).status_code)

    def test_a_task_that_fails_has_the_reason(self):
        self.switch("allocate-task-location")
        response = self.post(base.ALLOCATE, {"TotalSystemCoreCount": 1000})
        task = response.headers["Location"]
        self.wait_for(lambda: self.get(task)["TaskState"] == "Exception")
        self.assertIn("no computer systems", self.get(task)["Messages"][0]["Message"])

    def test_a_task_is_carried_out_without_being_read_and_needs_credentials(self):
        node = self.allocated()
        self.switch("delete-task")
        task = self.call("DELETE", node).headers["Location"]
        self.session.auth = None
        self.assertEqual(401, self.call("GET", task).status_code)
        self.switch()
        self.assertEqual([], self.get("/control/pool")["nodes"])

    def test_actions_and_patches_are_tasks(self):
        node = self.allocated()
        self.switch("assemble-task", "patch-task", "reset-task")
        assemble = self.post(f"{node}/Actions/ComposedNode.Assemble")
        patch = self.call("PATCH", node, json={"AssetTag": "a"})
        reset = self.post(f"{SYSTEM}/Actions/ComputerSystem.Reset", {"ResetType": "On"})
        self.assertEqual([202] * 3, [it.status_code for it in (assemble, patch, reset)])
        self.wait_for_state(node, "Assembled")
        self.assertEqual(("a", "On"), (self.get(node)["AssetTag"], self.get(node)["PowerState"]))

    def test_a_deletion_is_answered_in_other_ways_and_carried_out(self):
        for quirk, status in (
            ("delete-200", 200),
            ("delete-202", 202),
            ("delete-404", 404),
            ("delete-500", 500),
        ):
            node = self.allocated()
            self.switch(quirk)
            self.assertEqual(status, self.delete(node), quirk)
            self.assertEqual(404, self.call("GET", node).status_code)
            self.assertEqual([], self.members())

    def test_the_path_of_a_deleted_node_answers_in_other_ways(self):
        for quirk, get, delete in (
            ("gone-200", 200, 204),
            ("gone-400", 400, 400),
            ("gone-410", 410, 410),
            ("gone-500", 500, 500),
        ):
            self.switch(quirk)
            node = self.allocated()
            self.assertEqual(204, self.delete(node))
            self.assertEqual(get, self.call("GET", node).status_code, quirk)
            self.assertEqual(delete, self.delete(node), quirk)
            self.assertEqual([], self.members())

    def test_other_verbs_are_answered_in_other_ways(self):
        node = self.allocated()
        self.switch("assemble-200", "patch-200", "reset-202")
        response = self.post(f"{node}/Actions/ComposedNode.Assemble")
        self.assertIn("Success", response.json()["@Message.ExtendedInfo"][0]["MessageId"])
        response = self.call("PATCH", node, json={"AssetTag": "a"})
        self.assertEqual((200, "a"), (response.status_code, response.json()["AssetTag"]))
        response = self.post(f"{SYSTEM}/Actions/ComputerSystem.Reset", {"ResetType": "On"})
        self.assertEqual(202, response.status_code)
        self.switch("assemble-202")
        node = self.allocated()
        response = self.post(f"{node}/Actions/ComposedNode.Assemble")
        self.assertEqual(202, response.status_code)
        self.wait_for_state(node, "Assembled")

    def test_a_patch_needs_the_current_etag(self):
        for quirk, prefix in (("if-match", '"'), ("if-match-weak", 'W/"'), ("if-match-body", '"')):
            self.switch(quirk)
            response = self.call("GET", SYSTEM)
            body = response.json()
            etag = body["@odata.etag"] if quirk == "if-match-body" else response.headers["ETag"]
            self.assertTrue(etag.startswith(prefix))
            patch = {"AssetTag": quirk}
            statuses = [
                self.call("PATCH", SYSTEM, json=patch, headers=headers).status_code
                for headers in ({}, {"If-Match": '"x"'}, {"If-Match": etag}, {"If-Match": etag})
            ]
            self.assertEqual([428, 412, 204, 412], statuses, quirk)

    def test_only_one_spelling_of_an_etag_is_accepted(self):
        for quirk in ("if-match-strong", "if-match-quoted"):
            self.switch(quirk)
            response = self.call("GET", SYSTEM)
            header = response.headers["ETag"]
            if quirk == "if-match-strong":
                self.assertNotIn("@odata.etag", response.json())
                etag = header.removeprefix("W/")
            else:
                etag = response.json()["@odata.etag"]
            self.assertNotEqual(etag, header)
            statuses = [
                self.call(
                    "PATCH",
                    SYSTEM,
                    json={"AssetTag": quirk},
                    headers={"If-Match": value},
                )
                for value in (header, etag)
            ]
            self.assertEqual([412, 204], [it.status_code for it in statuses], quirk)

    def test_errors_are_written_in_other_ways(self):
        for quirk in ("errors-object", "errors-language"):
            self.switch(quirk)
            error = self.call("GET", f"{ROOT}/Nothing").json()["error"]
            info = error.get("@Message.ExtendedInfo", {}).get("Message")
            message = info if quirk == "errors-object" else error["message"]["value"]
            self.assertIn("/Nothing", message)

    def test_reads_are_refused_now_and_then(self):
        for quirk, value in (("busy-at-once", r"^0$"), ("busy-date", r"GMT$")):
            self.switch(quirk)
            self.wait_for_status(SYSTEM, 200)
            self.wait_for_status(SYSTEM, 503)
            self.assertEqual(200, self.call("GET", f"{ROOT}/").status_code)
            response = self.call("GET", SYSTEM)
            self.assertRegex(response.headers["Retry-After"], value)

    def test_what_is_composed_is_dead(self):
        node = self.allocated()
        self.switch("system-500")
        self.assertEqual(500, self.call("GET", SYSTEM).status_code)
        self.assertEqual(500, self.call("GET", f"{SYSTEM}/Processors").status_code)
        self.get(f"{SYSTEMS}/2")
        self.get(node)
        self.switch("node-500")
        self.assertEqual(500, self.call("GET", node).status_code)
        self.get(SYSTEM)
        self.assertEqual(204, self.delete(node))


class TestSessions(test_quirks.QuirkTestCase):
    def log_in(self):
        login = {"UserName": "ada", "Password": "s3cret"}
        return self.post(f"{ROOT}/SessionService/Sessions", login)

    def is_refused(self, headers, status):
        return self.call("GET", SYSTEM, headers=headers).status_code == status

    def test_sessions_are_forgotten(self):
        for quirk, status in (("session-forgotten", 401), ("session-403", 403)):
            self.switch(quirk)
            headers = {"X-Auth-Token": self.log_in().headers["X-Auth-Token"]}
            self.session.auth = None
            self.wait_for(functools.partial(self.is_refused, headers, status))
            self.session.auth = ("ada", "s3cret")
            self.get(SYSTEM)

    def test_a_session_too_many_is_refused(self):
        self.switch("session-limit")
        first, second = self.log_in(), self.log_in()
        self.assertEqual([201, 503], [first.status_code, second.status_code])
        self.assertEqual(204, self.delete(first.headers["Location"]))
        self.assertEqual(201, self.log_in().status_code)

    def test_a_login_is_answered_with_less(self):
        self.switch("login-location-absent")
        response = self.log_in()
        self.assertNotIn("Location", response.headers)
        self.assertIn("X-Auth-Token", response.headers)
        self.switch("login-body-absent")
        response = self.log_in()
        self.assertEqual((201, b""), (response.status_code, response.content))
        self.assertIn("X-Auth-Token", response.headers)

    def test_a_login_with_two_kinds_of_credentials_is_refused(self):
        self.switch("login-header-refused")
        self.assertEqual(415, self.log_in().status_code)
        self.session.auth = None
        self.assertEqual(201, self.log_in().status_code)

    def test_accept_is_demanded(self):
        self.switch("accept-demanded")
        headers = {"Accept": "application/json"}
        self.assertEqual(406, self.call("GET", SYSTEM).status_code)
        self.assertEqual(200, self.call("GET", SYSTEM, headers=headers).status_code)
        self.switch("encoding-demanded")
        headers = {"Accept-Encoding": "identity"}
        self.assertEqual(406, self.call("GET", SYSTEM, headers=headers).status_code)
        self.assertEqual(200, self.call("GET", SYSTEM).status_code)
