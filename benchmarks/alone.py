# SPDX-License-Identifier: Apache-2.0

"""The smallest deployment of Valence: one ``valence-api`` on SQLite."""

import json
import pathlib
import subprocess
import sys
import time
from typing import Any
import urllib.parse
import urllib.request

import fixtures

from benchmarks import deployment
from tests.servers import process

#: Timeout, in seconds, of the start of the service and of each response.
TIMEOUT = 900.0

#: Without it, Ironic uses the API version of 2014.
HEADERS = {"X-OpenStack-Ironic-API-Version": "latest"}

CONFIG = """\
[DEFAULT]
state_path = {folder}
port = {port}
default_log_levels = taskflow=WARNING
[inventory]
interval = 0
request_timeout = 900
[podmanagers]
poll_interval = 0.2
[conductor]
workers = {workers}
"""


class Alone(fixtures.Fixture):
    """One service, in a process of its own, which refreshes inventory only on request.

    :param workers: flows that it runs at a time.
    :ivar url: of its API.
    :ivar rows: URL of its database.
    """

    def __init__(self, workers: int = 8) -> None:
        self._workers = workers

    def _setUp(self) -> None:
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        port = process.free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.rows = f"sqlite:///{self.folder}/valence.sqlite"
        config = self.folder / "valence.conf"
        config.write_text(CONFIG.format(folder=self.folder, port=port, workers=self._workers))
        command = deployment.COMMANDS["valence-api"]
        with (self.folder / "valence-api.log").open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", command, "--config-file", str(config)],
                stdout=out,
                stderr=out,
            )
        self.addCleanup(self._stop)
        deadline = time.monotonic() + TIMEOUT
        while not self._responds():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "valence-api.log").read_text()[-3000:])
            time.sleep(0.1)

    def cpu(self) -> float:
        """Return the CPU time of the service, in seconds."""
        return deployment.cpu_of(self._process.pid)

    def starved(self) -> float:
        """Return for how many seconds its threads were ready, but had no processor."""
        return deployment.starved(self._process.pid)

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to the API; return the JSON of the response."""
        return request(method, f"{self.url}{path}", body)

    def register(self, urls: list[str]) -> list[str]:
        """Register pod managers; return their uuids."""
        access = {"username": "admin", "password": "admin"}
        bodies = [{"name": f"pod-{n}", "url": url, **access} for n, url in enumerate(urls)]
        return [self.request("POST", "/v1/podmanagers", body)["uuid"] for body in bodies]

    def list_all(self, path: str) -> list[Any]:
        """Return the members of all pages of a collection."""
        plural = path.rpartition("/")[2].partition("?")[0]
        members: list[Any] = []
        while True:
            page = self.request("GET", path)
            members += page[plural]
            if "next" not in page:
                return members
            parts = urllib.parse.urlsplit(page["next"])
            path = f"{parts.path}?{parts.query}"

    def _responds(self) -> bool:
        try:
            self.request("GET", "/healthcheck")
        except OSError:
            return False
        return True

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def request(method: str, url: str, body: Any = None) -> Any:
    """Send a request over loopback; return the JSON of the response, or None."""
    prepared = urllib.request.Request(  # noqa: S310 (a URL on loopback)
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **HEADERS},
    )
    with urllib.request.urlopen(prepared, timeout=TIMEOUT) as response:  # noqa: S310
        raw = response.read()
    return json.loads(raw) if raw else None
