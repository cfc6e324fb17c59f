# SPDX-License-Identifier: Apache-2.0

"""Documents generated from the code (OpenAPI, samples, policies), and frozen paths."""

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
from valence.policies import node as node_policies

#: Rules for administrators: hardware belongs to no project.
HARDWARE = (
    "valence:podmanager:",
    "valence:system:",
    "valence:rack:",
    "valence:device:",
    "valence:finding:",
)

#: Rules on nodes that members do not have.
FOR_ADMINS = {
    "valence:node:list_all",
    "valence:node:manage",
    "valence:node:adopt_path",
    "valence:node:forget",
}

#: Rules on nodes for administrators and services.
FOR_SERVICES = set(node_policies.FIELD_RULES.values())

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

    def test_operations_have_unique_ids_and_a_sentence(self) -> None:
        paths = openapi.document(routes.ROUTES, "http://x")["paths"]
        operations = [entry for methods in paths.values() for entry in methods.values()]
        ids = [operation["operationId"] for operation in operations]
        self.assertEqual(len(ids), len(set(ids)))
        for operation in operations:
            self.assertRegex(operation["summary"], r"^[A-Z].*\.$")


class TestExamples(base.TestCase):
    """Every body of a request and of a response has a valid example."""

    def test_every_example_matches_its_schema(self) -> None:
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
                            str(error.message) for error in validator.iter_errors(media["example"])
                        ]
                        self.assertEqual([], problems, f"{method} {path}")


class TestErrors(base.TestCase):
    def test_every_error_has_a_unique_code_that_the_docstring_lists(self) -> None:
        kinds = errors.ValenceError.__subclasses__()
        codes = [kind.code for kind in kinds]
        self.assertEqual(len(codes), len(set(codes)))
        documented = dict(re.findall(r"-- (\w+) +(valence\.[a-z_.]+) +\d+", errors.__doc__ or ""))
        self.assertEqual(
            {kind.__name__: kind.code for kind in kinds}, dict(list(documented.items())[1:])
        )


class TestSamples(base.TestCase):
    def generate(self, command: str, config: str) -> str:
        """Run a generator, and return the sample that it prints."""
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
        generated = self.generate(
            "oslo-config-generator", "etc/oslo-config-generator/valence.conf"
        )
        self.assertEqual((ROOT / "etc/valence/valence.conf.sample").read_text(), generated)

    def test_the_sample_policy_is_fresh(self) -> None:
        generated = self.generate(
            "oslopolicy-sample-generator", "etc/oslo-policy-generator/valence.conf"
        )
        sample = (ROOT / "etc/valence/policy.yaml.sample").read_text()
        self.assertEqual(sample.strip(), generated.strip())


class TestPolicies(service_base.ServiceTestCase):
    def rules(self) -> set[str]:
        documented = policy.DocumentedRuleDefault
        return {rule.name for rule in policies.list_rules() if isinstance(rule, documented)}

    def allowed(self, role: str) -> set[str]:
        enforcer = policies.enforcer(self.configure())
        context = oslo_context.RequestContext(roles=[role], project_id="project")
        return {
            rule for rule in self.rules() if policies.allows(enforcer, rule, context, "project")
        }

    def test_every_route_has_a_documented_rule(self) -> None:
        required = {route.rule for route in routes.ROUTES if route.rule}
        required.update(*(route.field_rules.values() for route in routes.ROUTES))
        self.assertEqual(set(), required - self.rules())

    def test_readers_read_members_compose_admins_do_everything(self) -> None:
        rules = self.rules()
        unprivileged = {rule for rule in rules if not rule.startswith(HARDWARE)} - FOR_ADMINS
        unprivileged -= FOR_SERVICES
        reading = {rule for rule in unprivileged if rule.endswith(":get")}
        composing = {rule for rule in unprivileged if rule.startswith("valence:node:")}
        self.assertEqual(reading, self.allowed("reader"))
        self.assertEqual(reading | composing, self.allowed("member"))
        self.assertEqual(FOR_SERVICES, self.allowed("service"))
        self.assertEqual(rules, self.allowed("admin"))
        self.assertEqual(set(), self.allowed("stranger"))

    def member_reads(self, *, failures: int, race: bool = True) -> bool:
        """Check a rule while the interpreter fails to parse it several times."""
        enforcer = policies.enforcer(self.configure())
        context = oslo_context.RequestContext(roles=["member"], project_id="project")
        answers = itertools.chain(
            itertools.repeat(SystemError("AST constructor"), failures),
            itertools.repeat(ValueError("not a literal")),
        )
        parser = mock.patch("ast.literal_eval", autospec=True, side_effect=answers)
        with mock.patch.object(policies, "PARSER_RACE", race), parser:
            return policies.allows(enforcer, "valence:node:get", context, "project")

    def test_a_check_is_retried_on_an_interpreter_whose_parser_is_not_thread_safe(self) -> None:
        self.assertTrue(self.member_reads(failures=3))

    def test_a_check_is_not_retried_on_other_interpreters(self) -> None:
        self.assertRaises(SystemError, self.member_reads, failures=1, race=False)

    def test_a_rule_that_can_never_be_parsed_allows_nothing(self) -> None:
        self.assertRaises(SystemError, self.member_reads, failures=1000)

    def test_a_policy_of_the_operator_is_enforced(self) -> None:
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
    """Journals of older releases contain these: a path that moves stays as an alias."""

    PATHS = {
        "valence.flows.compose.compose": ["allocate-node", "assemble-node", "read-node"],
        "valence.flows.release.release": ["leave-ironic", "give-back-node"],
        "valence.flows.register.register": ["read-interfaces", "create-ironic-node"],
        "valence.flows.unregister.unregister": ["delete-ironic-node"],
    }

    def test_flows_are_at_the_paths_that_journals_contain(self) -> None:
        for path, tasks in self.PATHS.items():
            flow = importutils.import_class(path)()
            self.assertEqual(tasks, [task.name for task, _ in flow.iter_nodes()])

    def test_the_ledger_uses_exactly_these_flows(self) -> None:
        self.assertEqual(set(self.PATHS), set(ledger.FLOWS.values()))
