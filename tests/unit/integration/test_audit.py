# SPDX-License-Identifier: Apache-2.0

"""What no instance owns, in Ironic and in Valence."""

import dataclasses
from typing import Any
import uuid as uuids

import sqlalchemy as sa

from tests.unit.integration import base
from valence_conductor.job import Outcome
from valence_conductor.job import Result
from valence_conductor.strays import Stray
from valence_integration import ledger
from valence_integration.audit import Audit
from valence_integration.db.models import InstanceRow
from valence_integration.objects.instance import Instance
from valence_integration.tasks import compose
from valence_integration.tasks import deploy
from valence_integration.tasks import enroll

ALL = (compose.ComposeNodeTask, enroll.EnrollNodeTask, deploy.DeployNodeTask)
FOREIGN = "99999999-9999-4999-8999-999999999999"


class AuditTestCase(base.TaskTestCase):
    limits = dataclasses.replace(base.LIMITS, stray_grace=0)

    def setUp(self) -> None:
        super().setUp()
        self.ledger = ledger.InstanceLedger(self.tools)

    def audit(self) -> list[Stray]:
        return list(self.ledger.audit())

    def active(self, *kinds: Any) -> Instance:
        """Have an instance that stands."""
        instance = self.provisioned(*(kinds or ALL))
        self.ledger.settle(ledger.job_of(instance), Outcome(Result.SUCCESS))
        return self.instances.get(instance.uuid)

    def forget(self, instance: Instance) -> None:
        """Lose the row, as a database that is restored from a backup does."""
        self.execute(sa.delete(InstanceRow).where(InstanceRow.uuid == instance.uuid))

    def rewrite(self, instance: Instance, **values: Any) -> None:
        row = InstanceRow.uuid == instance.uuid
        self.execute(sa.update(InstanceRow).where(row).values(**values))

    def execute(self, statement: Any) -> None:
        with self.instances._db.writer() as session:
            session.execute(statement)

    def bury(self, instance: Instance) -> None:
        """Let the row say deleted, whatever is left."""
        self.rewrite(instance, state="deleted")

    def assert_left(self, strays: list[Stray], kind: str, words: str) -> None:
        self.assertEqual([(kind, False)], [(stray.kind, stray.repaired) for stray in strays])
        self.assertIn(words, strays[0].what)

    def assert_given_back(self, strays: list[Stray], kind: str) -> None:
        self.assertEqual([(kind, True)], [(stray.kind, stray.repaired) for stray in strays])
        self.assertEqual(({}, []), (self.ironic.nodes, self.composed()))


class TestIronicNodes(AuditTestCase):
    def test_nothing_is_odd_about_instances_in_order(self) -> None:
        self.active()
        self.provisioned(*ALL[:2])
        failed = self.provisioned(*ALL[:2])
        self.ledger.settle(ledger.job_of(failed), Outcome(Result.FAILED))
        before = len(self.ironic.wire.calls), len(self.valence.calls)
        self.assertEqual([], self.audit())
        spent = len(self.ironic.wire.calls) - before[0], len(self.valence.calls) - before[1]
        self.assertEqual((1, 1), spent)

    def test_a_node_of_no_instance_leaves_ironic_and_is_released(self) -> None:
        self.forget(self.active(*ALL[:2]))
        self.assert_given_back(self.audit(), "ironic-node")
        self.assertEqual([], self.audit())

    def test_a_node_of_a_deleted_instance_is_given_back_as_well(self) -> None:
        self.bury(self.active(*ALL[:2]))
        self.assert_given_back(self.audit(), "ironic-node")

    def test_a_deployed_node_is_reported_and_left_alone(self) -> None:
        self.forget(self.active())
        self.assert_left(self.audit(), "ironic-node", "it may be in use")
        self.assertEqual((1, 1), (len(self.ironic.nodes), len(self.composed())))

    def test_a_node_that_was_given_to_somebody_else_is_left_alone(self) -> None:
        instance = self.active(*ALL[:2])
        self.forget(instance)
        self.node_of(instance)["instance_uuid"] = FOREIGN
        self.assert_left(self.audit(), "ironic-node", f"it was given to instance {FOREIGN}")

    def test_a_node_that_does_not_say_whose_it_is_is_reported(self) -> None:
        instance = self.active(*ALL[:2])
        self.forget(instance)
        del self.node_of(instance)["extra"][enroll.EXTRA_INSTALLATION]
        self.assert_left(self.audit(), "ironic-node", "does not say which installation")

    def test_a_node_of_another_installation_is_none_of_our_business(self) -> None:
        instance = self.active(*ALL[:2])
        self.forget(instance)
        self.node_of(instance)["extra"][enroll.EXTRA_INSTALLATION] = FOREIGN
        self.assertEqual([], self.audit())

    def test_a_node_whose_hardware_an_instance_uses_is_left_alone(self) -> None:
        instance = self.active()
        extra = {**self.node_of(instance)["extra"], enroll.EXTRA: str(uuids.uuid4())}
        self.ironic.add(FOREIGN, extra=extra)
        self.assert_left(self.audit(), "ironic-node", "belongs to an instance that lives")

    def test_nothing_is_given_back_while_that_is_switched_off(self) -> None:
        self.forget(self.active(*ALL[:2]))
        self.ledger = ledger.InstanceLedger(self.make_tools(give_back_strays=False))
        self.assert_left(self.audit(), "ironic-node", "give_back_strays")

    def test_what_cannot_be_given_back_is_tried_again_by_the_next_audit(self) -> None:
        self.forget(self.active(*ALL[:2]))
        self.valence.fail("release", reason="the pod is on fire", times=9)
        self.assert_left(self.audit(), "ironic-node", "the pod is on fire")
        self.assertEqual(({}, 1), (self.ironic.nodes, len(self.composed())))
        self.valence._moves._failures.clear()
        self.assert_given_back(self.audit(), "composed-node")

    def test_nothing_counts_at_first_sight(self) -> None:
        self.forget(self.active(*ALL[:2]))
        self.ledger = ledger.InstanceLedger(self.make_tools(stray_grace=60))
        self.assertEqual([], self.audit())
        self.assertEqual(1, len(self.ironic.nodes))


