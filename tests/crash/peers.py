# SPDX-License-Identifier: Apache-2.0

"""The peers of a victim: a pod manager, an Ironic and, for the plugin, a Valence.

The first two run in one process, the third in another; both outlive every victim.
"""

import asyncio
import gc
import http.client
import importlib
import json
import logging
import pathlib
import threading
import time
from typing import Any
import urllib.parse

from podm_simulator.pod.factory import Shape
from podm_simulator.pod.factory import Size
from podm_simulator.pod.pod import Pace
from podm_simulator.server import Simulator
from tests.crash import configuration
from tests.crash import process
from tests.fake_ironic.server import Server
from valence.api import app
from valence.api import server as api_server
from valence.service import Service

#: Seconds in which a node is assembled: long enough to be observed, and no longer.
ASSEMBLE = 0.03

#: Seconds for which a node stays in a passing state of Ironic, by default.
PASS = 0.02

#: Seconds for which a peer may be unavailable.
OUTAGE_TIMEOUT = 10.0

#: Number of machines in the pool.
SYSTEMS = 4


def hardware(pass_in: float = PASS, systems: int = SYSTEMS) -> process.Commands:
    """Serve a pod manager and an Ironic; ``urls`` returns their URLs.

    :param pass_in: seconds for which a node stays in a passing state of Ironic.
    :param systems: number of machines in the pool.
    """
    logging.disable(logging.WARNING)
    loop = asyncio.new_event_loop()
    size = Size(shapes=(Shape(systems=systems),))
    podm = Simulator(size, name="pod", pace=Pace(assemble=ASSEMBLE))
    ironic = Server(pass_in)
    loop.run_until_complete(podm.open())
    loop.run_until_complete(ironic.open())
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return {"urls": lambda: {"podm": podm.url, "ironic": ironic.url}}


class Valence:
    """A whole Valence: API and conductor, in a process that may be killed."""

    def __init__(self, folder: pathlib.Path, urls: dict[str, str], port: int) -> None:
        self._folder, self._urls, self._port = folder, urls, port

    def __call__(self) -> process.Commands:
        """Serve; ``url`` returns the URL."""
        conf = configuration.service(self._folder, self._urls["ironic"], **configuration.AUDITS)
        service = Service(conf)
        service.start()
        server = api_server.Server(
            ("127.0.0.1", self._port),
            app.application(service),
            threads=8,
            max_body=conf.max_request_body,
        )
        threading.Thread(target=server.run, daemon=True).start()
        return {"url": lambda: f"http://127.0.0.1:{server.effective_port}"}


def request(method: str, url: str, body: Any = None) -> Any:
    """Send a request to a peer; return JSON, or None for an empty or a 404 response.

    While the peer is unavailable the request is retried, unless it is a POST.

    :raises RuntimeError: another status of 400 or more.
    """
    deadline = time.monotonic() + OUTAGE_TIMEOUT
    while True:
        try:
            return _request(method, url, body)
        except (OSError, http.client.HTTPException):
            if method == "POST" or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _request(method: str, url: str, body: Any) -> Any:
    parts = urllib.parse.urlsplit(url)
    conn = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {"Content-Type": "application/json", "X-OpenStack-Ironic-API-Version": "1.90"}
        conn.request(method, target, json.dumps(body) if body is not None else None, headers)
        response = conn.getresponse()
        data = response.read()
    finally:
        conn.close()
    if response.status == 404 or not data:
        return None
    if response.status >= 400:
        raise RuntimeError(f"{method} {url}: {response.status} {data[:300]!r}")
    return json.loads(data)


def warm() -> None:
    """Import what victims would import at their first flow, and exclude it from collection."""
    for name in WARM:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


#: Modules that are imported late: when an engine, a client or a database is first used.
WARM = (
    "ironicclient.v1.client",
    "keystoneauth1.loading._plugins.noauth",
    "networkx",
    "prettytable",
    "sqlalchemy.dialects.sqlite",
    "taskflow.engines.action_engine.engine",
    "taskflow.persistence.backends.impl_memory",
    "valence.flows.compose",
    "valence.flows.register",
    "valence.flows.release",
    "valence.flows.unregister",
    "valence.podmanagers.rsd.driver",
    "valence.scheduler.filters",
    "valence.scheduler.weighers",
    "valence_integration.flows.destroy",
    "valence_integration.flows.provision",
)
