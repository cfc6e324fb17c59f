# SPDX-License-Identifier: Apache-2.0

"""An engine stops in the middle of its work, and the next one recovers it."""

import dataclasses
from typing import Any

from tests.unit.integration import base
from tests.unit.integration import mogan_world as world


class RestartTestCase(world.MoganTestCase):
    #: Operations wait for the test, however long it takes on a slow machine.
    limits = dataclasses.replace(base.LIMITS, compose_timeout=120, give_back_timeout=120)

    def interrupt(self, host: str = "engine-1") -> Any:
        """Stop an engine while it composes a server, as a kill would; return the server."""
        manager, server = self.start(host), self.add_server()
        self.valence.polls = 1_000_000
        self.request(manager, server)
        self.wait_for(lambda: self.valence.nodes.all())
        self.stop(manager)
        self.valence.polls = 0
        for row in self.valence.nodes.all():
            row["_looks"] = 0
        return self.read(server)


class TestRestart(RestartTestCase):
    def test_a_server_that_was_being_created_is_released_and_has_the_reason(self) -> None:
        server = self.interrupt()
        self.assertEqual(("building", True), (server.status, server.composed))
        self.start()
        self.join()
        failed = self.read(server)
        self.assertEqual(
            ("error", False, None), (failed.status, failed.composed, failed.node_uuid)
        )
        self.assertIn("mogan-engine stopped", self.contract.FAULTS[-1]["message"])
        self.assertEqual(("create", "error"), self.contract.NOTIFIED[-1][:2])
        self.assertEqual(0, self.quota.in_use)
        self.assert_nothing_is_left()

    def test_a_server_that_was_only_marked_ends_the_same_way(self) -> None:
        manager = self.start()
        server = manager.composer.mark(self.context, self.add_server())
        self.stop(manager)
        self.start()
        self.join()
        self.assertEqual(("error", False), (self.read(server).status, self.read(server).composed))
        self.assertEqual([], self.valence.calls)

    def test_a_server_whose_deletion_was_requested_is_deleted(self) -> None:
        server = self.interrupt()
        server.status = "deleting"
        server.save()
        self.start()
        self.join()
        self.assertTrue(self.is_deleted(server))
        self.assert_nothing_is_left()

    def test_a_deletion_continues(self) -> None:
        manager = self.start()
        server = self.create(manager)
        self.valence.fail("release", reason="not now", times=100)
        server.status = "deleting"
        server.save()
        self.stop(manager)
        self.valence._moves._failures.clear()
        self.start()
        self.join()
        self.assertTrue(self.is_deleted(server))
        self.assert_nothing_is_left()

    def test_an_active_server_stays_active(self) -> None:
        manager = self.start()
        server = self.create(manager)
        self.stop(manager)
        self.start()
        self.join()
        self.assertEqual(("active", True), (self.read(server).status, self.read(server).composed))

    def test_servers_of_another_engine_or_of_this_run_are_not_changed(self) -> None:
        other = self.start("engine-2")
        other_server = other.composer.mark(self.context, self.add_server())
        self.stop(other)
        manager = self.start()
        own_server = manager.composer.mark(self.context, self.add_server())
        manager.lifecycle.recover(self.context)
        self.join()
        for server in (other_server, own_server):
            self.assertEqual("building", self.read(server).status)

    def test_a_failed_release_is_reported_and_the_server_keeps_its_node(self) -> None:
        server = self.interrupt()
        self.valence.fail("release", reason="the pod is on fire", times=9)
        manager = self.start()
        self.join()
        self.assertIn("the pod is on fire", self.contract.FAULTS[-1]["message"])
        self.assertEqual(("error", True), (self.read(server).status, self.read(server).composed))
        self.valence._moves._failures.clear()
        self.delete(manager, server)
        self.assert_nothing_is_left()
