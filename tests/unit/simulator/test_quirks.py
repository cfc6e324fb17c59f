# SPDX-License-Identifier: Apache-2.0

"""Quirks: each one changes what it says, and nothing is left of it when it is switched off."""

import contextlib
import gzip
import io
import json

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
