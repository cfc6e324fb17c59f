# SPDX-License-Identifier: Apache-2.0

"""Quirks: each one changes what it says, and nothing is left of it when it is switched off."""

import contextlib
import functools
import gzip
import io
import json
import urllib.parse

import requests

from podm_simulator import cmd
from podm_simulator.quirks import registry
from podm_simulator.server import Simulator
from tests import base as tests_base
from tests.unit.simulator import base

ROOT = "/redfish/v1"
SYSTEMS = f"{ROOT}/Systems"
SYSTEM = f"{SYSTEMS}/1"
NODES = base.NODES
COUNT = "Members@odata.count"


class QuirkTestCase(base.HTTPTestCase):
    def switch(self, *names):
        response = self.call("PUT", "/control/quirks", json={"quirks": names})
        self.assertEqual(200, response.status_code, response.text)

    def delete(self, path):
        return self.call("DELETE", path).status_code

    def members(self, path=NODES):
        return [member["@odata.id"] for member in self.get(path)["Members"]]

    def wait_for_status(self, path, status):
        self.wait_for(lambda: self.call("GET", path).status_code == status)


class TestSwitching(QuirkTestCase):
    def test_quirks_are_switched_on_and_off_by_name(self):
        before = self.get(f"{ROOT}/"), self.get(SYSTEMS), self.get(SYSTEM)
        for name in registry.ALL:
            self.switch(name)
            self.assertEqual([name], self.get("/control/quirks")["quirks"])
        self.assertEqual(204, self.delete("/control/quirks"))
        self.assertEqual([], self.get("/control/quirks")["quirks"])
        self.assertEqual(before, (self.get(f"{ROOT}/"), self.get(SYSTEMS), self.get(SYSTEM)))

    def test_quirks_that_exclude_each_other_or_do_not_exist_are_refused(self):
        self.switch("bom")
        for names in (["serial-same", "serial-absent"], ["bon"], "bom", [1], None):
            response = self.call("PUT", "/control/quirks", json={"quirks": names})
            self.assertEqual(400, response.status_code, names)
        self.assertIn("quirks", response.json()["error"])
        self.assertEqual(["bom"], self.get("/control/quirks")["quirks"])
        self.assertRaises(registry.BadQuirk, Simulator, quirks=["bon"])

    def test_a_quirk_that_stays_keeps_its_state(self):
        self.switch("root-uuid-new")
        uuid = self.get(f"{ROOT}/")["UUID"]
        self.switch("root-uuid-new", "chunked")
        self.assertEqual(uuid, self.get(f"{ROOT}/")["UUID"])

    def test_a_quirk_is_exercised_when_it_has_changed_a_response(self):
        def exercised():
            return self.get("/control/quirks")["exercised"]

        for names, requests_ in (
            (["errors-html"], [("GET", f"{ROOT}/Nothing")]),
            (["pages", "bom"], [("GET", SYSTEMS)]),
            (["expand-ignored"], [("GET", f"{SYSTEMS}?$expand=.")]),
            (
                ["member-dangling", "links-slash", "serial-same"],
                [("GET", SYSTEMS), ("GET", SYSTEM)],
            ),
            (["connection-close", "chunked"], [("GET", f"{ROOT}/")]),
        ):
            self.switch(*names)
            self.assertEqual([], exercised(), names)
            for method, path in requests_:
                self.call(method, path)
            self.assertEqual(self.get("/control/quirks")["quirks"], exercised(), names)
        self.switch("errors-html", "chunked")
        self.get(SYSTEM)
        self.assertEqual(["chunked"], exercised())
        self.allocated()
        self.switch("nodes-renumbered")
        self.assertEqual([], exercised())
        self.simulator.quirks.restart()
        self.assertEqual(["nodes-renumbered"], exercised())

    def test_quirks_combine(self):
        self.allocated(Name="valence")
        self.switch("links-absolute", "members-twice", "name-cut-15", "gzip", "chunked", "bom")
        response = self.call("GET", NODES)
        self.assertTrue(response.content.startswith(b"\xef\xbb\xbf"))
        collection = json.loads(response.content.decode("utf-8-sig"))
        path = f"{self.url}{NODES}/1"
        self.assertEqual([{"@odata.id": path}] * 2, collection["Members"])


