# SPDX-License-Identifier: Apache-2.0

"""Audits find the nodes that no instance owns, in Ironic and in Valence."""

import dataclasses
from typing import Any
import uuid as uuids

import sqlalchemy as sa

from tests.unit.integration import base
from valence_conductor.job import Outcome
from valence_conductor.job import Result
from valence_conductor.strays import Stray
from valence_integration import ledger
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
        self.ledger = ledger.InstanceLedger(self.task_context)

    def audit(self) -> list[Stray]:
        """Audit; what is found for the first time counts at the next audit."""
        return list(self.ledger.audit()) or list(self.ledger.audit())

    def active(self, *kinds: Any) -> Instance:
        """Return an active instance."""
        instance = self.provisioned(*(kinds or ALL))
        self.ledger.settle(ledger.job_of(instance), Outcome(Result.SUCCESS))
        return self.instances.get(instance.uuid)

    def forget(self, instance: Instance) -> None:
        """Delete the row, as restoring the database from a backup does."""
        self.execute(sa.delete(InstanceRow).where(InstanceRow.uuid == instance.uuid))

    def rewrite(self, instance: Instance, **values: Any) -> None:
        row = InstanceRow.uuid == instance.uuid
        self.execute(sa.update(InstanceRow).where(row).values(**values))

    def execute(self, statement: Any) -> None:
        with self.instances._db.writer() as session:
            session.execute(statement)

    def mark_deleted(self, instance: Instance) -> None:
        """Write ``deleted`` to the row, whatever is left of the instance."""
        self.rewrite(instance, state="deleted")

    def assert_reported(self, strays: list[Stray], kind: str, text: str) -> None:
        self.assertEqual([(kind, False)], [(stray.kind, stray.repaired) for stray in strays])
        self.assertIn(text, strays[0].what)

    def assert_released(self, strays: list[Stray], kind: str) -> None:
        self.assertEqual([(kind, True)], [(stray.kind, stray.repaired) for stray in strays])
        self.assertEqual(({}, []), (self.ironic.nodes, self.composed()))


class TestIronicNodes(AuditTestCase):
    def test_consistent_instances_cost_one_listing_of_each_service(self) -> None:
        self.active()
        self.provisioned(*ALL[:2])
        failed = self.provisioned(*ALL[:2])
        self.ledger.settle(ledger.job_of(failed), Outcome(Result.FAILED))
        before = len(self.ironic.wire.calls), len(self.valence.calls)
        self.assertEqual([], list(self.ledger.audit()))
        requests = len(self.ironic.wire.calls) - before[0], len(self.valence.calls) - before[1]
        self.assertEqual((1, 1), requests)

    def test_a_node_of_no_instance_is_removed_from_ironic_and_released(self) -> None:
        self.forget(self.active(*ALL[:2]))
        self.assert_released(self.audit(), "ironic-node")
        self.assertEqual([], self.audit())

    def test_a_node_of_a_deleted_instance_is_released_as_well(self) -> None:
        self.mark_deleted(self.active(*ALL[:2]))
        self.assert_released(self.audit(), "ironic-node")

    def test_a_deployed_node_is_only_reported(self) -> None:
        self.forget(self.active())
        self.assert_reported(self.audit(), "ironic-node", "it may be in use")
        self.assertEqual((1, 1), (len(self.ironic.nodes), len(self.composed())))

    def test_a_node_that_is_assigned_to_another_instance_is_only_reported(self) -> None:
        instance = self.active(*ALL[:2])
        self.forget(instance)
        self.node_of(instance)["instance_uuid"] = FOREIGN
        self.assert_reported(self.audit(), "ironic-node", f"it is assigned to instance {FOREIGN}")

    def test_a_node_without_the_mark_of_an_installation_is_only_reported(self) -> None:
        instance = self.active(*ALL[:2])
        self.forget(instance)
        del self.node_of(instance)["extra"][enroll.EXTRA_INSTALLATION]
        self.assert_reported(self.audit(), "ironic-node", "it has no mark of the installation")

    def test_a_node_of_another_installation_is_ignored(self) -> None:
        instance = self.active(*ALL[:2])
        self.forget(instance)
        self.node_of(instance)["extra"][enroll.EXTRA_INSTALLATION] = FOREIGN
        self.assertEqual([], self.audit())

    def test_a_node_whose_hardware_an_instance_uses_is_only_reported(self) -> None:
        instance = self.active()
        extra = {**self.node_of(instance)["extra"], enroll.EXTRA: str(uuids.uuid4())}
        self.ironic.add(FOREIGN, extra=extra)
        self.assert_reported(self.audit(), "ironic-node", "belongs to an existing instance")

    def test_nothing_is_released_while_give_back_strays_is_off(self) -> None:
        self.forget(self.active(*ALL[:2]))
        self.ledger = ledger.InstanceLedger(self.make_context(give_back_strays=False))
        self.assert_reported(self.audit(), "ironic-node", "give_back_strays")

    def test_a_node_that_could_not_be_released_is_retried_by_the_next_audit(self) -> None:
        self.forget(self.active(*ALL[:2]))
        self.valence.fail("release", reason="the pod is on fire", times=9)
        self.assert_reported(self.audit(), "ironic-node", "the pod is on fire")
        self.assertEqual(({}, 1), (self.ironic.nodes, len(self.composed())))
        self.valence._moves._failures.clear()
        self.assert_released(self.audit(), "composed-node")

    def test_nothing_is_reported_before_the_grace_period(self) -> None:
        self.forget(self.active(*ALL[:2]))
        self.ledger = ledger.InstanceLedger(self.make_context(stray_grace=60))
        self.assertEqual([], self.audit())
        self.assertEqual(1, len(self.ironic.nodes))


