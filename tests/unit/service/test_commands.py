# SPDX-License-Identifier: Apache-2.0

"""The commands, as processes: they are started, killed, and started again."""

import contextlib
import pathlib
import signal
import socket
import subprocess
import sys
import time
from typing import Any
import uuid as uuids

import requests
from testtools import content

from podm_simulator.pod.pod import Pace
from tests.unit.service import base
from valence import migrations
from valence.credentials import keyring
from valence.objects import podmanager as podmanager_objects
from valence_conductor.db import engine as db_engine
from valence_conductor.db import migrations as db_migrations


class TestProcesses(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.file = self.folder / "valence.conf"
        self.state_path = f"[DEFAULT]\nstate_path = {self.folder}/state\n"
        self.file.write_text(
            f"{self.state_path}port = {port}\n[podmanagers]\npoll_interval = 0.1\n"
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
        process = subprocess.Popen(
            [self.program("valence-api"), "--config-file", self.file], stdout=log, stderr=log
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.until(lambda: process.poll() is not None or self.answers())
        self.assertIsNone(process.poll(), (self.folder / "api.log").read_text())
        return process

    def answers(self) -> bool:
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"{self.url}/healthcheck", timeout=5).status_code == 200
        return False

    def get(self, path: str) -> Any:
        answer = requests.get(self.url + path, timeout=10)
        return None if answer.status_code == 404 else answer.json()

    def test_dbsync_upgrades_and_checks(self) -> None:
        self.assertEqual(2, self.run_command("valence-dbsync", "check").returncode)
        self.assertEqual("none\n", self.run_command("valence-dbsync", "version").stdout)
        self.assertEqual(0, self.run_command("valence-dbsync", "upgrade").returncode)
        self.assertEqual(
            f"{db_migrations.latest_revision(migrations.LOCATION)}\n",
            self.run_command("valence-dbsync", "version").stdout,
        )
        self.assertEqual(0, self.run_command("valence-dbsync", "check").returncode)

    def test_a_configuration_that_cannot_be_is_told_without_a_traceback(self) -> None:
        commands = ("api", "dbsync", "manage", "status")
        arguments = ([], ["version"], ["rotate-keys"], ["upgrade", "check"])
        self.file.write_text(f"{self.state_path}port = many\n")
        self.assertTold("valence-api", "many")
        self.file.write_text(f"{self.state_path}[database]\nconnection = nosuch://here\n")
        self.assertTold("valence-api", "nosuch")
        self.file.unlink()
        for command, more in zip(commands, arguments, strict=True):
            self.assertTold(f"valence-{command}", str(self.file), *more)
        self.assertTold("valence-conductor", str(self.file))

    def test_a_conductor_says_what_it_does_not_know(self) -> None:
        given = f"{self.state_path}[conductor]\nconnection = sqlite:///{self.folder}/flows\n"
        given += "jobboard = {}\nledgers = {}\n"
        self.file.write_text(given.format("redis://127.0.0.1:9", "knots"))
        self.assertTold("valence-conductor", "'knots'")
        self.file.write_text(given.format("telepathy://here", "nodes"))
        self.assertTold("valence-conductor", "'telepathy' is not a jobboard")

    def assertTold(self, command: str, word: str, *arguments: str) -> None:
        done = self.run_command(command, *arguments)
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertNotIn("Traceback", done.stdout + done.stderr)
        told = done.stderr.splitlines()[-1]
        self.assertTrue(told.startswith(f"{command}: "), told)
        self.assertIn(word, told)

    def test_keys_are_rotated_under_a_service_that_runs(self) -> None:
        pod = self.simulate()
        self.serve()
        body = {"name": "p", "url": pod.url, "username": "admin", "password": "admin"}
        self.assertEqual(201, requests.post(f"{self.url}/v1/podmanagers", json=body).status_code)
        keys = self.folder / "state" / "credentials.keys"
        before = keys.read_bytes()
        done = self.run_command("valence-manage", "rotate-keys")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("1 passwords are encrypted anew", done.stdout)
        self.assertEqual(1, len(keys.read_bytes().splitlines()))
        self.assertNotEqual(before, keys.read_bytes())
        requests.post(f"{self.url}/v1/nodes", json={"properties": base.FOUR_CORES})
        self.until(lambda: {n["state"] for n in self.get("/v1/nodes")["nodes"]} == {"composed"})
        # Without the key, nothing is done to what is encrypted with it.
        keys.write_bytes(before)
        failed = self.run_command("valence-manage", "rotate-keys")
        self.assertEqual(1, failed.returncode)
        self.assertIn("Bring the key back", failed.stderr)
        self.assertEqual(before, keys.read_bytes())

    def test_status_says_whether_this_release_can_be_started(self) -> None:
        before = self.run_command("valence-status", "upgrade", "check")
        self.assertEqual(1, before.returncode, before.stderr)
        self.assertIn("cannot be read", before.stdout)
        self.run_command("valence-dbsync", "upgrade")
        self.serve().terminate()
        after = self.run_command("valence-status", "upgrade", "check")
        self.assertEqual(0, after.returncode, after.stdout + after.stderr)

    def test_status_finds_passwords_and_drivers_that_are_lost(self) -> None:
        self.run_command("valence-dbsync", "upgrade")
        self.serve().terminate()
        db = db_engine.Database(f"sqlite:///{self.folder}/state/valence.sqlite")
        self.addCleanup(db.close)
        other = keyring.load(str(self.folder / "other.keys"))
        podmanager_objects.create(
            db,
            {
                "uuid": str(uuids.uuid4()),
                "name": "rack-7",
                "url": "http://127.0.0.1:9",
                "driver": "telepathy",
                "password_encrypted": other.encrypt("secret"),
                "verify_ca": True,
            },
        )
        found = self.run_command("valence-status", "upgrade", "check")
        self.assertEqual(2, found.returncode, found.stderr)
        for word in ("telepathy", "rack-7"):
            self.assertIn(word, found.stdout)
        self.assertNotIn("secret", found.stdout)

    def test_a_second_process_on_the_same_files_is_refused(self) -> None:
        self.serve()
        second = self.run_command("valence-api")
        self.assertEqual(1, second.returncode)
        self.assertIn("Another process", second.stderr)

    def test_it_stops_when_it_is_asked_to(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.serve()
            process.send_signal(number)
            self.assertEqual(0, process.wait(120))

    def test_a_killed_service_gives_nothing_away_and_loses_nothing(self) -> None:
        pod = self.simulate(pace=Pace(allocate=0.2, assemble=0.4), systems=8)
        before = self.books_of(pod)
        process = self.serve()
        body = {"name": "p", "url": pod.url, "username": "admin", "password": "admin"}
        self.assertEqual(201, requests.post(f"{self.url}/v1/podmanagers", json=body).status_code)
        uuids = []
        for round_ in range(3):
            body = {"properties": base.FOUR_CORES}
            for _ in range(2):
                uuids.append(requests.post(f"{self.url}/v1/nodes", json=body).json()["uuid"])
            time.sleep(0.25 * round_)
            process.kill()
            process.wait()
            process = self.serve()
        self.until(lambda: {n["state"] for n in self.get("/v1/nodes")["nodes"]} == {"composed"})
        self.assertEqual(len(uuids), len(pod.pod.nodes))
        for uuid in uuids:
            requests.delete(f"{self.url}/v1/nodes/{uuid}")
        process.kill()
        process.wait()
        process = self.serve()
        self.until(lambda: not self.get("/v1/nodes")["nodes"])
        self.assertEqual(before, self.books_of(pod))
