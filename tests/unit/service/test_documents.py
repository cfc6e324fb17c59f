# SPDX-License-Identifier: Apache-2.0

"""What is generated from the code: OpenAPI, samples, policies, and frozen paths."""

import itertools
import pathlib
import re
import subprocess
import sys
from typing import Any
from unittest import mock

import jsonschema
import openapi_spec_validator
from oslo_context import context as oslo_context
from oslo_policy import policy
from oslo_utils import importutils

from tests import base
from tests.unit.service import base as service_base
from valence import errors
from valence import ledger
from valence import policies
from valence.api import openapi
from valence.api import routes

#: What is an operator's: there one sees what belongs to everybody.
HARDWARE = ("valence:podmanager:", "valence:system:", "valence:rack:", "valence:device:")

#: Rules on nodes that are not for those who compose.
FOR_ADMINS = {"valence:node:list_all", "valence:node:manage"}

ROOT = pathlib.Path(__file__).resolve().parents[3]


class TestOpenAPI(service_base.ServiceTestCase):
    def test_the_description_is_valid_and_complete(self) -> None:
        self.start()
        document = self.api("GET", "/v1/openapi.json").json
        openapi_spec_validator.validate(document)
        described = {
            (method.upper(), re.sub(r"\{(\w+)\}", r"<\1>", path))
            for path, methods in document["paths"].items()
            for method in methods
        }
        self.assertEqual({(route.method, route.path) for route in routes.ROUTES}, described)

    def test_operations_have_ids_of_their_own_and_a_sentence(self) -> None:
        paths = openapi.document(routes.ROUTES, "http://x")["paths"]
        operations = [one for methods in paths.values() for one in methods.values()]
        ids = [operation["operationId"] for operation in operations]
        self.assertEqual(len(ids), len(set(ids)))
        for operation in operations:
            self.assertRegex(operation["summary"], r"^[A-Z].*\.$")


class TestExamples(base.TestCase):
    """Of every body that is sent or answered there is one, and it is right."""

    def test_every_example_is_what_its_schema_asks_for(self) -> None:
        document = openapi.document(routes.ROUTES, "http://x")
        components = {"components": document["components"]}
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
                for body in bodies:
                    for media in body.get("content", {}).values():
                        validator = jsonschema.Draft202012Validator(
                            {**components, **media["schema"]}
                        )
                        problems = [
                            str(one.message) for one in validator.iter_errors(media["example"])
                        ]
                        self.assertEqual([], problems, f"{method} {path}")


class TestErrors(base.TestCase):
    def test_every_error_has_a_code_of_its_own(self) -> None:
        kinds = errors.ValenceError.__subclasses__()
        codes = [kind.code for kind in kinds]
        self.assertEqual(len(codes), len(set(codes)))
        drawn = dict(re.findall(r"-- (\w+) +(valence\.[a-z_.]+) +\d+", errors.__doc__ or ""))
        self.assertEqual(
            {kind.__name__: kind.code for kind in kinds}, dict(list(drawn.items())[1:])
        )


class TestSamples(base.TestCase):
    def generate(self, command: str, config: str) -> str:
        """Run a generator, and give what it prints instead of writing."""
        lines = (ROOT / config).read_text().splitlines()
        names = [line.split("=")[1].strip() for line in lines if line.startswith("namespace")]
        arguments = [part for name in names for part in ("--namespace", name)]
        if "wrap_width = 79" in lines:
            arguments += ["--wrap-width", "79"]
        program = pathlib.Path(sys.executable).with_name(command)
        return subprocess.run(
            [program, *arguments], check=True, capture_output=True, text=True, cwd=ROOT
        ).stdout

    def test_the_sample_configuration_is_fresh(self) -> None:
        made = self.generate("oslo-config-generator", "etc/oslo-config-generator/valence.conf")
        self.assertEqual((ROOT / "etc/valence/valence.conf.sample").read_text(), made)

    def test_the_sample_policy_is_fresh(self) -> None:
        made = self.generate(
            "oslopolicy-sample-generator", "etc/oslo-policy-generator/valence.conf"
        )
        sample = (ROOT / "etc/valence/policy.yaml.sample").read_text()
        self.assertEqual(sample.strip(), made.strip())


