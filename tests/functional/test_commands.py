# SPDX-License-Identifier: Apache-2.0

"""The commands as processes: started, stopped, killed, and started again."""

import contextlib
import pathlib
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import requests
from testtools import content

from podm_simulator.pod.pod import Pace
from podm_simulator.server import Simulator
from tests.servers import process
from tests.unit.service import base


class TestProcesses(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        port = process.free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.file = self.folder / "valence.conf"
        self.file.write_text(
            f"[DEFAULT]\nstate_path = {self.folder}/state\nport = {port}\n"
            "[podmanagers]\npoll_interval = 0.1\n"
        )

    def tearDown(self) -> None:
        log = self.folder / "api.log"
        if log.exists():
            self.addDetail("api.log", content.text_content(log.read_text()))
        super().tearDown()

    def run_command(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program(name), "--config-file", self.file, *arguments],
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def program(self, name: str) -> str:
        return str(pathlib.Path(sys.executable).with_name(name))

    def serve(self) -> subprocess.Popen[bytes]:
        log = (self.folder / "api.log").open("ab")
        self.addCleanup(log.close)
        server = subprocess.Popen(
            [self.program("valence-api"), "--config-file", self.file], stdout=log, stderr=log
        )
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.wait_for(lambda: server.poll() is not None or self.answers())
        self.assertIsNone(server.poll(), (self.folder / "api.log").read_text())
        return server

    def answers(self) -> bool:
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"{self.url}/healthcheck", timeout=5).status_code == 200
        return False

    def register(self, pod: Simulator) -> None:
        body = {"name": "p", "url": pod.url, "username": "admin", "password": "admin"}
        response = requests.post(f"{self.url}/v1/podmanagers", json=body, timeout=30)
        self.assertEqual(201, response.status_code, response.text)

    def nodes(self) -> list[dict[str, Any]]:
        nodes: list[dict[str, Any]] = requests.get(f"{self.url}/v1/nodes", timeout=10).json()[
            "nodes"
        ]
        return nodes

    def states(self) -> set[str]:
        return {node["state"] for node in self.nodes()}

    def test_a_broken_configuration_is_reported_in_one_line(self) -> None:
        self.file.write_text("[DEFAULT]\nport = many\n")
        self.assert_reported("valence-api", 1, "many")
        self.assert_reported("valence-conductor", 2, "needs a jobboard")

    def assert_reported(self, command: str, status: int, words: str) -> None:
        result = self.run_command(command)
        self.assertEqual(status, result.returncode, result.stderr)
        self.assertNotIn("Traceback", result.stdout + result.stderr)
        line = result.stderr.splitlines()[-1]
        self.assertTrue(line.startswith(command), result.stderr)
        self.assertIn(words, line)

    def test_keys_are_rotated_while_a_service_runs(self) -> None:
        pod = self.simulate()
        self.serve()
        self.register(pod)
        keys = self.folder / "state" / "credentials.keys"
        before = keys.read_bytes()
        rotated = self.run_command("valence-manage", "rotate-keys")
        self.assertEqual(0, rotated.returncode, rotated.stderr)
        self.assertEqual(1, len(keys.read_bytes().splitlines()))
        self.assertNotEqual(before, keys.read_bytes())
        requests.post(f"{self.url}/v1/nodes", json={"properties": base.FOUR_CORES}, timeout=30)
        self.wait_for(lambda: self.states() == {"composed"})

    def test_a_second_process_on_the_same_files_is_refused(self) -> None:
        self.serve()
        second = self.run_command("valence-api")
        self.assertEqual(1, second.returncode)
        self.assertIn("Another process", second.stderr)

    def test_a_second_process_with_flows_of_its_own_on_the_same_rows_is_refused(self) -> None:
        self.serve()
        rows = f"sqlite:///{self.folder}/state/valence.sqlite"
        self.file.write_text(
            f"[DEFAULT]\nstate_path = {self.folder}/other\nport = {process.free_port()}\n"
            f"[database]\nconnection = {rows}\n"
        )
        second = self.run_command("valence-api")
        self.assertEqual(1, second.returncode)
        self.assertIn("valence.sqlite.rows-nodes.lock", second.stderr)
        self.assertIn("configure a separate [database] connection", second.stderr)

    def test_connections_that_send_slowly_do_not_keep_it_from_answering(self) -> None:
        self.serve()
        address = ("127.0.0.1", int(self.url.rpartition(":")[2]))
        for _ in range(400):
            connection = socket.create_connection(address)
            self.addCleanup(connection.close)
            connection.sendall(b"P")
        self.assertEqual(
            "ok", requests.get(f"{self.url}/healthcheck", timeout=60).json()["status"]
        )
        for length in ("+60", "6_0"):
            connection = socket.create_connection(address)
            self.addCleanup(connection.close)
            head = f"POST /v1/nodes HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
            connection.sendall(head.encode())
            self.assertIn(b"HTTP/1.1 400", connection.recv(1000))

    def test_a_signal_stops_it_with_status_0(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.serve()
            server.send_signal(number)
            self.assertEqual(0, server.wait(120))

    def test_a_killed_service_leaks_nothing_and_loses_nothing(self) -> None:
        pod = self.simulate(pace=Pace(allocate=0.2, assemble=0.4), systems=8)
        before = self.books_of(pod)
        server = self.serve()
        self.register(pod)
        uuids = []
        for round_ in range(3):
            body = {"properties": base.FOUR_CORES}
            for _ in range(2):
                response = requests.post(f"{self.url}/v1/nodes", json=body, timeout=30)
                uuids.append(response.json()["uuid"])
            time.sleep(0.25 * round_)
            server = self.restart(server)
        self.wait_for(lambda: self.states() == {"composed"})
        self.assertEqual(len(uuids), len(pod.pod.nodes))
        for uuid in uuids:
            requests.delete(f"{self.url}/v1/nodes/{uuid}", timeout=30)
        self.restart(server)
        self.wait_for(lambda: not self.nodes())
        self.assertEqual(before, self.books_of(pod))

    def restart(self, server: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        """Kill a server, and start another one on its files."""
        server.kill()
        server.wait()
        return self.serve()
