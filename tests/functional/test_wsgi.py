# SPDX-License-Identifier: Apache-2.0

"""The service as an operator runs it: under gunicorn, with conductors, on PostgreSQL."""

import os
import pathlib
import re
import signal
import subprocess
import sys
from typing import Any

import fixtures
import requests

from devstack.lab import ironic as lab_ironic
from devstack.lab import podm
from devstack.lab import processes
from tests import base
from tests.servers import boards
from tests.servers import databases
from tests.servers import process
from valence import wiring
from valence_conductor.db.engine import Database

WORKERS = 3

CONDUCTOR = pathlib.Path(sys.executable).with_name("valence-conductor")

#: Seconds to wait on a busy machine.
PATIENCE = 120.0

FOUR_CORES = {"properties": {"processor": {"total_cores": 4}}}


class WSGITest(base.TestCase):
    needs: tuple[type[process.Server], ...] = ()

    def setUp(self) -> None:
        super().setUp()
        self.need(next(filter(None, (kind.missing() for kind in self.needs)), None))
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.reaper = processes.Reaper()
        self.addCleanup(self.reaper.close)
        port = processes.free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.command = [
            pathlib.Path(sys.executable).with_name("gunicorn"),
            f"--bind=127.0.0.1:{port}",
            "--threads=4",
            "--graceful-timeout=20",
        ]
        self.config = self.folder / "valence.conf"
        self.files = str(self.config)

    def configure(self, **groups: Any) -> None:
        options = {
            "DEFAULT": {"state_path": self.folder / "state", "use_stderr": True},
            "podmanagers": {"poll_interval": 0.2},
            **groups,
        }
        lab_ironic.write_ini(self.config, options)

    def server(self, workers: int) -> processes.Process:
        return processes.Process(
            "gunicorn",
            [*self.command, f"--workers={workers}", "valence.wsgi:create()"],
            self.folder / "gunicorn.log",
            ready=processes.answers(f"{self.url}/v1"),
            environment={"VALENCE_CONFIG_FILES": self.files},
        )

    def serve(self, workers: int) -> processes.Process:
        server = self.server(workers)
        server.start(self.reaper)
        self.addCleanup(server.stop)
        server.wait_ready()
        return server

    def stop(self, server: processes.Process) -> int | None:
        os.kill(server.pid, signal.SIGTERM)
        self.wait_for(lambda: server.poll() is not None)
        return server.poll()

    def get(self, path: str) -> Any:
        return requests.get(self.url + path, timeout=30).json()

    def states(self) -> set[str]:
        return {node["state"] for node in self.get("/v1/nodes")["nodes"]}

    def start_pod(self) -> podm.PodManager:
        pod = podm.PodManager(self.folder, "pod", podm.Size(systems=6, assemble_seconds=1.0))
        pod.process.start(self.reaper)
        self.addCleanup(pod.process.stop)
        pod.process.wait_ready()
        body = {"name": "pod", "url": pod.url, "username": pod.username, "password": pod.password}
        answer = requests.post(f"{self.url}/v1/podmanagers", json=body, timeout=30)
        self.assertEqual(201, answer.status_code, answer.text)
        return pod


class ManyHostsTest(WSGITest):
    """One host, with the database and the jobboard that several hosts share."""

    needs = (databases.PostgreSQL, boards.Redis)

    def setUp(self) -> None:
        super().setUp()
        sql, board = self.useFixture(databases.PostgreSQL()), self.useFixture(boards.Redis())
        for name in ("valence", "flows"):
            sql.create(name)
        self.configure(
            database={"connection": sql.url("valence")},
            conductor={
                "connection": sql.url("flows"),
                "jobboard": board.url,
                "lease": 5,
                "ledgers": "nodes",
            },
        )
        rows = Database(sql.url("valence"))
        wiring.upgrade(rows)
        rows.close()

    def compose(self) -> None:
        answer = requests.post(f"{self.url}/v1/nodes", json=FOUR_CORES, timeout=30)
        self.assertEqual(202, answer.status_code, answer.text)

    def release_all(self) -> None:
        for node in self.get("/v1/nodes")["nodes"]:
            requests.delete(f"{self.url}/v1/nodes/{node['uuid']}", timeout=30)
        self.wait_for(lambda: not self.get("/v1/nodes")["nodes"])