class TestPolicies(service_base.ServiceTestCase):
    def rules(self) -> set[str]:
        documented = policy.DocumentedRuleDefault
        return {rule.name for rule in policies.list_rules() if isinstance(rule, documented)}

    def allowed(self, role: str) -> set[str]:
        enforcer = policies.enforcer(self.configure())
        context = oslo_context.RequestContext(roles=[role], project_id="ours")
        return {rule for rule in self.rules() if policies.allows(enforcer, rule, context, "ours")}

    def test_every_route_has_a_documented_rule(self) -> None:
        self.assertEqual(
            set(), {route.rule for route in routes.ROUTES if route.rule} - self.rules()
        )

    def test_readers_read_members_compose_admins_do_everything(self) -> None:
        rules = self.rules()
        mine = {rule for rule in rules if not rule.startswith(HARDWARE)} - FOR_ADMINS
        reading = {rule for rule in mine if rule.endswith(":get")}
        composing = {rule for rule in mine if rule.startswith("valence:node:")}
        self.assertEqual(reading, self.allowed("reader"))
        self.assertEqual(reading | composing, self.allowed("member"))
        self.assertEqual(rules, self.allowed("admin"))
        self.assertEqual(set(), self.allowed("stranger"))

    def member_reads(self, *, unreadable: int) -> bool:
        """Ask for something of one's own while an interpreter fails to parse the rule."""
        enforcer = policies.enforcer(self.configure())
        context = oslo_context.RequestContext(roles=["member"], project_id="ours")
        answers = itertools.chain(
            itertools.repeat(SystemError("AST constructor"), unreadable),
            itertools.repeat(ValueError("not a literal")),
        )
        with mock.patch("ast.literal_eval", autospec=True, side_effect=answers):
            return policies.allows(enforcer, "valence:node:get", context, "ours")

    def test_a_rule_that_the_interpreter_could_not_parse_is_read_again(self) -> None:
        self.assertTrue(self.member_reads(unreadable=3))

    def test_a_rule_that_can_never_be_parsed_allows_nothing(self) -> None:
        self.assertRaises(SystemError, self.member_reads, unreadable=1000)

    def test_who_may_not_is_told_so(self) -> None:
        self.start()
        (self.folder / "policy.yaml").write_text('"valence:flavor:create": "!"\n')
        path = str(self.folder / "policy.yaml")
        self.service.conf.set_override("policy_file", path, group="oslo_policy")
        self.service.enforcer = policies.enforcer(self.service.conf)
        self.service.enforcer.policy_path = path
        body: dict[str, Any] = {"name": "a", "properties": service_base.FOUR_CORES}
        answer = self.api("POST", "/v1/flavors", body)
        self.assertRefused(403, "valence.request.forbidden", answer)


class TestFrozenPaths(base.TestCase):
    """Journals of older releases name these: a path that moves stays as an alias."""

    PATHS = {
        "valence.flows.compose.compose": ["allocate-node", "assemble-node", "read-node"],
        "valence.flows.release.release": ["leave-ironic", "give-back-node"],
        "valence.flows.register.register": ["read-interfaces", "create-ironic-node"],
        "valence.flows.unregister.unregister": ["delete-ironic-node"],
    }

    def test_flows_are_where_journals_look_for_them(self) -> None:
        for path, tasks in self.PATHS.items():
            flow = importutils.import_class(path)()
            self.assertEqual(tasks, [task.name for task, _ in flow.iter_nodes()])

    def test_the_ledger_uses_these_and_no_others(self) -> None:
        self.assertEqual(set(self.PATHS), set(ledger.FLOWS.values()))