class TestCommand(tests_base.TestCase):
    def test_the_command_switches_quirks_on(self):
        argv = ["--quirk", "bom", "--quirk", "gzip"]
        simulator = cmd.make_simulator(cmd.parser().parse_args(argv))
        self.assertEqual(["bom", "gzip"], simulator.quirks.names())

    def test_the_command_lists_all_quirks(self):
        with contextlib.redirect_stdout(io.StringIO()) as stdout:
            self.assertRaises(SystemExit, cmd.parser().parse_args, ["--quirk", "list"])
        self.assertEqual(len(registry.ALL), len(stdout.getvalue().splitlines()))

    def test_an_unknown_quirk_is_an_error_of_one_line(self):
        with contextlib.redirect_stderr(io.StringIO()) as stderr:
            self.assertEqual(1, cmd.main(["--quirk", "bon"]))
        self.assertEqual(1, stderr.getvalue().count("\n"))
        self.assertIn("bon", stderr.getvalue())


class TestTable(tests_base.TestCase):
    def test_every_quirk_has_a_sentence_and_a_source(self):
        for quirk in registry.ALL.values():
            self.assertRegex(quirk.name, r"^[a-z0-9]+(-[a-z0-9]+)*$")
            self.assertRegex(quirk.text, r"^\S.*\.$")
            self.assertRegex(quirk.source, r"^(https://|DSP|RFC|The Intel)")

    def test_every_group_has_a_choice(self):
        groups = [quirk.group for quirk in registry.ALL.values() if quirk.group]
        alone = {group for group in groups if groups.count(group) == 1}
        self.assertEqual(set(), alone)


