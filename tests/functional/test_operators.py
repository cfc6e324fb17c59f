# SPDX-License-Identifier: Apache-2.0

"""What operators do, and what audits repair, on real processes."""

import json
import subprocess
import sys
from typing import Any
import uuid as uuids

import sqlalchemy as sa

from tests.functional import base
from valence import conf as service_conf
from valence import ledger as node_ledger
from valence import ownership
from valence.objects import installation as installation_objects
from valence.objects import podmanager as podmanager_objects
from valence.objects import released_node
from valence_integration import ledger as instance_ledger
from valence_integration import states
from valence_integration.db import models


class TestValenceInstance(base.FunctionalTestCase):
    """The command, in another process than the one that provisions."""

    def run_command(self, *argv: str, status: int = 0) -> Any:
        program = [sys.executable, "-m", "valence_integration.cmd.instance"]
        files = ["--config-file", str(self.lab.plugin.config)]
        done = subprocess.run(
            [*program, *files, *argv], capture_output=True, text=True, timeout=60
        )
        self.assertEqual(status, done.returncode, done.stderr)
        return done

    def test_an_instance_is_watched_shown_and_released(self) -> None:
        uuid = self.provision()
        watched = self.run_command("watch", "--until-settled", uuid).stdout.splitlines()
        self.assertTrue(watched[-1].endswith(f"  {states.ACTIVE}"), watched)
        shown = json.loads(self.run_command("show", uuid, "-f", "json").stdout)
        self.assertEqual((states.ACTIVE, True), (shown["state"], shown["composed"]))
        refused = self.run_command("retry", uuid, status=1).stderr
        self.assertIn("It is active", refused)
        message = self.run_command("release", "--yes", uuid).stderr
        self.assertIn("next sweep", message)
        self.provisioner._conductor.sweep()  # type: ignore[union-attr]
        self.assertEqual(states.DELETED, self.wait(uuid).state)

    def test_a_failed_instance_is_tried_again(self) -> None:
        for pod in self.lab.pods.values():
            pod.misbehave({"node": {"assemble": "fail"}, "times": 1000})
        uuid = self.provision()
        self.run_command("watch", "--until-settled", uuid, status=1)
        for pod in self.lab.pods.values():
            pod.behave()
        self.run_command("retry", uuid)
        self.provisioner._conductor.sweep()  # type: ignore[union-attr]
        instance = self.wait(uuid)
        self.assertEqual((states.ACTIVE, 2), (instance.state, instance.generation))
        self.destroy(uuid)


class TestAudits(base.FunctionalTestCase):
    """Leaked resources are found and released; the pool is compared at the end."""

    def plugin(self) -> instance_ledger.InstanceLedger:
        conf = self.lab.plugin_conf()
        instance_ledger.integration_conf.register_opts(conf)
        conf.set_override("stray_grace", 0, group="valence_integration")
        opened = instance_ledger.open_existing(conf)
        self.addCleanup(opened.instances.close)
        return opened

    def service(self) -> node_ledger.NodeLedger:
        arguments = ["--config-file", str(self.lab.service.config)]
        conf = service_conf.read(arguments, prog="valence-api")
        conf.set_override("stray_grace", 0, group="nodes")
        return node_ledger.load(conf)

    def test_an_instance_without_a_row_is_released(self) -> None:
        uuid, plugin = self.provision(), self.plugin()
        instance = self.wait(uuid)
        self.assertEqual([], plugin.audit())
        self.assertEqual([], self.service().audit())
        gone = sa.delete(models.InstanceRow).where(models.InstanceRow.uuid == uuid)
        with plugin.instances._db.writer() as session:
            session.execute(gone)
        self.assertEqual([], plugin.audit())
        (stray,) = plugin.audit()
        self.assertTrue(stray.repaired, stray)
        self.assertIn(instance.ironic_uuid, stray.what)
        self.assertEqual([], plugin.audit())

    def test_a_composed_node_without_a_row_is_released(self) -> None:
        service = self.service()
        context = service.task_arguments(None)["context"]  # type: ignore[arg-type]
        (podm,) = [p for p in self._podms(context.db) if p.name == "small"]
        lost = str(uuids.uuid4())
        with context.db.writer() as session:
            released_node.record(session, [lost])
        context.drivers.get(podm.uuid).allocate(
            ownership.node_name(lost),
            ownership.description(installation_objects.get(context.db), lost),
            base.SERVER,
        )
        self.assertEqual([], service.audit())
        (stray,) = service.audit()
        self.assertTrue(stray.repaired, stray)
        self.assertIn(lost, stray.what)

    def _podms(self, db: Any) -> list[podmanager_objects.PodManager]:
        with db.reader() as session:
            return list(session.scalars(sa.select(podmanager_objects.PodManager)))
