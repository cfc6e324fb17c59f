# SPDX-License-Identifier: Apache-2.0

"""The base of tests on a real Nova: Nova's own functional fixtures, and a lab.

Nova's API, scheduler, conductor, compute and Placement run in this process; Valence,
the pod managers and Ironic are processes of the lab, and answer over HTTP.
"""

import atexit
from collections.abc import Callable
import os
import sys
import time
from typing import Any

from nova import context
import nova.conf
from nova.tests.functional import integrated_helpers
from nova.tests.functional.api import client as api_client

from devstack.lab import balance
from devstack.lab import lab as labs
from devstack.lab import podm
from devstack.lab import service as lab_service
from tests import base
from tests.nova import glance
from valence_integration.nova import conf as nova_conf

CONF = nova.conf.CONF

PODS = {
    "single": podm.Size(systems=1, cores=8, memory_mib=32 * 1024, assemble_seconds=0.2),
    "pair": podm.Size(systems=2, cores=8, memory_mib=32 * 1024, assemble_seconds=0.2),
    "rack": podm.Size(systems=20, cores=8, memory_mib=32 * 1024, assemble_seconds=0.2),
}

#: A flavor that every pod manager can compose, and one that each pod manager refuses.
FLAVORS = {
    "web": {"processor": {"total_cores": 8}, "memory": {"capacity_mib": 16 * 1024}},
    "huge": {"storage": [{"capacity_gib": 10**6}]},
}

STUCK_TRAY = {
    "match": {"method": "POST", "path": "VirtualMedia.*InsertMedia"},
    "times": 1000,
    "action": {"type": "error", "status": 400, "message": "the media tray is stuck"},
}

#: No resources that Nova itself divides: a machine is one resource.
BARE = {"resources:VCPU": "0", "resources:MEMORY_MB": "0", "resources:DISK_GB": "0"}

#: Seconds to build or delete a server, among twenty others.
TIMEOUT = 600


class _SharedLab:
    """The lab of this process: started on first use, stopped with the process."""

    def __init__(self) -> None:
        self._lab: labs.Lab | None = None
        self._failed = False
        self.pods: dict[str, str] = {}

    def start(self) -> labs.Lab:
        """Return the running lab."""
        if self._lab is None:
            lab = labs.Lab(PODS, glance_url=glance.Glance().url)
            lab.start()
            atexit.register(self.stop)
            self.pods = lab.enlist()
            for name, properties in FLAVORS.items():
                lab.valence_client().flavors.create(name=name, properties=properties)
            self._lab = lab
        return self._lab

    def note_failure(self, _exc_info: object = None) -> None:
        """Keep the logs after the end of the process, for a diagnosis."""
        self._failed = True

    def stop(self) -> None:
        """Stop the lab, so that what a test left in it cannot affect the next one."""
        if self._lab is not None:
            self._lab.stop()
            if not self._failed:
                self._lab.remove()
            self._lab, self._failed = None, False


_SHARED_LAB = _SharedLab()