class TestComposedNodes(AuditTestCase):
    def test_a_node_of_a_deleted_instance_is_released(self) -> None:
        """A conductor that was suspended composed it late."""
        self.mark_deleted(self.active(compose.ComposeNodeTask))
        self.assert_released(self.audit(), "composed-node")

    def test_a_node_of_an_earlier_attempt_is_released_and_the_present_one_stays(self) -> None:
        instance = self.active()
        self.compose(f"instance {instance.uuid} of {self.instances.installation()}")
        self.assertEqual([("composed-node", True)], [(s.kind, s.repaired) for s in self.audit()])
        self.assertEqual([instance.node_uuid], self.composed())

    def test_nodes_of_other_clients_are_ignored(self) -> None:
        unknown = str(uuids.uuid4())
        for description in (f"instance {unknown}", f"instance {unknown} of {FOREIGN}", None):
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
        self.assert_reported(self.audit(), "row", "is gone from Ironic")
        self.valence.nodes.remove(self.valence.nodes.get(str(instance.node_uuid)))
        self.assert_reported(self.audit(), "row", "is gone from Ironic and from Valence")
        self.assertEqual("active", self.instances.get(instance.uuid).state)

    def test_absence_from_a_listing_is_verified(self) -> None:
        instance = self.active()
        hidden = self.ironic.nodes
        listing = self.task_context.ironic.marked
        self.task_context.ironic.marked = lambda *keys: [n for n in listing(*keys) if not hidden]  # type: ignore[method-assign]
        self.assertEqual([], self.audit())
        self.assertEqual("active", self.instances.get(instance.uuid).state)

    def test_an_unavailable_service_is_skipped_and_the_other_one_is_audited(self) -> None:
        self.forget(self.active(*ALL[:2]))
        instance = self.active()
        del self.ironic.nodes[str(instance.ironic_uuid)]
        self.valence._wire.troubles.clear()
        self.ironic.answer("GET", "/v1/nodes/?", 503, "Busy.")
        self.assertEqual([], list(self.ledger.audit()))
        calls = [call.path for call in self.valence.calls[-1:]]
        self.assertEqual(["/v1/nodes"], calls)
        list(self.ledger.audit())  # the first sighting
        self.assertEqual(2, len(list(self.ledger.audit())))


class TestCounts(AuditTestCase):
    def test_rows_are_counted_by_state(self) -> None:
        self.active()
        self.add_instance()
        self.add_instance()
        counts = {"provisioning": 2, "active": 1, "destroying": 0, "deleted": 0, "error": 0}
        self.assertEqual(counts, self.ledger.count_by_state())