class TestComposedNodes(AuditTestCase):
    def test_a_node_of_a_deleted_instance_is_released(self) -> None:
        """A conductor that woke up late composed it."""
        self.bury(self.active(compose.ComposeNodeTask))
        self.assert_given_back(self.audit(), "composed-node")

    def test_a_node_of_another_attempt_is_released_and_the_present_one_stays(self) -> None:
        instance = self.active()
        self.compose(f"instance {instance.uuid} of {self.instances.installation()}")
        self.assertEqual([("composed-node", True)], [(s.kind, s.repaired) for s in self.audit()])
        self.assertEqual([instance.node_uuid], self.composed())

    def test_what_others_composed_is_none_of_our_business(self) -> None:
        nobody = str(uuids.uuid4())
        for description in (f"instance {nobody}", f"instance {nobody} of {FOREIGN}", None):
            self.compose(description)
        self.assertEqual([], self.audit())
        self.assertEqual(3, len(self.composed()))

    def compose(self, description: str | None) -> None:
        nodes = self.valence.client().nodes
        nodes.create(properties=base.PROPERTIES, description=description, wait=True)


class TestRows(AuditTestCase):
    def test_an_instance_whose_node_vanished_is_reported_and_stays(self) -> None:
        instance = self.active()
        del self.ironic.nodes[str(instance.ironic_uuid)]
        self.assert_left(self.audit(), "row", "is gone from Ironic")
        self.valence.nodes.remove(self.valence.nodes.get(str(instance.node_uuid)))
        self.assert_left(self.audit(), "row", "is gone from Ironic and from Valence")
        self.assertEqual("active", self.instances.get(instance.uuid).state)

    def test_a_listing_that_left_something_out_is_not_believed(self) -> None:
        instance = self.active()
        hidden = self.ironic.nodes
        listing = self.tools.ironic.marked
        self.tools.ironic.marked = lambda key: [n for n in listing(key) if not hidden]  # type: ignore[method-assign]
        self.assertEqual([], self.audit())
        self.assertEqual("active", self.instances.get(instance.uuid).state)

    def test_a_service_that_is_silent_says_nothing_and_the_other_one_is_looked_at(self) -> None:
        self.forget(self.active(*ALL[:2]))
        instance = self.active()
        del self.ironic.nodes[str(instance.ironic_uuid)]
        self.valence._wire.troubles.clear()
        self.ironic.answer("GET", "/v1/nodes/?", 503, "Busy.")
        self.assertEqual([], self.audit())
        calls = [call.path for call in self.valence.calls[-1:]]
        self.assertEqual(["/v1/nodes"], calls)
        self.assertEqual(2, len(self.audit()))


class TestCensus(AuditTestCase):
    def test_rows_are_counted_by_state(self) -> None:
        self.active()
        self.ask()
        self.ask()
        counted = {"provisioning": 2, "active": 1, "destroying": 0, "deleted": 0, "error": 0}
        self.assertEqual(counted, self.ledger.count_by_state())

    def test_an_audit_has_its_own_memory(self) -> None:
        self.assertEqual([], Audit(self.tools).look())
