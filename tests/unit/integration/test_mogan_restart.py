# SPDX-License-Identifier: Apache-2.0

"""An engine that stops in the middle, and the next one that finds what it left."""

import dataclasses
from typing import Any

from tests.unit.integration import base
from tests.unit.integration import mogan_world as world


class RestartTestCase(world.MoganTestCase):
    #: An operation that waits for a test takes as long as the test does.
    limits = dataclasses.replace(base.LIMITS, compose_timeout=120, give_back_timeout=120)

    def interrupted(self, host: str = "engine-1") -> Any:
        """Have an engine stop while it composes a server, as a killed one would."""
        manager, server = self.start(host), self.server()
        self.valence.polls = 1_000_000
        self.ask_for(manager, server)
        world.until(lambda: self.valence.nodes.all())
        self.stop(manager)
        self.valence.polls = 0
        for row in self.valence.nodes.all():
            row["_looks"] = 0
        return self.read(server)


class TestRestart(RestartTestCase):
    def test_a_server_that_was_being_created_is_given_back_and_says_why(self) -> None:
        server = self.interrupted()
        self.assertEqual(("building", True), (server.status, server.composed))
        self.start()
        self.join()
        ended = self.read(server)
        self.assertEqual(("error", False, None), (ended.status, ended.composed, ended.node_uuid))
        self.assertIn("mogan-engine stopped", self.contract.FAULTS[-1]["message"])
        self.assertEqual(("create", "error"), self.contract.NOTIFIED[-1][:2])
        self.assertEqual(0, self.quota.in_use)
        self.assert_nothing_is_left()

    def test_a_server_that_was_marked_only_ends_the_same_way(self) -> None:
        manager = self.start()
        server = manager.composer.mark(self.context, self.server())
        self.stop(manager)
        self.start()
        self.join()
        self.assertEqual(("error", False), (self.read(server).status, self.read(server).composed))
        self.assertEqual([], self.valence.calls)

    def test_a_server_that_was_deleted_meanwhile_is_deleted(self) -> None:
        server = self.interrupted()
        server.status = "deleting"
        server.save()
        self.start()
        self.join()
        self.assertTrue(self.is_gone(server))
        self.assert_nothing_is_left()

    def test_a_deletion_goes_on(self) -> None:
        manager = self.start()
        server = self.created(manager)
        self.valence.fail("release", reason="not now", times=100)
        server.status = "deleting"
        server.save()
        self.stop(manager)
        self.valence._moves._failures.clear()
        self.start()
        self.join()
        self.assertTrue(self.is_gone(server))
        self.assert_nothing_is_left()

    def test_a_server_that_is_there_stays_there(self) -> None:
        manager = self.start()
        server = self.created(manager)
        self.stop(manager)
        self.start()
        self.join()
        self.assertEqual(("active", True), (self.read(server).status, self.read(server).composed))

    def test_what_another_engine_or_this_run_is_at_is_left_alone(self) -> None:
        other = self.start("engine-2")
        theirs = other.composer.mark(self.context, self.server())
        self.stop(other)
        manager = self.start()
        ours = manager.composer.mark(self.context, self.server())
        manager.story.recover(self.context)
        self.join()
        for server in (theirs, ours):
            self.assertEqual("building", self.read(server).status)

    def test_what_could_not_be_given_back_is_said_and_held(self) -> None:
        server = self.interrupted()
        self.valence.fail("release", reason="the pod is on fire", times=9)
        manager = self.start()
        self.join()
        self.assertIn("the pod is on fire", self.contract.FAULTS[-1]["message"])
        self.assertEqual(("error", True), (self.read(server).status, self.read(server).composed))
        self.valence._moves._failures.clear()
        self.delete(manager, server)
        self.assert_nothing_is_left()
