# SPDX-License-Identifier: Apache-2.0

"""One line for each change of an instance's state, and no secret in any line."""

import dataclasses
from typing import Any

from tests import log_lines
from tests.unit.integration import base
from tests.unit.integration import test_provisioning
from valence_integration.peers import clients
from valence_integration.peers.ironic import IronicNodes
from valence_integration.tasks.context import Tools

SECRET = "correct-horse-battery"


class TestSecrets(test_provisioning.ProvisionerTestCase):
    def make_tools(self, **limits: Any) -> Tools:
        """Speak to Ironic through the client that a configuration makes."""

        def connect() -> Any:
            made = clients.ironic(self.conf)
            made.http_client.session.mount(self.ironic.url, self.ironic.wire)
            return made

        ironic = IronicNodes(connect)
        return dataclasses.replace(super().make_tools(**limits), ironic=ironic)

    def setUp(self) -> None:
        super().setUp()
        self.conf.set_override("endpoint_override", self.ironic.url, "ironic")
        self.log = self.useFixture(log_lines.LogLines())
        self.start()

    def test_no_line_holds_what_a_user_wants_deployed(self) -> None:
        wishes = {**base.DEPLOY, "configdrive": {"meta_data": {"password": SECRET}}}
        self.wait(self.provision(deploy=wishes).uuid)
        self.assertEqual([{"meta_data": {"password": SECRET}}], self.ironic.configdrives)
        self.assertEqual([], [line for line in self.log.lines() if SECRET in line])


class TestLog(test_provisioning.ProvisionerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(log_lines.LogLines())
        self.start()

    def test_each_change_is_one_line(self) -> None:
        uuid = self.wait(self.provision().uuid).uuid
        self.provision(uuid=None, name="other")
        self.provisioner.destroy(uuid)
        self.provisioner.destroy(uuid)
        self.wait(uuid)
        self.assertEqual(
            [
                "(new) -> provisioning 1",
                "provisioning -> active 1",
                "active -> destroying 2",
                "destroying -> deleted 2",
            ],
            self.log.changes(uuid),
        )

    def test_so_it_is_when_an_instance_fails_and_is_tried_again(self) -> None:
        self.valence.fail("compose", reason="No drive.")
        uuid = self.failed(self.provision().uuid).instance.uuid
        self.provisioner.retry(uuid)
        self.wait(uuid)
        self.assertEqual(
            [
                "(new) -> provisioning 1",
                "provisioning -> error 1",
                "error -> provisioning 2",
                "provisioning -> active 2",
            ],
            self.log.changes(uuid),
        )

    def test_so_it_is_when_a_destruction_waits_for_the_end_of_a_provision(self) -> None:
        self.valence.polls = 1_000_000
        uuid = self.provision().uuid
        self.provisioner.destroy(uuid)
        self.valence.polls = 0
        for row in self.valence.nodes.all():
            row["_looks"] = 0
        self.wait(uuid)
        self.assertEqual(
            ["(new) -> provisioning 1", "provisioning -> destroying 1", "destroying -> deleted 1"],
            self.log.changes(uuid),
        )

    def test_a_request_that_is_repeated_changes_nothing_and_says_nothing(self) -> None:
        asked = self.provision()
        self.provision(uuid=asked.uuid)
        self.wait(asked.uuid)
        self.assertEqual(2, len(self.log.changes(asked.uuid)))