class TestIdentity(QuirkTestCase):
    def test_the_name_of_a_node_is_kept_in_other_ways(self):
        node = self.allocated(
            Name="Valence-0123456789-0123456789-0123456789", Description="d" * 50
        )
        for quirk, name in (
            ("name-absent", None),
            ("name-constant", "Composed Node"),
            ("name-cut-15", "Valence-0123456"),
            ("name-cut-32", "Valence-0123456789-0123456789-01"),
            ("name-upper", "VALENCE-0123456789-0123456789-0123456789"),
        ):
            self.switch(quirk)
            self.assertEqual(name, self.get(node).get("Name"), quirk)
        self.switch("description-cut-40")
        self.assertEqual("d" * 40, self.get(node)["Description"])
        self.switch("description-absent")
        self.assertNotIn("Description", self.get(node))

    def test_facts_of_systems_tell_nothing_apart(self):
        for quirk, name, value in (
            ("serial-same", "SerialNumber", "To be filled by O.E.M."),
            ("serial-zeros", "SerialNumber", "0" * 16),
            ("serial-absent", "SerialNumber", None),
            ("system-uuid-absent", "UUID", None),
            ("system-uuid-empty", "UUID", ""),
            ("system-uuid-zeros", "UUID", "00000000-0000-0000-0000-000000000000"),
            ("system-uuid-same", "UUID", "03000200-0400-0500-0006-000700080009"),
        ):
            self.switch(quirk)
            values = {self.get(f"{SYSTEMS}/{number}").get(name) for number in "123"}
            self.assertEqual({value}, values, quirk)

    def test_a_uuid_is_written_in_other_ways(self):
        uuid = self.get(SYSTEM)["UUID"]
        self.switch("system-uuid-upper")
        self.assertEqual(uuid.upper(), self.get(SYSTEM)["UUID"])
        self.switch("system-uuid-braces")
        self.assertEqual(f"{{{uuid}}}", self.get(SYSTEM)["UUID"])
        self.switch("root-uuid-absent")
        self.assertNotIn("UUID", self.get(f"{ROOT}/"))

    def test_a_restart_changes_the_uuids(self):
        root, system = self.get(f"{ROOT}/")["UUID"], self.get(SYSTEM)["UUID"]
        self.switch("root-uuid-new", "system-uuid-reordered")
        first = self.get(f"{ROOT}/")["UUID"]
        self.assertEqual(system, self.get(SYSTEM)["UUID"])
        self.simulator.quirks.restart()
        second = self.get(f"{ROOT}/")["UUID"]
        self.assertEqual(3, len({root, first, second}))
        reordered = self.get(SYSTEM)["UUID"]
        self.assertNotEqual(system, reordered)
        self.assertEqual(system[18:], reordered[18:])
        self.assertEqual(system[6:8] + system[4:6] + system[2:4] + system[:2], reordered[:8])

    def test_a_restart_renumbers_the_nodes(self):
        first, second = self.allocated(Name="first"), self.allocated(Name="second")
        self.switch("nodes-renumbered")
        self.fault(restart={"seconds": 0.1})
        self.wait_for(lambda: self.is_gone(first))
        paths = self.members()
        self.assertEqual(set(), {first, second} & set(paths))
        self.assertEqual(["first", "second"], [self.get(path)["Name"] for path in paths])
        self.assertEqual([204, 204], [self.delete(path) for path in paths])
        self.assertEqual(3, self.get("/control/pool")["systems"]["free"])

    def is_gone(self, path):
        try:
            return self.call("GET", path).status_code == 404
        except requests.ConnectionError:
            return False

    def test_nodes_are_renumbered_on_demand(self):
        first, second = self.allocated(Name="first"), self.allocated(Name="second")
        fingerprint = self.get("/control/pool")["fingerprint"]
        self.assertEqual(204, self.post("/control/renumber", {"rotate": True}).status_code)
        self.assertEqual(["second", "first"], [self.get(p)["Name"] for p in (first, second)])
        self.assertEqual([first, second], self.members())
        self.assertEqual(fingerprint, self.get("/control/pool")["fingerprint"])
        self.assertEqual(204, self.post("/control/renumber").status_code)
        self.assertEqual([404, 404], [self.call("GET", p).status_code for p in (first, second)])
        self.assertEqual(fingerprint, self.get("/control/pool")["fingerprint"])

    def test_the_log_of_requests_has_the_machine_of_each_change(self):
        node = self.allocated()
        self.post(f"{node}/Actions/ComposedNode.Assemble")
        self.call("PATCH", SYSTEM, json={"AssetTag": "a"})
        self.get(node)
        self.delete(node)
        machines = [entry["machine"] for entry in self.get("/control/requests")["requests"]]
        self.assertEqual([None, "1", "1", None, "1"], machines)


class TestLinks(QuirkTestCase):
    def follow(self, document, url):
        """Read what a URL in a document refers to."""
        target = urllib.parse.urljoin(self.url + document, url)
        response = self.session.get(target, timeout=10)
        self.assertEqual(200, response.status_code, target)
        return response.json()

    def test_links_are_written_in_other_ways_and_work(self):
        self.allocated(Name="n")
        for quirk, listed, resource in (
            ("links-slash", f"{NODES}/1/", f"{NODES}/1/"),
            ("links-encoded", f"{ROOT}/%4eodes/1", f"{ROOT}/%4Eodes/1"),
            ("links-absolute", f"{self.url}{NODES}/1", f"{self.url}{NODES}/1"),
            ("links-relative", "Nodes/1", f"{NODES}/1"),
        ):
            self.switch(quirk)
            self.assertEqual([listed], self.members(), quirk)
            node = self.follow(NODES, listed)
            self.assertEqual(("n", resource), (node["Name"], node["@odata.id"]), quirk)
            system = node["Links"]["ComputerSystem"]["@odata.id"]
            self.assertEqual("1", self.follow(f"{NODES}/1", system)["Id"], quirk)

    def test_a_location_is_absolute_or_relative(self):
        for quirk in ("location-absolute", "links-absolute", "links-relative", "links-encoded"):
            self.switch(quirk)
            location = self.allocated(Name=quirk)
            self.assertFalse(location.startswith(NODES), location)
            self.assertEqual(quirk, self.follow(base.ALLOCATE, location)["Name"])
            self.switch()
            self.assertEqual(204, self.delete(self.members()[0]))

    def test_a_location_names_another_host(self):
        self.switch("location-localhost")
        self.assertEqual(f"http://localhost{NODES}/1", self.allocated())

    def test_a_target_without_its_slash_is_redirected(self):
        self.switch("targets-slash")
        target = self.get(NODES)["Actions"]["#ComposedNodeCollection.Allocate"]["target"]
        self.assertTrue(target.endswith("/"))
        response = self.call("POST", target.rstrip("/"), json={}, allow_redirects=False)
        self.assertEqual((308, target), (response.status_code, response.headers["Location"]))
        self.assertEqual(201, self.post(target, {}).status_code)

    def test_every_path_without_a_slash_is_redirected_with_its_query(self):
        self.switch("slash-redirect")
        response = self.call("GET", f"{SYSTEMS}?$top=1", allow_redirects=False)
        self.assertEqual(308, response.status_code)
        self.assertEqual(f"{SYSTEMS}/?$top=1", response.headers["Location"])
        self.assertEqual(1, len(self.get(f"{SYSTEMS}?$top=1")["Members"]))


