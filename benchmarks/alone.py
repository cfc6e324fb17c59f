# SPDX-License-Identifier: Apache-2.0

"""Valence as an operator begins with it: one ``valence-api`` on SQLite."""

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

#: Seconds in which the service must be ready, and in which it must answer.
PATIENCE = 900.0

#: Ironic answers as in 2014 unless told otherwise.
IRONIC = {"X-OpenStack-Ironic-API-Version": "latest"}

FILE = """\
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
    """One service, in a process of its own; refreshed only when asked.

    :param workers: flows that it runs at a time.
    :ivar url: where it listens.
    :ivar rows: its database.
    """

    def __init__(self, workers: int = 8) -> None:
        self._workers = workers

    def _setUp(self) -> None:
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        port = process.free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.rows = f"sqlite:///{self.folder}/valence.sqlite"
        config = self.folder / "valence.conf"
        config.write_text(FILE.format(folder=self.folder, port=port, workers=self._workers))
        command = deployment.COMMANDS["valence-api"]
        with (self.folder / "valence-api.log").open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", command, "--config-file", str(config)],
                stdout=out,
                stderr=out,
            )
        self.addCleanup(self._end)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "valence-api.log").read_text()[-3000:])
            time.sleep(0.1)

    def cpu(self) -> float:
        """Tell how many seconds of a core the service has used."""
        return deployment.cpu_of(self._process.pid)

    def starved(self) -> float:
        """Tell for how many seconds its threads were ready, and had no processor."""
        return deployment.starved(self._process.pid)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request, and give the JSON of the answer."""
        return ask(method, f"{self.url}{path}", body)

    def know(self, urls: list[str]) -> list[str]:
        """Make pod managers known, and give their uuids."""
        access = {"username": "admin", "password": "admin"}
        bodies = [{"name": f"pod-{n}", "url": url, **access} for n, url in enumerate(urls)]
        return [self.ask("POST", "/v1/podmanagers", body)["uuid"] for body in bodies]

    def everything(self, path: str) -> list[Any]:
        """Read all pages of a collection."""
        plural = path.rpartition("/")[2].partition("?")[0]
        found: list[Any] = []
        while True:
            page = self.ask("GET", path)
            found += page[plural]
            if "next" not in page:
                return found
            parts = urllib.parse.urlsplit(page["next"])
            path = f"{parts.path}?{parts.query}"

    def _answers(self) -> bool:
        try:
            self.ask("GET", "/healthcheck")
        except OSError:
            return False
        return True

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def ask(method: str, url: str, body: Any = None) -> Any:
    """Send a request over loopback, and give the JSON of the answer."""
    request = urllib.request.Request(  # noqa: S310 (our own URL)
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **IRONIC},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
        raw = answer.read()
    return json.loads(raw) if raw else None
