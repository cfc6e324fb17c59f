# SPDX-License-Identifier: Apache-2.0

"""Mogan's engine with the hook, fake transports of Valence and Ironic, real databases."""

from collections.abc import Callable
import importlib.util
import pathlib
import sys
from typing import Any
import uuid as uuids

from alembic import migration
from alembic import operations
import fixtures
from oslo_config import cfg
from oslo_versionedobjects import base as object_base
from oslo_versionedobjects import fixture

from tests.unit.integration import base
from valence_integration import conf as integration_conf
from valence_integration import ledger
from valence_integration.mogan import conf as mogan_conf
from valence_integration.mogan import engine
from valence_integration.mogan import modules
from valence_integration.provisioner import Provisioner

ROOT = pathlib.Path(__file__).parents[3]
MIGRATION = ROOT / "valence_integration/mogan/migrations/5a0d7c1e9b34_servers_composed.py"
PROJECT = str(uuids.uuid4())

#: A flavor to compose, one for existing nodes, and one for both.
COMPOSED = {"resources": {"CUSTOM_VALENCE_PROCESSOR_TOTAL_CORES": 4}, "resource_traits": {}}
PLAIN = {"resources": {"CUSTOM_GOLD": 1}, "resource_traits": {"FAST": "required"}}
EITHER = {
    "resources": {"CUSTOM_GOLD": 1, "CUSTOM_VALENCE_PROCESSOR_TOTAL_CORES": 4},
    "resource_traits": {"CUSTOM_VALENCE_STORAGE_TYPE": "SSD"},
}


def load(path: pathlib.Path, name: str) -> Any:
    """Load a file as a new module, which is not in sys.modules."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Context:
    """Mogan's request context, which names the project ``tenant``."""

    tenant = PROJECT


class Driver:
    """The requests of ``mogan.baremetal.ironic.driver`` to Ironic, in its order."""

    def __init__(self, mogan: Any, ironic: Any, events: list[str]) -> None:
        self._mogan, self._ironic, self._events = mogan, ironic, events
        self.errors: dict[str, Exception] = {}

    def _record(self, event: str) -> None:
        self._events.append(event)
        if event in self.errors:
            raise self.errors[event]

    def spawn(self, context: Any, server: Any, configdrive_value: Any, partitions: Any) -> None:
        self._record("spawn")
        client = self._ironic.client()
        patch = [
            {"op": "add", "path": "/instance_uuid", "value": server.uuid},
            {"op": "add", "path": "/instance_info", "value": {"image_source": server.image_uuid}},
        ]
        client.node.update(server.node_uuid, patch)
        client.node.set_provision_state(server.node_uuid, "active", configdrive=configdrive_value)
        if self._wait(server.node_uuid, ("active", "deploy failed")).provision_state != "active":
            reason = client.node.get(server.node_uuid).last_error
            raise self._mogan.exception.ServerDeployFailure(reason)

    def destroy(self, context: Any, server: Any) -> None:
        self._record("destroy")
        for node in list(self._ironic.nodes.values()):
            if node["instance_uuid"] != server.uuid:
                continue
            if node["provision_state"] in ("active", "deploy failed", "error"):
                self._ironic.client().node.set_provision_state(node["uuid"], "deleted")
                self._wait(node["uuid"], ("available", "clean failed"))
            else:
                patch = [{"op": "remove", "path": "/instance_uuid"}]
                self._ironic.client().node.update(node["uuid"], patch)

    def _wait(self, uuid: str, states: tuple[str, ...]) -> Any:
        while (node := self._ironic.client().node.get(uuid)).provision_state not in states:
            pass
        return node

    def get_power_state(self, context: Any, server_uuid: str) -> str:
        self._record("power")
        return "power on"

    def get_node_name(self, node: str) -> str:
        return f"node-{node[:8]}"

    def plug_vif(self, node_uuid: str, port_id: str) -> None:
        self._record("plug")

    def unplug_vif(self, context: Any, server: Any, port_id: str) -> None:
        self._record("unplug")
        self._ironic.client().node.get(server.node_uuid)


class Network:
    """The ports of Neutron, with the methods of ``mogan.network.api``."""

    def __init__(self) -> None:
        self.ports: set[str] = set()
        self.unbound: list[str] = []

    def create_port(self, context: Any, network: str, server_uuid: str) -> dict[str, str]:
        port = str(uuids.uuid4())
        self.ports.add(port)
        return {"id": port, "network_id": network}

    def show_port(self, context: Any, port_id: str) -> dict[str, str]:
        return {"id": port_id}

    def unbind_port(self, context: Any, port: dict[str, str]) -> None:
        self.unbound.append(port["id"])

    def delete_port(self, context: Any, port_id: str, server_uuid: str) -> None:
        self.ports.discard(port_id)