class TestCollections(QuirkTestCase):
    def test_a_member_is_listed_twice_or_dangles(self):
        paths = self.members(SYSTEMS)
        self.switch("members-twice")
        self.assertEqual([path for path in paths for _ in "ab"], self.members(SYSTEMS))
        self.assertEqual(2 * len(paths), self.get(SYSTEMS)[COUNT])
        self.switch("member-dangling")
        self.assertEqual([*paths, f"{SYSTEMS}/Removed"], self.members(SYSTEMS))
        self.assertEqual(404, self.call("GET", f"{SYSTEMS}/Removed").status_code)

    def test_the_count_is_another(self):
        number = len(self.members(SYSTEMS))
        for quirk, members, count in (
            ("count-too-large", number, number + 1),
            ("count-absent", number, None),
            ("count-of-page", 1, 1),
        ):
            self.switch(quirk)
            collection = self.get(SYSTEMS)
            found = len(collection["Members"]), collection.get(COUNT)
            self.assertEqual((members, count), found, quirk)

    def test_a_member_has_an_empty_path(self):
        paths = self.members(SYSTEMS)
        self.switch("member-empty")
        self.assertEqual([*paths, ""], self.members(SYSTEMS))

    def test_every_third_listing_is_incomplete(self):
        number = len(self.members(SYSTEMS))
        self.switch("listing-incomplete")
        listings = [self.get(SYSTEMS) for _ in range(6)]
        self.assertEqual([number] * 6, [listing[COUNT] for listing in listings])
        lengths = [len(listing["Members"]) for listing in listings]
        self.assertEqual([number, number, number - 1] * 2, lengths)

    def test_pages_have_one_member_and_a_link_to_the_next(self):
        for quirk, link in (
            ("pages", f"{SYSTEMS}?$skip=1"),
            ("next-link-absolute", f"{self.url}{SYSTEMS}?$skip=1"),
            ("next-link-query", "?$skip=1"),
        ):
            self.switch(quirk)
            collection = self.get(SYSTEMS)
            self.assertEqual(1, len(collection["Members"]))
            self.assertEqual(link, collection["Members@odata.nextLink"], quirk)
        self.switch()
        self.assertNotIn("Members@odata.nextLink", self.get(SYSTEMS))

    def test_expand_is_advertised_and_does_not_work(self):
        self.switch("expand-404")
        self.assertIn("ProtocolFeaturesSupported", self.get(f"{ROOT}/"))
        self.assertEqual(404, self.call("GET", f"{SYSTEMS}?$expand=.").status_code)
        self.switch("expand-ignored")
        self.assertEqual(["@odata.id"], list(self.get(f"{SYSTEMS}?$expand=.")["Members"][0]))
        self.switch()
        self.assertNotIn("ProtocolFeaturesSupported", self.get(f"{ROOT}/"))

    def test_expand_and_other_quirks_of_collections_combine(self):
        for quirk in ("members-twice", "member-dangling", "listing-incomplete"):
            simulator = Simulator(base.SIZE, expand=True, username=None, quirks=[quirk])
            url = simulator.start()
            self.addCleanup(simulator.stop)
            response = self.session.get(f"{url}{SYSTEMS}?$expand=.($levels=2)", timeout=10)
            self.assertEqual(200, response.status_code, quirk)
            self.assertIn("SerialNumber", response.json()["Members"][0])

    def test_the_list_is_behind_changes(self):
        self.switch("listed-late")
        node = self.allocated()
        self.assertEqual([], self.members())
        self.get(node)
        self.wait_for(lambda: self.members() == [node])
        self.assertEqual(204, self.delete(node))
        self.assertEqual([node], self.members())
        self.assertEqual(404, self.call("GET", node).status_code)
        self.wait_for(lambda: self.members() == [])

    def test_a_new_node_cannot_be_read_at_once(self):
        self.switch("created-unreadable")
        node = self.allocated()
        self.assertEqual([node], self.members())
        self.assertEqual(404, self.call("GET", node).status_code)
        self.wait_for_status(node, 200)


