# SPDX-License-Identifier: Apache-2.0

"""Test cases with a fake Valence and a fake Ironic at the transport, and a real database."""

import dataclasses
import pathlib
import tempfile
from typing import Any
import uuid as uuids

from tests import base
from tests.fake_ironic.transport import FakeIronic
from valence_conductor.db.engine import Database
from valence_integration import conf
from valence_integration import provisioner as provisioner_module
from valence_integration.db.instances import Instances
from valence_integration.objects.instance import Instance
from valence_integration.peers.ironic import IronicNodes
from valence_integration.peers.valence import ValenceNodes
from valence_integration.tasks.context import Context
from valenceclient import testing

LIMITS = conf.Limits(
    compose_timeout=10,
    enroll_timeout=10,
    deploy_timeout=10,
    give_back_timeout=10,
    give_back_attempts=2,
    poll_interval=0.001,
    silence_timeout=0.1,
    busy_timeout=0.1,
)
PROPERTIES = {"processor": {"total_cores": 4}}
DEPLOY = {"instance_info": {"boot_iso": "http://images.test/live.iso"}}


class WorldTestCase(base.TestCase):
    """Valence registers in Ironic what it composes, as in production."""

    limits = LIMITS

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.valence = testing.FakeValence()
        self.ironic = FakeIronic()
        self.valence.on_register = self.ironic.registered
        self.valence.on_unregister = self.ironic.unregistered
        self.instances = self.open_instances()
        self.task_context = self.make_context()

    def open_instances(self) -> Instances:
        db = Database(f"sqlite:///{self.folder}/rows.sqlite")
        self.addCleanup(db.close)
        instances = Instances(db)
        instances.upgrade()
        return instances

    def make_context(self, **limits: Any) -> Context:
        return Context(
            self.instances,
            ValenceNodes(self.valence.client),
            IronicNodes(self.ironic.client),
            dataclasses.replace(self.limits, **limits),
            {"resource_class": "valence"},
        )

    def add_instance(self, **changes: Any) -> Instance:
        """Add the row of a request that no conductor runs."""
        values = {
            "name": "web",
            "requirements": PROPERTIES,
            "flavor": None,
            "deploy": DEPLOY,
            "project_id": None,
            "user_id": None,
            **changes,
        }
        row = provisioner_module._new_row(str(uuids.uuid4()), values)
        return self.instances.add(row)[0]

    def destroying(self, instance: Instance) -> Instance:
        """Move the row to ``destroying``."""
        self.instances.write(instance.uuid, 1, instance.state, state="active")
        return self.instances.request_destroy(instance.uuid)[0]

    def node_of(self, instance: Instance) -> dict[str, Any]:
        return self.ironic.nodes[str(instance.ironic_uuid)]

    def composed(self) -> list[Any]:
        """Return the uuids of the nodes that Valence has."""
        return [row["uuid"] for row in self.valence.nodes.all()]


class TaskTestCase(WorldTestCase):
    """Runs one task, without a flow around it."""

    def run_task(self, kind: Any, instance: Instance, context: Any = None) -> None:
        self._call(kind(name="task").execute, instance, context)

    def revert_task(self, kind: Any, instance: Instance, context: Any = None) -> None:
        revert = kind(name="task").revert
        self._call(
            lambda **kwargs: revert(result=None, flow_failures={}, **kwargs), instance, context
        )

    def _call(self, function: Any, instance: Instance, context: Any) -> None:
        generation = self.instances.get(instance.uuid).generation
        context = context or self.task_context
        function(instance_uuid=instance.uuid, generation=generation, context=context)

    def provisioned(self, *kinds: Any) -> Instance:
        instance = self.add_instance()
        for kind in kinds:
            self.run_task(kind, instance)
        return instance

    def posts(self) -> list[str]:
        return [call.path for call in self.valence.calls if call.method == "POST"]
