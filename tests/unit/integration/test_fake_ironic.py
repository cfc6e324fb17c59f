# SPDX-License-Identifier: Apache-2.0

"""The fake Ironic has the rules on which the reverts rely."""

import uuid as uuids

from ironicclient import exc

from tests import base
from tests.unit.integration import fake_ironic


class TestFakeIronic(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.ironic = fake_ironic.FakeIronic()

    def test_it_deletes_no_node_that_has_an_instance_or_is_deployed(self) -> None:
        client = self.ironic.client()
        for fields in ({"instance_uuid": "x"}, {"state": "active"}, {"state": "verifying"}):
            node = self.ironic.add(str(uuids.uuid4()), **fields)
            failure = self.assertRaises(exc.Conflict, client.node.delete, node["uuid"])
            self.assertEqual(409, failure.http_status)

    def test_it_accepts_verbs_only_where_ironic_does(self) -> None:
        client = self.ironic.client()
        for state, verb in (("enroll", "active"), ("available", "deleted"), ("active", "manage")):
            node = self.ironic.add(str(uuids.uuid4()), state)
            failure = self.assertRaises(
                exc.BadRequest, client.node.set_provision_state, node["uuid"], verb
            )
            self.assertEqual(400, failure.http_status)

    def test_undeploying_removes_the_instance(self) -> None:
        client = self.ironic.client()
        node = self.ironic.add("n", "active", instance_uuid="x", instance_info={"a": 1})
        client.node.set_provision_state("n", "deleted")
        while node["provision_state"] in fake_ironic.PASSING:
            client.node.get("n")
        self.assertEqual(("available", None), (node["provision_state"], node["instance_uuid"]))