class TestVerbs(QuirkTestCase):
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
                self.call("PATCH", SYSTEM, json={"AssetTag": quirk}, headers={"If-Match": value})
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


class TestSessions(QuirkTestCase):
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


class TestValues(QuirkTestCase):
    def test_values_are_odd(self):
        self.allocated()
        for quirk, section, name, value in (
            ("enumerations-lower", "Status", "Health", "ok"),
            ("numbers-text", "ProcessorSummary", "Count", "2"),
            ("numbers-negative", "ProcessorSummary", "Count", -3_000_000_000),
            ("numbers-huge", "MemorySummary", "TotalSystemMemoryGiB", 10**30),
        ):
            self.switch(quirk)
            self.assertEqual(value, self.get(SYSTEM)[section][name], quirk)
        self.switch()
        self.assertEqual("OK", self.get(SYSTEM)["Status"]["Health"])
        self.switch("control-characters")
        self.assertEqual("Sled\r\x00\ud800", self.get(SYSTEM)["Model"])

    def test_the_version_of_the_api_is_absent_or_odd(self):
        self.switch("api-version-absent")
        self.assertNotIn("ApiVersion", self.get(f"{ROOT}/")["Oem"]["Intel_RackScale"])
        self.switch("api-version-odd")
        self.assertEqual("v2.5-rc1", self.get(f"{ROOT}/")["Oem"]["Intel_RackScale"]["ApiVersion"])


class TestWire(QuirkTestCase):
    def test_bytes_are_no_utf8(self):
        self.switch("serial-bytes")
        content = self.call("GET", SYSTEM).content
        self.assertIn(b'"SerialNumber":"' + b"\xff" * 16, content)
        self.assertRaises(UnicodeDecodeError, content.decode)

    def test_the_content_type_is_another(self):
        for quirk, value in (
            ("content-type-bare", "application/json"),
            ("content-type-text", "text/plain"),
        ):
            self.switch(quirk)
            self.assertEqual(value, self.call("GET", SYSTEM).headers["Content-Type"])

    def test_a_body_is_chunked_or_compressed(self):
        self.switch("chunked")
        response = self.call("GET", SYSTEM)
        self.assertEqual("chunked", response.headers["Transfer-Encoding"])
        self.assertEqual("1", response.json()["Id"])
        self.switch("gzip")
        headers = {"Accept-Encoding": "identity"}
        response = self.call("GET", SYSTEM, headers=headers, stream=True)
        content = gzip.decompress(response.raw.read(decode_content=False))
        self.assertEqual("1", json.loads(content)["Id"])

    def test_a_connection_is_closed_after_each_response(self):
        self.switch("connection-close")
        self.assertEqual("close", self.call("GET", SYSTEM).headers["Connection"].lower())

    def test_errors_are_html(self):
        self.switch("errors-html")
        response = self.call("GET", f"{SYSTEMS}/9")
        found = response.status_code, response.headers["Content-Type"]
        self.assertEqual((404, "text/html"), found)
