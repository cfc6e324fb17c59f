# SPDX-License-Identifier: Apache-2.0

"""Nothing counts as gone, and nothing as released, unless the services themselves say so."""

from collections.abc import Callable
from typing import Any

import testscenarios

from tests.fake_ironic import routes
from tests.unit.integration import base
from tests.unit.integration import test_audit
from valence_conductor.errors import Fault
from valence_integration import errors
from valence_integration.objects.instance import Instance
from valence_integration.tasks import compose
from valence_integration.tasks import deploy
from valence_integration.tasks import enroll

ALL = (compose.ComposeNodeTask, enroll.EnrollNodeTask, deploy.DeployNodeTask)
DESTROY = (
    deploy.UndeployNodeTask,
    enroll.UnregisterNodeTask,
    enroll.ConfirmForgottenTask,
    compose.ReleaseNodeTask,
)
HTML = "<html><head><title>404 Not Found</title></head></html>"
FOREVER = 100_000


class AbsenceTestCase(base.TaskTestCase):
    def active(self) -> Instance:
        """Return an active instance."""
        instance = self.provisioned(*ALL)
        self.instances.write(instance.uuid, 1, "provisioning", state="active")
        return self.instances.get(instance.uuid)

    def destroy(self, instance: Instance) -> Instance:
        """Run all tasks that destroy an instance."""
        instance = self.instances.request_destroy(instance.uuid)[0]
        for kind in DESTROY:
            self.run_task(kind, instance)
        return self.instances.get(instance.uuid)

    def assert_held(self, instance: Instance) -> Fault:
        """Check that the destruction fails, and that the row still has its hardware."""
        fault: Fault = self.assertRaises(Fault, self.destroy, instance)
        self.assertIs(True, self.instances.get(instance.uuid).composed)
        return fault


#: (name, status, body) of responses from which nothing follows about a node.
ANSWERS: list[tuple[str, int, Any]] = [
    ("404 of a proxy", 404, HTML),
    ("404 without a body", 404, None),
    ("404 of another service", 404, {"error": {"code": 404, "message": "Not found."}}),
    ("404 for a path", 404, routes.error("The resource could not be found.")),
    ("403", 403, routes.error("Access was denied.")),
    ("410", 410, HTML),
    ("500", 500, routes.error("Oops")),
    ("200 with a page", 200, HTML),
    ("200 of another service", 200, {"servers": []}),
]


class TestIronicsAnswers(testscenarios.WithScenarios, AbsenceTestCase):
    scenarios = [(name, {"answer": (status, body)}) for name, status, body in ANSWERS]
    answer: tuple[int, Any]

    def respond(self, path: str) -> None:
        self.ironic.raw_answer("GET", path, *self.answer, times=FOREVER)

    def test_an_ironic_that_answers_so_to_everything_has_not_lost_the_node(self) -> None:
        instance = self.active()
        self.respond(".*")
        self.assert_held(instance)
        self.assertEqual([instance.node_uuid], self.composed())

    def test_a_node_is_not_gone_for_such_an_answer(self) -> None:
        self.respond("/v1/nodes/.*")
        self.assertRaises(Fault, self.task_context.ironic.find, test_audit.FOREIGN)

    def test_a_listing_that_fails_confirms_nothing(self) -> None:
        instance = self.active()
        self.respond("/v1/nodes/?")
        self.assert_held(instance)
        self.assertEqual([instance.node_uuid], self.composed())


