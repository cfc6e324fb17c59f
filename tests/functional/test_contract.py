# SPDX-License-Identifier: Apache-2.0

"""Every operation of ``openapi.json`` responds as it is described there.

schemathesis generates the requests from the description: valid and invalid ones, the same
ones at each run.
"""

import contextlib
import pathlib
import tempfile
from typing import Any

import hypothesis
from oslo_config import cfg
import requests
from requests import adapters
import schemathesis
from schemathesis import checks
from schemathesis.core import failures

from podm_simulator.pod.factory import Shape
from podm_simulator.pod.factory import Size
from podm_simulator.server import Simulator
from tests import base
from tests.servers import databases
from valence import conf as service_conf
from valence import errors
from valence import wiring
from valence.api import app
from valence.service import Service

#: Requests to each operation, of each kind.
EXAMPLES = 25

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]


class OnlySimulator(adapters.HTTPAdapter):
    """A network with one simulated pod manager: generated URLs are unreachable."""

    url = ""

    def send(self, request: Any, **options: Any) -> Any:  # type: ignore[override]
        if not request.url.startswith(self.url):
            raise requests.ConnectionError(f"{request.url} is not the simulator")
        return super().send(request, **options)


class NoIronic:
    """An Ironic that is not configured."""

    def ping(self) -> None:
        raise errors.IronicNotConfigured("No Ironic is configured.")


class TestContract(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="valence-")
        self.addCleanup(folder.cleanup)
        self.simulator = Simulator(Size(shapes=(Shape(systems=2),)), name="rack-7")
        self.simulator.start()
        self.addCleanup(self.simulator.stop)
        OnlySimulator.url = self.simulator.url
        service = Service(
            self.configure(pathlib.Path(folder.name)),
            ironic=NoIronic(),  # type: ignore[arg-type]
        )
        service.drivers.connections._transport = OnlySimulator
        wiring.upgrade(service.db)
        service.start()
        self.addCleanup(service.stop, 5.0)
        self.application = app.application(service)

    def configure(self, folder: pathlib.Path) -> cfg.ConfigOpts:
        conf = service_conf.read([], prog="valence-api", default_config_files=[])
        conf.set_override("state_path", str(folder))
        for group, name in (("database", "valence"), ("conductor", "flows")):
            conf.set_override("connection", databases.url(folder, name), group=group)
        return conf

    def test_every_operation_responds_as_it_is_described(self) -> None:
        schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", self.application)
        case = schema["/v1/podmanagers"]["POST"].Case(
            body=self.podmanager(), media_type="application/json"
        )
        self.assertEqual(201, case.call().status_code)
        count = 0
        for result in schema.get_all_operations():
            operation = result.ok()
            for example in operation.get_strategies_from_examples():
                self.check(example, 1)
            for mode in schemathesis.GenerationMode:
                self.check(operation.as_strategy(generation_mode=mode), EXAMPLES)
            count += 1
        self.assertEqual(schema.statistic.operations.total, count)

    def podmanager(self) -> dict[str, Any]:
        url = self.simulator.url
        return {"name": "rack-7", "url": url, "username": "admin", "password": "admin"}

    def check(self, cases: Any, count: int) -> None:
        @hypothesis.settings(
            max_examples=count,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=(hypothesis.Phase.generate,),
        )
        @hypothesis.given(case=cases)
        def each(case: Any) -> None:
            case.validate_response(case.call(), checks=CHECKS)

        with contextlib.suppress(hypothesis.errors.Unsatisfiable):  # no invalid request exists
            try:
                each()
            except failures.FailureGroup as exc:  # not an Exception: it would end the test run
                raise AssertionError(str(exc)) from exc
