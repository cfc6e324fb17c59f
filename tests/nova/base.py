# SPDX-License-Identifier: Apache-2.0

"""What tests on a real Nova stand on: its own functional fixtures, and a lab for all of them.

Nova's API, scheduler, conductor, compute and Placement run in this process; Valence,
the pod managers and Ironic are the lab's own processes, reached over HTTP.
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
from tests.nova import glance
from valence_integration.nova import conf as nova_conf

CONF = nova.conf.CONF

PODS = {
    "single": podm.Size(systems=1, cores=8, memory_mib=32 * 1024, assemble_seconds=0.2),
    "pair": podm.Size(systems=2, cores=8, memory_mib=32 * 1024, assemble_seconds=0.2),
    "rack": podm.Size(systems=20, cores=8, memory_mib=32 * 1024, assemble_seconds=0.2),
}

#: What every pod manager can compose, and what none can, as it alone knows.
FLAVORS = {
    "web": {"processor": {"total_cores": 8}, "memory": {"capacity_mib": 16 * 1024}},
    "huge": {"storage": [{"capacity_gib": 10**6}]},
}

STUCK_TRAY = {
    "match": {"method": "POST", "path": "VirtualMedia.*InsertMedia"},
    "times": 1000,
    "action": {"type": "error", "status": 400, "message": "the media tray is stuck"},
}

#: No demands on what Nova itself divides: a machine is one resource.
BARE = {"resources:VCPU": "0", "resources:MEMORY_MB": "0", "resources:DISK_GB": "0"}

#: Seconds that a server may take to come or to go, among twenty others.
PATIENCE = 600


class _Stage:
    """The lab of this process: started when first wanted, stopped with the process."""

    def __init__(self) -> None:
        self._lab: labs.Lab | None = None
        self._failed = False
        self.pods: dict[str, str] = {}

    def lab(self) -> labs.Lab:
        """Return the running lab."""
        if self._lab is None:
            lab = labs.Lab(PODS, glance_url=glance.Glance().url)
            lab.start()
            atexit.register(self.clear)
            self.pods = lab.enlist()
            for name, properties in FLAVORS.items():
                lab.valence_client().flavors.create(name=name, properties=properties)
            self._lab = lab
        return self._lab

    def note_failure(self, _exc_info: object = None) -> None:
        """Have the logs stay where they are: somebody will want them."""
        self._failed = True

    def clear(self) -> None:
        """Give the lab up: what a test left in it must not reach the next one."""
        if self._lab is not None:
            self._lab.stop()
            if not self._failed:
                self._lab.remove()
            self._lab, self._failed = None, False


_STAGE = _Stage()


class NovaTestCase(integrated_helpers.ProviderUsageBaseTestCase):
    """A test with a cloud to itself, which leaves the hardware as it found it.

    :ivar lab: simulated pod managers ``single``, ``pair`` and ``rack``, service, Ironic.
    :ivar pods: name of a pod manager to its uuid, which its compute node has too.
    """

    compute_driver = "valence.ValenceDriver"

    def setUp(self) -> None:
        paste = os.path.join(sys.prefix, "etc/nova/api-paste.ini")
        self.flags(api_paste_config=paste, group="wsgi")
        self.flags(cores=-1, ram=-1, instances=-1, group="quota")
        self.flags(compute_driver=self.compute_driver)
        self.lab = _STAGE.lab()
        self.pods = _STAGE.pods
        self.addOnException(_STAGE.note_failure)
        super().setUp()
        self._accept_unbound_ports()
        self.configure()
        self.valence = self.lab.valence_client()
        self.ironic = self.lab.ironic_client()
        self.before = balance.take(self.lab)
        self.addCleanup(self._compare)

    def _accept_unbound_ports(self) -> None:
        """Have Nova's stand-in for Neutron take ports that Ironic binds, as Neutron does."""
        real = self.neutron.update_port

        def update_port(port: Any, body: Any = None) -> Any:
            if body and body["port"].get("binding:host_id", "") is None:
                del body["port"]["binding:host_id"]
            return real(port, body)

        self.neutron.update_port = update_port

    def configure(self) -> None:
        """Say to Nova where Ironic is, and how to look at it without long pauses."""
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
                _STAGE.note_failure()
                _STAGE.clear()

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
            # A nova-compute that ends takes its threads along; here they end their step.
            grace=60,
        )
        plugin.prepare()
        self.flags(config_file=[str(plugin.config)], group="valence")
        for name, value in options.items():
            self.flags(**{name: value}, group="valence")
        return self._start_compute(host)

    def restart(self, compute: Any) -> Any:
        """Stop a nova-compute, wait until it is gone, and start it again."""
        compute.stop()
        self.until(lambda: compute.manager.driver._opened is None, "nova-compute has stopped")
        return self.start_service("compute", host=compute.host)

    def flavor(self, name: str, **specs: str) -> str:
        """Make the Nova flavor of a Valence flavor; return its id."""
        extra = {**BARE, f"resources:CUSTOM_VALENCE_{name.upper()}": "1", "valence:flavor": name}
        return self._create_flavor(
            vcpu=1, memory_mb=1024, disk=1, ephemeral=0, extra_spec={**extra, **specs}
        )

    def boot(self, flavor: str, state: str = "ACTIVE", **more: Any) -> dict[str, Any]:
        """Have a server built, without networks, and wait for how it ends."""
        more.setdefault("networks", "none")
        return self._create_server(flavor_id=flavor, expected_state=state, **more)

    def delete(self, server: dict[str, Any]) -> None:
        """Delete a server, and wait until it is gone."""
        self._delete_server(server)

    def _wait_for_server_parameter(
        self, server: Any, expected_params: Any, *_args: Any, **_kwargs: Any
    ) -> Any:
        """Wait as long as real machines take, and no longer than until it went wrong."""
        deadline = time.monotonic() + PATIENCE
        while True:
            seen = self.admin_api.get_server(server["id"])
            wrong = seen["status"] == "ERROR" != expected_params.get("status", "ERROR")
            there = all(seen[name] == value for name, value in expected_params.items())
            if there and ("fault" in seen or seen["status"] != "ERROR"):
                return seen
            if wrong or time.monotonic() > deadline:
                fault = seen.get("fault", {}).get("message")
                self.fail(f"{expected_params} was not reached: {seen['status']}, {fault}")
            time.sleep(0.2)

    def _wait_until_deleted(self, server: Any) -> None:
        """Wait until Nova knows a server no more."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self.admin_api.get_server(server["id"])
            except api_client.OpenStackApiNotFoundException:
                return
            time.sleep(0.2)
        self.fail(f"Server {server['id']} is still there.")

    def act(self, server: dict[str, Any], action: dict[str, Any], status: str = "ACTIVE") -> None:
        """Have something done to a server, and wait until it is."""
        self.api.post_server_action(server["id"], action)
        done = {"status": status, "OS-EXT-STS:task_state": None}
        self._wait_for_server_parameter(server, done)

    def begin(self, flavor: str) -> dict[str, Any]:
        """Have a server built, without networks, and do not wait for it."""
        body = self._build_server(flavor_id=flavor, networks="none")
        return dict(self.api.post_server({"server": body}))

    def until(self, reached: Callable[[], Any], what: str) -> Any:
        """Wait for something to be true, and return it."""
        deadline = time.monotonic() + PATIENCE
        while not (found := reached()):
            if time.monotonic() > deadline:
                self.fail(f"It never came to this: {what}.")
            time.sleep(0.05)
        return found

    def renew(self, compute: Any) -> None:
        """Have a nova-compute tell Placement what there is, as it does every minute."""
        compute.manager.update_available_resource(context.get_admin_context())

    def node_of(self, server: dict[str, Any]) -> Any:
        """Return the node that Ironic has for a server."""
        nodes = self.ironic.node.list(limit=0, detail=True)
        [node] = [node for node in nodes if node.instance_uuid == server["id"]]
        return node

    def pod_of(self, server: dict[str, Any]) -> str:
        """Return the name of the pod manager that a server is on."""
        node = self.api.get_server(server["id"])["OS-EXT-SRV-ATTR:hypervisor_hostname"]
        [name] = [name for name, uuid in self.pods.items() if uuid == node]
        return name

    def inventory(self, pod: str, flavor: str = "web") -> dict[str, int]:
        """Read what Placement was told of a flavor on a pod manager."""
        found = self._get_provider_inventory(self.pods[pod])
        return dict(found[f"CUSTOM_VALENCE_{flavor.upper()}"])
