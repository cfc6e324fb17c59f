# SPDX-License-Identifier: Apache-2.0

"""The whole service in a test: real database, real conductor, simulated pod managers."""

import contextlib
import json
import logging
import pathlib
import re
import tempfile
from typing import Any
import uuid as uuids

import jsonschema
from oslo_config import cfg
import sqlalchemy as sa
from werkzeug import test

from podm_simulator.pod import accounting
from podm_simulator.pod.factory import Shape
from podm_simulator.pod.factory import Size
from podm_simulator.pod.pod import Pace
from podm_simulator.server import Simulator
from tests import base
from tests.fake_ironic.transport import FakeIronic
from tests.servers import databases
from valence import conf as service_conf
from valence import wiring
from valence.api import app
from valence.api import routes
from valence.api.schemas import base as base_schemas
from valence.ironic import Ironic
from valence.objects import node as node_objects
from valence.objects import released_node
from valence.objects.installation import Installation
from valence.service import Service
from valence_conductor.db.engine import Database

FOUR_CORES: dict[str, Any] = {"processor": {"total_cores": 4}, "memory": {"capacity_mib": 4096}}

#: More than any system of a simulator has.
TOO_MUCH: dict[str, Any] = {"processor": {"total_cores": 4000}}


def _migrate(url: str) -> None:
    with contextlib.closing(Database(url)) as db:
        wiring.upgrade(db)


def _renew_installation(url: str) -> None:
    with contextlib.closing(Database(url)) as db, db.writer() as session:
        session.execute(sa.update(Installation).values(uuid=str(uuids.uuid4())))


#: Migrations take ten times as long as a copy of their result.
MIGRATED = databases.Template(_migrate, _renew_installation)