class TestValencesAnswers(testscenarios.WithScenarios, AbsenceTestCase):
    scenarios = [
        (name, {"answer": (status, body)})
        for name, status, body in [
            *ANSWERS[:3],
            (
                "404 for a path",
                404,
                {"errors": [{"code": "valence.request.unknown_path", "detail": "No path."}]},
            ),
            ("403", 403, {"errors": [{"code": "valence.request.forbidden", "detail": "No."}]}),
            *ANSWERS[5:],
        ]
    ]
    answer: tuple[int, Any]

    def test_a_valence_that_answers_so_to_everything_has_not_released_the_node(self) -> None:
        instance = self.active()
        self.valence.answer("GET", ".*", *self.answer, times=FOREVER)
        self.assert_held(instance)
        self.assertEqual([instance.node_uuid], self.composed())

    def test_a_listing_that_fails_confirms_no_release(self) -> None:
        instance = self.active()
        self.valence.answer("GET", "/v1/nodes", *self.answer, times=FOREVER)
        self.assert_held(instance)
        self.valence._wire.troubles.clear()
        self.run_task(compose.ReleaseNodeTask, self.instances.get(instance.uuid))
        self.assertIs(False, self.instances.get(instance.uuid).composed)

    def test_no_retry_is_allowed_on_such_an_answer(self) -> None:
        instance = self.provisioned(compose.ComposeNodeTask)
        self.valence.answer("GET", "/v1/nodes/.*", *self.answer, times=FOREVER)
        self.assertRaises(Fault, self.task_context.valence.find, instance.node_uuid)


class TestReplacedDatabases(AbsenceTestCase):
    def test_an_ironic_without_any_node_of_the_active_instances_confirms_nothing(self) -> None:
        instance, other = self.active(), self.active()
        self.ironic.nodes.clear()
        fault = self.assert_held(instance)
        self.assertEqual(errors.WRONG_DATABASE, fault.details["code"])
        self.assertIn("[ironic]", str(fault))
        self.assertEqual({instance.node_uuid, other.node_uuid}, set(self.composed()))

    def test_a_valence_without_any_node_of_the_active_instances_confirms_nothing(self) -> None:
        instance, _other = self.active(), self.active()
        self.valence.nodes._rows.clear()
        self.ironic.nodes.pop(str(instance.ironic_uuid))
        fault = self.assert_held(instance)
        self.assertEqual(errors.WRONG_DATABASE, fault.details["code"])
        self.assertIn("[valence]", str(fault))

    def test_one_node_that_was_deleted_by_hand_is_gone(self) -> None:
        instance, other = self.active(), self.active()
        del self.ironic.nodes[str(instance.ironic_uuid)]
        self.assertIs(False, self.destroy(instance).composed)
        self.assertEqual([other.node_uuid], self.composed())

    def test_a_node_that_is_still_listed_is_not_gone(self) -> None:
        instance = self.active()
        self.ironic.answer(
            "GET",
            f"/v1/nodes/{instance.ironic_uuid}",
            404,
            f"Node {instance.ironic_uuid} could not be found.",
            times=FOREVER,
        )
        fault = self.assert_held(instance)
        self.assertIn(fault.details["code"], (errors.STILL_OWNED, "valence.ironic.refused"))

    def test_a_composed_node_that_is_still_listed_is_not_released(self) -> None:
        instance = self.provisioned(compose.ComposeNodeTask)
        missing = {"errors": [{"code": "valence.node.not_found", "detail": "There is none."}]}
        self.valence.answer("GET", "/v1/nodes/.*", 404, missing, times=FOREVER)
        fault = self.assertRaises(Fault, self.revert_task, compose.ComposeNodeTask, instance)
        self.assertEqual(errors.STILL_COMPOSED, fault.details["code"])
        self.assertIs(True, self.instances.get(instance.uuid).composed)