class TestWorkers(ManyHostsTest):
    def test_workers_share_jobs_and_metrics_and_stop_gracefully(self) -> None:
        server = self.serve(WORKERS)
        pod = self.start_pod()
        before = pod.pool()["fingerprint"]
        for _node in range(4):
            self.compose()
        server.stop(grace=60)  # while nodes are being composed: nothing is lost
        trouble = (self.folder / "gunicorn.log").read_text().partition("Traceback")[2]
        self.assertEqual("", trouble[:3000])
        self.serve(WORKERS)
        self.wait_for(lambda: self.states() == {"composed"})
        self.assertEqual("ok", self.get("/healthcheck")["status"])
        self.assert_every_request_is_counted()
        self.release_all()
        self.assertEqual(before, pod.pool()["fingerprint"])

    def assert_every_request_is_counted(self) -> None:
        """Every worker reports the requests of all workers."""
        for _request in range(30):
            self.get("/v1/flavors")
        pattern = r'valence_requests_total{method="GET",route="/v1/flavors",status="200"} (\S+)'
        for _scrape in range(6):
            text = requests.get(f"{self.url}/metrics", timeout=30).text
            (value,) = re.findall(pattern, text)
            self.assertEqual(30.0, float(value))
            self.assertIn('valence_rows{ledger="nodes",state="composed"} 4.0', text)


class TestConductors(ManyHostsTest):
    """The API only accepts requests: valence-conductor runs all flows."""

    def setUp(self) -> None:
        super().setUp()
        only_submits = self.folder / "only-submits.conf"
        lab_ironic.write_ini(only_submits, {"conductor": {"workers": 0}})
        self.files = f"{self.config}:{only_submits}"

    def test_another_conductor_resumes_the_jobs_of_a_stopped_one(self) -> None:
        self.serve(2)
        pod = self.start_pod()
        before = pod.pool()["fingerprint"]
        self.compose()
        first = self.conductor("first")
        self.wait_for(lambda: self.states() == {"composed"})
        composed = pod.pool()["fingerprint"]
        for _node in range(3):
            self.compose()
        self.wait_for(lambda: pod.pool()["fingerprint"] != composed)
        self.assertEqual(0, self.stop(first))
        self.assertEqual({"composed", "composing"}, self.states())
        second = self.conductor("second")
        self.wait_for(lambda: self.states() == {"composed"})
        self.release_all()
        self.assertEqual(before, pod.pool()["fingerprint"])
        self.assertEqual(0, self.stop(second))
        for name in ("first", "second"):
            log = (self.folder / f"{name}.log").read_text()
            self.assertIn("Conductor started, for the ledgers nodes", log)
            self.assertIn("Conductor stopped", log)
            for trouble in ("Traceback", "Warning"):
                self.assertEqual("", log.partition(trouble)[2][:3000])

    def test_a_conductor_without_a_jobboard_reports_what_to_set(self) -> None:
        result = subprocess.run([CONDUCTOR], capture_output=True, text=True, check=False)
        self.assertEqual(2, result.returncode)
        self.assertTrue(result.stderr.startswith("valence-conductor needs a jobboard: set"))

    def conductor(self, name: str) -> processes.Process:
        conductor = processes.Process(
            name,
            [CONDUCTOR, f"--config-file={self.config}"],
            self.folder / f"{name}.log",
            ready=lambda: "Conductor started" in (self.folder / f"{name}.log").read_text(),
        )
        conductor.start(self.reaper)
        self.addCleanup(conductor.stop)
        conductor.wait_ready()
        return conductor


class TestOneHost(WSGITest):
    """SQLite: its files serve one process only."""

    def test_one_worker_serves_and_stops(self) -> None:
        self.configure()
        server = self.serve(1)
        self.assertEqual("ok", self.get("/healthcheck")["status"])
        self.assertEqual(0, self.stop(server))

    def test_several_workers_without_a_jobboard_are_refused(self) -> None:
        self.configure()
        server = self.server(2)
        server.start(self.reaper)
        self.addCleanup(server.stop)
        self.wait_for(lambda: server.poll() is not None)
        self.assertIn("Another process holds", (self.folder / "gunicorn.log").read_text())
