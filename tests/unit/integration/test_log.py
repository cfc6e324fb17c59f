# SPDX-License-Identifier: Apache-2.0

"""One log line for each change of an instance's state, and no secrets in the log."""

import dataclasses
from typing import Any

from tests import log_lines
from tests.unit.integration import base
from tests.unit.integration import test_provisioning
from valence_integration.peers import clients
from valence_integration.peers.ironic import IronicNodes
from valence_integration.tasks.context import Context

SECRET = "correct-horse-battery"


class TestSecrets(test_provisioning.ProvisionerTestCase):
    def make_context(self, **limits: Any) -> Context:
        """Use the client of Ironic that the configuration describes."""

        def connect() -> Any:
            client = clients.ironic(self.conf)
            client.http_client.session.mount(self.ironic.url, self.ironic.wire)
            return client

        ironic = IronicNodes(connect)
        return dataclasses.replace(super().make_context(**limits), ironic=ironic)

    def setUp(self) -> None:
        super().setUp()
        self.conf.set_override("endpoint_override", self.ironic.url, "ironic")
        self.log = self.useFixture(log_lines.LogLines())
        self.start()

    def test_no_line_has_the_secrets_of_a_deployment(self) -> None:
        fields = {**base.DEPLOY, "configdrive": {"meta_data": {"password": SECRET}}}
        self.wait(self.provision(deploy=fields).uuid)
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

    def test_a_failure_and_a_retry_are_one_line_each(self) -> None:
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

    def test_a_destruction_that_waits_for_the_end_of_a_provision_is_one_line(self) -> None:
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

    def test_a_repeated_request_logs_nothing(self) -> None:
        requested = self.provision()
        self.provision(uuid=requested.uuid)
        self.wait(requested.uuid)
        self.assertEqual(2, len(self.log.changes(requested.uuid)))
