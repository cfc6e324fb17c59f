# SPDX-License-Identifier: Apache-2.0

"""The tables of provision states, compared with the state machine of the real Ironic."""

from collections.abc import Mapping
import functools
import json
import subprocess
from typing import ClassVar

import testscenarios

from devstack.lab import ironic as lab_ironic
from tests import base
from tests.fake_ironic import nodes as fake_nodes
from tests.servers import ironic
from valence.ironic import states
from valence_integration.peers import provision_states
from valence_integration.peers.converge import Actions
from valence_integration.peers.converge import Request

#: Prints the state machine of the Ironic that runs it.
DUMP = """
import json
from ironic.common import state_machine, states
machine = state_machine.machine
result = {}
for state in machine.states:
    copy = machine.copy()
    copy.initialize(state)
    result[state] = [
        target for target in states.VERBS
        if copy.is_actionable_event(states.VERBS[target])
    ]
print(json.dumps({
    "verbs": result,
    "unstable": list(states.UNSTABLE_STATES),
    "failed": list(states.FAILURE_STATES),
    "deletable": list(states.DELETE_ALLOWED_STATES),
}))
"""


@functools.cache
def machine() -> Mapping[str, Mapping[str, list[str]] | list[str]]:
    """Return the state machine of the real Ironic: its states, and the verbs in each."""
    python = lab_ironic.environment() / "bin" / "python"
    output = subprocess.run([python, "-c", DUMP], capture_output=True, check=True, text=True)
    result: Mapping[str, Mapping[str, list[str]] | list[str]] = json.loads(
        output.stdout.splitlines()[-1]
    )
    return result


class StatesTestCase(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.need(ironic.Ironic.missing())
        self.verbs: Mapping[str, list[str]] = machine()["verbs"]  # type: ignore[assignment]
        self.assertIn("deleted", self.verbs["active"])

    def assert_allowed(self, table: Mapping[str, str]) -> None:
        refused = {state: verb for state, verb in table.items() if verb not in self.verbs[state]}
        self.assertEqual({}, refused)


class TestService(StatesTestCase):
    def test_every_way_out_is_one_in_ironic(self) -> None:
        self.assert_allowed(states.WAY_OUT)

    def test_every_state_of_ironic_is_in_exactly_one_table(self) -> None:
        tables = (states.DELETABLE - {None}, states.PASSING, states.BUSY, set(states.WAY_OUT))
        counts = {state: sum(state in table for table in tables) for state in self.verbs}
        self.assertEqual(dict.fromkeys(self.verbs, 1), counts)

    def test_every_way_out_leads_to_a_state_in_which_ironic_deletes_a_node(self) -> None:
        deletable = {*machine()["deletable"], "available"}
        self.assertEqual(deletable, states.DELETABLE - {None})
        unstable = {*machine()["unstable"]}
        self.assertEqual(set(), unstable - states.PASSING - states.BUSY - set(states.WAY_OUT))
        self.assertEqual(set(), (states.PASSING | states.BUSY) - unstable)

    def test_every_state_has_advice_that_names_a_command_or_a_wait(self) -> None:
        for state in set(self.verbs) - states.DELETABLE:
            advice = states.advice(state, "n")
            self.assertRegex(advice, r"openstack baremetal node \w+ n|Wait until its state")


class TestPlugin(testscenarios.WithScenarios, StatesTestCase):
    scenarios: ClassVar = [
        (name, {"table": getattr(provision_states, name)})
        for name in ("AVAILABLE", "ACTIVE", "UNDEPLOYED", "REMOVABLE")
    ]
    table: Actions

    def test_every_request_is_allowed_in_its_state(self) -> None:
        self.assert_allowed(
            {
                state: action.verb
                for state, action in self.table.items()
                if isinstance(action, Request)
            }
        )

    def test_every_state_is_one_of_ironic(self) -> None:
        self.assertEqual({"gone"}, set(self.table) - set(self.verbs) | {"gone"})


class TestPluginsAdvice(StatesTestCase):
    def test_every_way_out_is_one_in_ironic(self) -> None:
        self.assert_allowed(provision_states.WAY_OUT)

    def test_every_state_in_which_undeploying_fails_has_a_way_out(self) -> None:
        failing = set(self.verbs) - set(provision_states.UNDEPLOYED)
        self.assertEqual({"clean failed", "clean hold"}, failing)
        for state in {*failing, *machine()["failed"]}:
            self.assertIn("openstack baremetal node", provision_states.advice(state, "n"))

    def test_the_fake_ironic_allows_no_verb_that_ironic_does_not(self) -> None:
        for state, verbs in fake_nodes.VERBS.items():
            self.assertEqual(set(), set(verbs) - set(self.verbs[state]), state)
        self.assertEqual({*machine()["deletable"], "available"}, fake_nodes.DELETABLE)
