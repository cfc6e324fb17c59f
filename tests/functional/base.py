# SPDX-License-Identifier: Apache-2.0

"""The base of functional tests: one lab a process, whose pools must end as they began."""

import atexit
import os
from typing import Any

from devstack.lab import balance
from devstack.lab import ironic
from devstack.lab import lab as labs
from devstack.lab import podm
from tests import base
from tests.servers import databases
from valence_integration import provisioner as provisioner_module

PODS = {
    "small": podm.Size(systems=3, cores=8, memory_mib=32 * 1024, assemble_seconds=0.5),
    "large": podm.Size(systems=2, cores=32, memory_mib=128 * 1024, assemble_seconds=0.5),
}

SERVER = {
    "processor": {"total_cores": 8},
    "memory": {"capacity_mib": 16 * 1024},
    "storage": [{"capacity_gib": 100}],
}

LARGE_SERVER = {**SERVER, "processor": {"total_cores": 32}}
"""Fits the systems of the large pod manager alone."""

RAMDISK = {
    "instance_info": {"boot_iso": "http://127.0.0.1/images/node.iso"},
    "deploy_interface": "ramdisk",
}

PATIENCE = 120.0
"""Seconds that creating or deleting a server may take."""


class _Stage:
    """The lab of this process: started on first use, stopped with the process."""

    def __init__(self) -> None:
        self._lab: labs.Lab | None = None
        self._failed = False

    def lab(self) -> labs.Lab:
        """Return the running lab."""
        if self._lab is None:
            lab = labs.Lab(PODS, databases=databases.url)
            lab.start()
            atexit.register(self.clear)
            lab.enlist()
            self._lab = lab
        return self._lab

    def note_failure(self, _exc_info: object) -> None:
        """Keep the logs of a failed test."""
        self._failed = True

    def clear(self) -> None:
        """Stop the lab: what a test left in it must not reach the next one."""
        if self._lab is not None:
            self._lab.stop()
            if not self._failed:
                self._lab.remove()
            self._lab, self._failed = None, False


_STAGE = _Stage()


class FunctionalTestCase(base.TestCase):
    """A test with a lab to itself, which it must leave unchanged.

    :ivar lab: simulated pod managers ``small`` and ``large``, service, Ironic.
    :ivar valence: a client of the service.
    :ivar ironic: a client of Ironic.
    :ivar provisioner: the provisioning plugin, started.
    """

    def setUp(self) -> None:
        super().setUp()
        try:
            self.lab = _STAGE.lab()
        except ironic.IronicMissing as exc:
            if os.environ.get("CI"):
                raise
            self.skipTest(str(exc))
        self.addOnException(_STAGE.note_failure)
        self.valence = self.lab.valence_client()
        self.ironic = self.lab.ironic_client()
        self.before = balance.take(self.lab)
        self.addCleanup(self._compare)
        self.provisioner = self.start_provisioner()

    def _compare(self) -> None:
        for pod in self.lab.pods.values():
            pod.behave()
        differences = list(self.before.differences(balance.take(self.lab)))
        try:
            self.assertEqual([], differences)
        finally:
            if differences:
                _STAGE.note_failure(None)
                _STAGE.clear()

    def start_provisioner(self) -> provisioner_module.Provisioner:
        """Start the plugin in this process."""
        provisioner = provisioner_module.Provisioner(self.lab.plugin_conf())
        provisioner.start()
        self.addCleanup(provisioner.stop)
        return provisioner

    def provision(self, requirements: dict[str, Any] = SERVER, **more: Any) -> str:
        """Request a server named after the test; return the uuid of the instance."""
        name = self.id().rpartition(".")[2][:40]
        return self.provisioner.provision(name=name, requirements=requirements, **more).uuid

    def wait(self, uuid: str) -> Any:
        """Wait until an instance has no operation in progress, and return it."""
        return self.provisioner.wait(uuid, PATIENCE)

    def destroy(self, uuid: str) -> Any:
        """Destroy an instance, wait until it is gone, and return it."""
        self.provisioner.destroy(uuid)
        return self.wait(uuid)

    def enroll_relic(self, pod: str) -> None:
        """Create a node in Ironic that has every free MAC of a pod, for this test."""
        relic = self.ironic.node.create(driver="redfish").uuid
        self.addCleanup(self.ironic.node.delete, relic)
        for mac in self.lab.pods[pod].free_macs():
            self.ironic.port.create(node_uuid=relic, address=mac)