class Quota:
    """Servers in use, as ``mogan.objects.quota.Quota`` counts them."""

    def __init__(self) -> None:
        self.in_use = 1

    def reserve(
        self, context: Any, expire: Any = None, project_id: str | None = None, **deltas: int
    ) -> list[tuple[str, int]]:
        assert (project_id or context.tenant) == PROJECT
        return list(deltas.items())

    def commit(self, context: Any, reservations: Any, project_id: str | None = None) -> None:
        assert (project_id or context.tenant) == PROJECT
        self.in_use += sum(delta for _name, delta in reservations)


class Scheduler:
    """Mogan's scheduler, which chooses from existing nodes."""

    max_attempts = 3

    def __init__(self, mogan: Any) -> None:
        self._mogan = mogan
        self.reportclient = object()
        self.nodes: list[str] = []
        self.requests: list[dict[str, Any]] = []

    def select_destinations(self, context: Any, request_spec: Any, filters: Any) -> list[str]:
        self.requests.append(request_spec)
        if filters["retry"]["num_attempts"] > self.max_attempts:
            raise self._mogan.exception.NoValidNode("Exceeded max scheduling attempts 3")
        if not self.nodes:
            raise self._mogan.exception.NoValidNode("No filtered nodes available")
        return [self.nodes.pop() for _server in request_spec["server_ids"]]


class EngineRpc:
    """The engine's RPC API, which records the servers that are rescheduled."""

    def __init__(self) -> None:
        self.rescheduled: list[str] = []

    def schedule_and_create_servers(
        self, context: Any, servers: Any, *args: Any, **kwargs: Any
    ) -> None:
        self.rescheduled += [server.uuid for server in servers]


class Mogan(fixtures.Fixture):
    """A Mogan made of its contract: modules, a database, and engines with the hook.

    :param folder: for the database.
    :param driver: makes the driver that ``[engine] engine_driver`` names; called with
        Mogan's modules.
    :param provisioner: opens the plugin for an engine.
    :param schedule_first: the option of that name.
    :param migrate: migrates Mogan's database to the hook's revision.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        driver: Callable[[Any], Any],
        provisioner: Callable[[cfg.ConfigOpts], Provisioner],
        schedule_first: bool = False,
        migrate: Callable[[Any], None] | None = None,
    ) -> None:
        super().__init__()
        self._folder, self._driver, self._provisioner = folder, driver, provisioner
        self._schedule_first, self._migrate = schedule_first, migrate or run_migration

    def _setUp(self) -> None:
        object_base.VersionedObjectRegistry()  # the fixture needs an existing one
        self.useFixture(fixture.VersionedObjectRegistryFixture())
        self.contract = load(ROOT / "tests/mogan_contract.py", "mogan_contract")
        self.addCleanup(self._remove_modules)
        sys.modules.update(self.contract.install())
        self.mogan = modules.load()
        self.db = self.contract.connect(f"sqlite:///{self._folder}/mogan.sqlite")
        self.addCleanup(self.db.dispose)
        self.context = Context()
        self.driver = self._driver(self.mogan)
        self.network, self.quota, self.engine_rpc = Network(), Quota(), EngineRpc()
        self.scheduler = Scheduler(self.mogan)
        self.contract.BaseEngineManager.factories = {
            "driver": lambda: self.driver,
            "network_api": lambda: self.network,
            "engine_rpcapi": lambda: self.engine_rpc,
            "scheduler_client": lambda: self.scheduler,
            "quota": lambda: self.quota,
        }
        self._migrate(self.db)
        self.manager_class = engine.build(self.mogan, self._conf, self._provisioner)

    def _remove_modules(self) -> None:
        for path in self.contract.MODULES:
            sys.modules.pop(path, None)

    def _conf(self) -> cfg.ConfigOpts:
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[], default_config_dirs=[])
        mogan_conf.register_opts(conf)
        conf.set_override("schedule_first", self._schedule_first, mogan_conf.GROUP)
        conf.set_override("wait_timeout", 120, mogan_conf.GROUP)
        return conf

    def start(self, host: str = "engine-1") -> Any:
        """Start the engine as ``mogan.common.service`` does."""
        manager = self.manager_class(host, "mogan.engine_manager")
        manager.init_host()
        self.addCleanup(manager.del_host)
        return manager

    def stop(self, manager: Any) -> None:
        """Stop an engine as a kill would: none of its threads continues."""
        manager.composer.stop()
        manager.composer.release = manager.composer._open_provisioner = _exit
        self.contract.SPAWNED.clear()

    def add_server(self, status: str = "building", **values: Any) -> Any:
        """Add the row of a server, as mogan-api does before it calls the engine."""
        server = self.mogan.objects.Server(self.context)
        values = {"uuid": str(uuids.uuid4()), "name": "web", "status": status, **values}
        values |= {"project_id": PROJECT, "image_uuid": str(uuids.uuid4())}
        for field, value in values.items():
            setattr(server, field, value)
        server.create()
        return server

    def request(self, manager: Any, *servers: Any, flavor: Any = COMPOSED, **changes: Any) -> None:
        """Call the engine as mogan-api does."""
        arguments = {
            "requested_networks": [{"net_id": str(uuids.uuid4())}],
            "user_data": b"#cloud-config",
            "injected_files": None,
            "admin_password": "secret",
            "key_pair": None,
            "partitions": None,
            "request_spec": {"flavor": flavor, "availability_zone": None},
            "filter_properties": None,
        }
        manager.schedule_and_create_servers(
            self.context, list(servers), **{**arguments, **changes}
        )

    def create(self, manager: Any, flavor: Any = COMPOSED) -> Any:
        """Create a server, wait for the engine's threads, and read it."""
        server = self.add_server()
        self.request(manager, server, flavor=flavor)
        self.join()
        return self.read(server)

    def delete(self, manager: Any, server: Any) -> None:
        """Delete a server as mogan-api and the engine do."""
        server = self.read(server)
        server.status = self.mogan.states.DELETING
        server.save()
        manager.delete_server(self.context, server)

    def read(self, server: Any) -> Any:
        """Read the current row of a server."""
        return self.mogan.objects.Server.get(self.context, server.uuid)

    def is_deleted(self, server: Any) -> bool:
        """Return whether Mogan no longer has a server."""
        try:
            self.read(server)
        except self.mogan.exception.ServerNotFound:
            return True
        return False

    def join(self) -> None:
        """Wait for every green thread of the engine."""
        for thread in self.contract.SPAWNED:
            thread.join(120)
            assert not thread.is_alive(), "a thread of the engine is still running"