class TestChanges(AbsenceTestCase):
    """After a change the state decides, whatever the change was answered with."""

    def changes(self, done: bool) -> list[Callable[[], None]]:
        """Return what may happen to a request to release a node."""

        def answer(status: int, body: Any) -> Callable[[], None]:
            return lambda: self.valence.answer("DELETE", ".*", status, body, done=done)

        return [
            *(answer(status, None) for status in (200, 202, 204, 404, 410, 500, 502, 503)),
            answer(409, {"errors": [{"code": "valence.node.busy", "detail": "Busy."}]}),
            answer(409, {"errors": [{"code": "valence.podmanager.refused", "detail": "No."}]}),
            answer(200, HTML),
            lambda: self.valence.lose("DELETE", ".*", done=done),
        ]

    def test_a_release_that_was_carried_out_is_done(self) -> None:
        for change in self.changes(done=True):
            instance = self.provisioned(compose.ComposeNodeTask)
            change()
            self.revert_task(compose.ComposeNodeTask, instance)
            self.valence._wire.troubles.clear()
            self.assertEqual([], self.composed())

    def test_a_release_that_was_not_carried_out_is_never_reported(self) -> None:
        for change in self.changes(done=False):
            instance = self.provisioned(compose.ComposeNodeTask)
            change()
            try:
                self.revert_task(compose.ComposeNodeTask, instance)
            except Fault:
                self.assertIs(True, self.instances.get(instance.uuid).composed)
                self.revert_task(compose.ComposeNodeTask, instance)
            self.valence._wire.troubles.clear()
            self.assertEqual([], self.composed())

    def test_a_locked_node_that_only_ironic_has_is_waited_for_and_deleted(self) -> None:
        instance = self.provisioned(compose.ComposeNodeTask)
        extra = {enroll.EXTRA: instance.uuid}
        self.ironic.add(str(instance.ironic_uuid), extra=extra)
        locked = f"Node {instance.ironic_uuid} is locked by host lab, please retry."
        self.ironic.answer("DELETE", "/v1/nodes/.*", 409, locked, times=3)
        context = self.make_context(busy_timeout=20)
        self.revert_task(enroll.EnrollNodeTask, instance, context)
        self.assertEqual({}, self.ironic.nodes)

    def test_a_protected_node_is_refused_at_once_with_ironics_words(self) -> None:
        instance = self.provisioned(compose.ComposeNodeTask)
        self.ironic.add(
            str(instance.ironic_uuid), protected=True, extra={enroll.EXTRA: instance.uuid}
        )
        fault = self.assertRaises(Fault, self.revert_task, enroll.EnrollNodeTask, instance)
        self.assertEqual(errors.IRONIC_REFUSED, fault.details["code"])
        self.assertIn("protected", fault.details["reason"])
        self.assertNotIn("credentials", str(fault))
        deletions = [call for call in self.ironic.wire.calls if call.method == "DELETE"]
        self.assertEqual(1, len(deletions))

    def test_rejected_credentials_are_named(self) -> None:
        instance = self.provisioned(compose.ComposeNodeTask)
        words = "The request requires authentication."
        self.ironic.answer("GET", ".*", 401, words, times=FOREVER)
        fault = self.assertRaises(Fault, self.revert_task, enroll.EnrollNodeTask, instance)
        self.assertIn("check the credentials in group [ironic]", str(fault))

    def test_another_conflict_is_not_waited_for(self) -> None:
        instance = self.provisioned(compose.ComposeNodeTask, enroll.EnrollNodeTask)
        words = "Instance x is already associated with a node, it cannot be associated."
        self.ironic.answer("PUT", ".*/states/provision", 409, words, times=FOREVER)
        fault = self.assertRaises(Fault, self.run_task, deploy.DeployNodeTask, instance)
        self.assertEqual(words, fault.details["reason"])
        puts = [call.status for call in self.ironic.wire.calls if call.method == "PUT"]
        self.assertEqual(1, puts.count(409))


class TestStrays(test_audit.AuditTestCase):
    def test_a_stray_that_ironic_has_is_not_released_although_valence_reports_otherwise(
        self,
    ) -> None:
        instance = self.active(compose.ComposeNodeTask)
        self.ironic.add(test_audit.FOREIGN, extra={"valence_node": instance.node_uuid})
        self.mark_deleted(instance)
        self.assert_reported(
            self.audit(), "composed-node", f"Ironic has it as node {test_audit.FOREIGN}"
        )
        self.assertEqual([instance.node_uuid], self.composed())

    def test_a_stray_is_not_released_while_ironic_does_not_respond(self) -> None:
        self.mark_deleted(self.active(compose.ComposeNodeTask))
        list(self.ledger.audit())  # the first sighting
        self.ironic.answer("GET", "/v1/nodes/?", 503, "Busy.")
        reported = list(self.ledger.audit())
        self.assert_reported(reported, "composed-node", "Ironic does not respond")
        self.assert_released(list(self.ledger.audit()), "composed-node")