class NovaTestCase(integrated_helpers.ProviderUsageBaseTestCase):
    """A test with its own cloud, which must leave the hardware unchanged.

    :ivar lab: simulated pod managers ``single``, ``pair`` and ``rack``, service, Ironic.
    :ivar pods: name of a pod manager to its uuid, which is also that of its compute node.
    """

    compute_driver = "valence.ValenceDriver"

    def setUp(self) -> None:
        paste = os.path.join(sys.prefix, "etc/nova/api-paste.ini")
        self.flags(api_paste_config=paste, group="wsgi")
        self.flags(cores=-1, ram=-1, instances=-1, group="quota")
        self.flags(compute_driver=self.compute_driver)
        self.lab = _SHARED_LAB.start()
        self.pods = _SHARED_LAB.pods
        self.addOnException(_SHARED_LAB.note_failure)
        super().setUp()
        self._accept_unbound_ports()
        self.configure()
        self.valence = self.lab.valence_client()
        self.ironic = self.lab.ironic_client()
        self.before = balance.take(self.lab)
        self.addCleanup(self._compare)

    def _accept_unbound_ports(self) -> None:
        """Make Nova's fake Neutron accept ports that Ironic binds, as Neutron does."""
        real = self.neutron.update_port

        def update_port(port: Any, body: Any = None) -> Any:
            if body and body["port"].get("binding:host_id", "") is None:
                del body["port"]["binding:host_id"]
            return real(port, body)

        self.neutron.update_port = update_port

    def configure(self) -> None:
        """Configure Nova's access to Ironic, and short intervals."""
        nova_conf.register_opts(CONF)
        self.flags(
            auth_type="none",
            endpoint_override=self.lab.ironic.url,
            api_retry_interval=1,
            group="ironic",
        )
        self.flags(inventory_interval=0, group="valence")

    def _compare(self) -> None:
        for pod in self.lab.pods.values():
            pod.behave()
        differences = list(self.before.differences(balance.take(self.lab)))
        try:
            self.assertEqual([], differences)
        finally:
            if differences:
                _SHARED_LAB.note_failure()
                _SHARED_LAB.stop()

    def compute(
        self,
        host: str = "first",
        *,
        valence_url: str | None = None,
        ironic_url: str | None = None,
        **options: Any,
    ) -> Any:
        """Start a nova-compute with a plugin of its own; stopped with the test.

        :param options: of group ``[valence]``.
        """
        plugin = lab_service.Plugin(
            self.lab.directory / f"nova-{self.id().rpartition('.')[2][:60]}-{host}",
            valence_url or self.lab.service.url,
            ironic_url or self.lab.ironic.url,
            # A real nova-compute ends with its threads; here they finish their task first.
            grace=60,
        )
        plugin.prepare()
        self.flags(config_file=[str(plugin.config)], group="valence")
        for name, value in options.items():
            self.flags(**{name: value}, group="valence")
        return self._start_compute(host)

    def restart(self, compute: Any) -> Any:
        """Stop a nova-compute, wait until it has stopped, and start it again."""
        compute.stop()
        self.wait_until(
            lambda: compute.manager.driver._current is None, "nova-compute has stopped"
        )
        return self.start_service("compute", host=compute.host)

    def flavor(self, name: str, **specs: str) -> str:
        """Create the Nova flavor of a Valence flavor; return its id."""
        extra = {**BARE, f"resources:CUSTOM_VALENCE_{name.upper()}": "1", "valence:flavor": name}
        return self._create_flavor(
            vcpu=1, memory_mb=1024, disk=1, ephemeral=0, extra_spec={**extra, **specs}
        )

    def create(self, flavor: str, state: str = "ACTIVE", **options: Any) -> dict[str, Any]:
        """Create a server, without networks, and wait for a state."""
        options.setdefault("networks", "none")
        return self._create_server(flavor_id=flavor, expected_state=state, **options)

    def delete(self, server: dict[str, Any]) -> None:
        """Delete a server, and wait until it is deleted."""
        self._delete_server(server)

    def _wait_for_server_parameter(
        self, server: Any, expected_params: Any, *_args: Any, **_kwargs: Any
    ) -> Any:
        """Wait as long as real machines take, or until the server is in error."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            current = self.admin_api.get_server(server["id"])
            failed = current["status"] == "ERROR" != expected_params.get("status", "ERROR")
            reached = all(current[name] == value for name, value in expected_params.items())
            if reached and ("fault" in current or current["status"] != "ERROR"):
                return current
            if failed or time.monotonic() > deadline:
                fault = current.get("fault", {}).get("message")
                self.fail(f"{expected_params} was not reached: {current['status']}, {fault}")
            time.sleep(0.2)

    def _wait_until_deleted(self, server: Any) -> None:
        """Wait until Nova no longer has a server."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            try:
                self.admin_api.get_server(server["id"])
            except api_client.OpenStackApiNotFoundException:
                return
            time.sleep(0.2)
        self.fail(f"Server {server['id']} was not deleted.")

    def act(self, server: dict[str, Any], action: dict[str, Any], status: str = "ACTIVE") -> None:
        """Run an action on a server, and wait for its end."""
        self.api.post_server_action(server["id"], action)
        expected = {"status": status, "OS-EXT-STS:task_state": None}
        self._wait_for_server_parameter(server, expected)

    def start_create(self, flavor: str) -> dict[str, Any]:
        """Create a server, without networks, and do not wait for it."""
        body = self._build_server(flavor_id=flavor, networks="none")
        return dict(self.api.post_server({"server": body}))

    def wait_until(self, condition: Callable[[], Any], sentence: str) -> Any:
        """Wait until a condition is true, and return its value."""
        return base.wait_for(condition, timeout=TIMEOUT, what=sentence)

    def update_inventory(self, compute: Any) -> None:
        """Run the periodic update of Placement, which a nova-compute runs every minute."""
        compute.manager.update_available_resource(context.get_admin_context())

    def node_of(self, server: dict[str, Any]) -> Any:
        """Return the node of a server in Ironic."""
        nodes = self.ironic.node.list(limit=0, detail=True)
        [node] = [node for node in nodes if node.instance_uuid == server["id"]]
        return node

    def pod_of(self, server: dict[str, Any]) -> str:
        """Return the name of the pod manager of a server."""
        node = self.api.get_server(server["id"])["OS-EXT-SRV-ATTR:hypervisor_hostname"]
        [name] = [name for name, uuid in self.pods.items() if uuid == node]
        return name

    def inventory(self, pod: str, flavor: str = "web") -> dict[str, int]:
        """Return the inventory of a flavor on a pod manager in Placement."""
        inventory = self._get_provider_inventory(self.pods[pod])
        return dict(inventory[f"CUSTOM_VALENCE_{flavor.upper()}"])