def _exit(*_args: Any) -> Any:
    """End the thread, as the end of its process would."""
    raise SystemExit


def run_migration(db: Any) -> None:
    """Run the migration for Mogan's database."""
    with db.begin() as connection:
        context = migration.MigrationContext.configure(connection)
        with operations.Operations.context(context):
            load(MIGRATION, "servers_composed").upgrade()


class MoganTestCase(base.WorldTestCase):
    """A Mogan with fake transports of Valence and Ironic.

    The attributes of the fixture are attributes of the test: ``self.start()``,
    ``self.create()``.

    :ivar events: the events of ports, nodes and hardware, in order.
    """

    schedule_first = False

    def setUp(self) -> None:
        super().setUp()
        self.events: list[str] = []
        self._record_events()
        self.fixture = self.useFixture(
            Mogan(
                self.folder,
                lambda mogan: Driver(mogan, self.ironic, self.events),
                self._open_provisioner,
                self.schedule_first,
                self.migrate,
            )
        )

    def __getattr__(self, name: str) -> Any:
        if name in ("fixture", "__wrapped__"):
            raise AttributeError(name)
        return getattr(self.fixture, name)

    def migrate(self, db: Any) -> None:
        """Migrate Mogan's database to the hook's revision."""
        run_migration(db)

    def _record_events(self) -> None:
        unregister, remove = self.ironic.unregistered, self.valence.nodes.remove

        def record_unregister(node: Any) -> None:
            unregister(node)
            self.events.append("unregistered")

        def record_remove(row: Any) -> None:
            self.events.append("released")
            remove(row)

        self.valence.on_unregister, self.valence.nodes.remove = record_unregister, record_remove

    def _open_provisioner(self, conf: cfg.ConfigOpts) -> Provisioner:
        self.instances = self.open_instances()
        self.task_context = self.make_context()
        integration_conf.register_opts(conf)
        connection = f"sqlite:///{self.folder}/rows.sqlite"
        conf.set_override("connection", connection, integration_conf.GROUP)
        return Provisioner(conf, ledger.InstanceLedger(self.task_context))

    def assert_nothing_is_left(self) -> None:
        remaining = (self.ironic.nodes, self.composed(), self.network.ports, self.contract.NICS)
        self.assertEqual(({}, [], set(), {}), remaining)