class API:
    """A client that validates every response against the published schema of its route."""

    def __init__(self, application: Any) -> None:
        self._client = test.Client(application)

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Send a request, and return the response; its JSON is in ``.json``."""
        if body is not None:
            options["json"] = body
        answer = self._client.open(path, method=method, **options)
        assert re.fullmatch(r"req-[0-9a-f-]{36}", answer.headers["X-Openstack-Request-Id"])
        if method != "HEAD":
            self._validate(method, path.partition("?")[0], answer)
        return answer

    def _validate(self, method: str, path: str, answer: Any) -> None:
        schema: Any = base_schemas.ERRORS
        if answer.status_code < 400:
            route = self._route(method, path)
            schema = route.answers[answer.status_code]
            if route.media != "application/json":
                assert answer.mimetype == route.media
                return
        if schema is None:
            assert answer.get_data() == b""
            return
        assert answer.headers["Content-Type"] == "application/json"
        jsonschema.Draft202012Validator(schema).validate(json.loads(answer.get_data()))

    def _route(self, method: str, path: str) -> Any:
        for route in routes.ROUTES:
            pattern = re.sub(r"<\w+>", "[^/]+", route.path)
            if route.method == method and re.fullmatch(pattern, path.rstrip("/") or "/"):
                return route
        raise AssertionError(f"{method} {path} is not in the table of routes")


class ServiceTestCase(base.TestCase):
    """A running service, on files that a second one can use after it."""

    def setUp(self) -> None:
        super().setUp()
        logging.getLogger("oslo_policy").setLevel(logging.INFO)
        folder = tempfile.TemporaryDirectory(prefix="valence-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.ironic = FakeIronic()
        self.simulators: dict[str, Simulator] = {}

    def configure(self, **options: Any) -> cfg.ConfigOpts:
        """Return a configuration; ``group__option`` is an option of a group."""
        conf = service_conf.read([], prog="valence-api", default_config_files=[])
        folder = pathlib.Path(options.get("state_path", self.folder))
        folder.mkdir(exist_ok=True)
        overrides = {
            "state_path": str(folder),
            "database__connection": databases.url(folder, "valence", MIGRATED),
            "conductor__connection": databases.url(folder, "flows"),
            "podmanagers__poll_interval": 0.05,
            "nodes__outage_timeout": 2.0,
            "nodes__lost_answer_timeout": 0.3,
            "conductor__sweep_interval": 0.2,
            # Refreshed only on request: some tests count the requests to pod managers.
            "inventory__interval": 0.0,
            "ironic__endpoint_override": FakeIronic.url,
            "ironic__auth_type": "none",
            **options,
        }
        for name, value in overrides.items():
            group, _, option = name.rpartition("__")
            conf.set_override(option, value, group=group or None)
        return conf

    def start(self, **options: Any) -> Service:
        """Start the service, as a process does."""
        return self.start_from(self.configure(**options))

    def start_from(self, conf: cfg.ConfigOpts) -> Service:
        """Start the service with a configuration."""
        service = Service(conf, ironic=Ironic(conf, self.ironic.wire))
        service.start()
        self.addCleanup(service.stop, 5.0)
        self.service = service
        self.api = API(app.application(service))
        return service

    def simulate(self, name: str = "pod-1", pace: Pace | None = None, **size: Any) -> Simulator:
        """Start a simulated pod manager."""
        simulator = Simulator(
            Size(shapes=(Shape(**size),)), name=name, pace=pace or Pace(assemble=0.1)
        )
        simulator.start()
        self.addCleanup(simulator.stop)
        self.simulators[name] = simulator
        return simulator

    def know(self, simulator: Simulator, name: str | None = None) -> dict[str, Any]:
        """Register a simulated pod manager, and return it as the API shows it."""
        body = {
            "name": name or simulator.pod.name,
            "url": simulator.url,
            "username": "admin",
            "password": "admin",
        }
        answer = self.api("POST", "/v1/podmanagers", body)
        self.assertEqual(201, answer.status_code, answer.get_data(as_text=True))
        return dict(answer.json)

    def compose(self, **fields: Any) -> dict[str, Any]:
        """Start to compose a node, and return it."""
        body = {"properties": FOUR_CORES, **fields}
        answer = self.api("POST", "/v1/nodes", body)
        self.assertEqual(202, answer.status_code, answer.get_data(as_text=True))
        return dict(answer.json)

    def node(self, uuid: str) -> dict[str, Any] | None:
        """Return a node; None if it does not exist."""
        answer = self.api("GET", f"/v1/nodes/{uuid}")
        return None if answer.status_code == 404 else dict(answer.json)

    def settled(self, uuid: str) -> dict[str, Any] | None:
        """Wait until no operation on a node is unfinished, and return it."""
        transitional = node_objects.OPERATION_OF_STATE
        self.wait_for(lambda: (self.node(uuid) or {}).get("state") not in transitional)
        return self.node(uuid)

    def composed(self, **fields: Any) -> dict[str, Any]:
        """Compose a node, wait until it is composed, and return it."""
        node = self.settled(self.compose(**fields)["uuid"])
        assert node is not None
        self.assertEqual("composed", node["state"], node)
        return node

    def release_or_gone(self, uuid: str) -> bool:
        """Delete a node again that ended in error; return whether it no longer exists."""
        node = self.node(uuid)
        if node is not None and node["state"] == "error":
            self.api("DELETE", f"/v1/nodes/{uuid}")
        return node is None

    def take_over(self, node: Any) -> None:
        """Make a node that of another client, at the same path and with the same system."""
        node.name, node.description = "a database", "of another client"
        node.uuid = str(uuids.uuid4())

    def record_released(self, uuid: str) -> None:
        """Record that there was a node with this uuid, which was released."""
        with self.service.db.writer() as session:
            released_node.record(session, [uuid])

    def books_of(self, simulator: Simulator) -> Any:
        """Return a fingerprint of the pool: equal if the same resources are allocated."""
        return accounting.fingerprint(simulator.pod)

    def fault(self, simulator: Simulator, method: str, path: str, **fault: Any) -> None:
        """Make requests to a simulator fail."""
        simulator.faults.add({"match": {"method": method, "path": path}, **fault})

    def assertRefused(self, status: int, code: str, answer: Any) -> dict[str, Any]:
        """Assert that a response is an error with this status and code, and return the error."""
        error = dict(answer.json["errors"][0])
        self.assertEqual((status, code), (error["status"], error["code"]), error)
        self.assertEqual(status, answer.status_code)
        return error
