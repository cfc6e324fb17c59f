# SPDX-License-Identifier: Apache-2.0

"""The API as its users see it: each file of ``gabbits`` is a sequence of requests.

Each file has a service of its own, with a simulated pod manager at ``$ENVIRON['POD']``.
"""

import os
import pathlib
import tempfile
from typing import Any
import unittest

from gabbi import driver
from gabbi import fixture

from podm_simulator.pod.factory import Shape
from podm_simulator.pod.factory import Size
from podm_simulator.pod.pod import Pace
from podm_simulator.server import Simulator
from tests.servers import databases
from valence import conf as service_conf
from valence import service as valence_service
from valence import wiring
from valence.api import app

FOLDER = str(pathlib.Path(__file__).parent / "gabbits")


class Service(fixture.GabbiFixture):  # type: ignore[misc]
    """A service on empty databases, for the requests of one file."""

    running: Any = None

    def start_fixture(self) -> None:
        """Start the pod manager, then the service."""
        self.folder = tempfile.TemporaryDirectory(prefix="valence-")
        self.pod = Simulator(
            Size(shapes=(Shape(systems=2),)), name="rack-7", pace=Pace(assemble=0.1)
        )
        self.pod.start()
        os.environ["POD"] = self.pod.url
        folder = pathlib.Path(self.folder.name)
        conf = service_conf.read([], prog="valence-api", default_config_files=[])
        conf.set_override("state_path", str(folder))
        conf.set_override("poll_interval", 0.05, group="podmanagers")
        for group, name in (("database", "valence"), ("conductor", "flows")):
            conf.set_override("connection", databases.url(folder, name), group=group)
        self.service = valence_service.Service(conf)
        wiring.upgrade(self.service.db)
        self.service.start()
        Service.running = app.application(self.service)

    def stop_fixture(self) -> None:
        """Stop both."""
        Service.running = None
        self.service.stop(5.0)
        self.pod.stop()
        self.folder.cleanup()
        del os.environ["POD"]


def application() -> Any:
    """Return an application that forwards to the running service."""
    return lambda environ, start_response: Service.running(environ, start_response)


def load_tests(loader: unittest.TestLoader, _tests: Any, _pattern: Any) -> unittest.TestSuite:
    """Return a test for every request of every file."""
    return driver.build_tests(
        FOLDER,
        loader,
        host=None,
        intercept=application,
        fixture_module=__import__(__name__, fromlist=["Service"]),
        test_loader_name=__name__,
    )
