# SPDX-License-Identifier: Apache-2.0

"""Several pod managers and one service, each a process, and many concurrent clients."""

import collections
from concurrent import futures
from pathlib import Path
import time
from typing import Any

import fixtures

from devstack.lab import podm
from devstack.lab import processes
from devstack.lab import service
from tests import base
import valenceclient

PODS = 4
SYSTEMS = 50

#: Seconds in which all operations must have ended.
TIMEOUT = 600.0

PROPERTIES = {"processor": {"total_cores": 8}, "memory": {"capacity_mib": 16384}}


class TestManyPodManagers(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = Path(self.useFixture(fixtures.TempDir()).path)
        reaper = processes.Reaper()
        self.addCleanup(reaper.close)
        size = podm.Size(systems=SYSTEMS, assemble_seconds=0.2)
        self.pods = {
            name: podm.PodManager(folder, name, size)
            for name in (f"pod-{number}" for number in range(PODS))
        }
        # No node is registered in Ironic here: no request is sent to this one.
        self.service = service.Service(folder / "valence", "http://127.0.0.1:9")
        self.service.prepare()
        parts = [*(pod.process for pod in self.pods.values()), self.service.process]
        for part in parts:
            part.start(reaper)
            self.addCleanup(part.stop)
        for part in parts:
            part.wait_ready()
        self.valence = valenceclient.Client(endpoint=self.service.url)
        for name, pod in self.pods.items():
            self.valence.podmanagers.create(
                name=name, url=pod.url, username=pod.username, password=pod.password
            )
        self.before = self.fingerprints()

    def fingerprints(self) -> dict[str, Any]:
        return {name: pod.pool()["fingerprint"] for name, pod in self.pods.items()}

    def compose(self, number: int) -> str:
        client = valenceclient.Client(endpoint=self.service.url)
        uuid: str = client.nodes.create(name=f"node-{number}", properties=PROPERTIES).uuid
        return uuid

    def release(self, uuid: str) -> None:
        valenceclient.Client(endpoint=self.service.url).nodes.delete(uuid)

    def settled(self) -> list[valenceclient.Node]:
        """Wait until no operation on a node is running."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            nodes = list(self.valence.nodes.list())
            busy = [node for node in nodes if node.state in ("composing", "releasing")]
            if not busy:
                return nodes
            self.assertLess(time.monotonic(), deadline, f"{len(busy)} nodes are busy")
            time.sleep(0.5)

    def test_concurrent_composes_use_every_system_and_none_twice(self) -> None:
        count = PODS * SYSTEMS
        with futures.ThreadPoolExecutor(count) as pool:
            uuids = set(pool.map(self.compose, range(count)))
        nodes = self.settled()
        self.assertEqual({"composed": count}, collections.Counter(node.state for node in nodes))
        self.assertEqual(uuids, {node.uuid for node in nodes})
        counts = collections.Counter((node.podm_id, node.system_path) for node in nodes)
        self.assertEqual({1}, set(counts.values()))
        for pod in self.pods.values():
            self.assertEqual(SYSTEMS, len(pod.pool()["nodes"]))

        self.check_inventory(uuids)
        self.check_that_each_refuses_one_more()

        with futures.ThreadPoolExecutor(20) as pool:
            list(pool.map(self.release, uuids))
        self.assertEqual([], self.settled())
        self.assertEqual(self.before, self.fingerprints())

    def check_inventory(self, uuids: set[str]) -> None:
        answer = self.get("/v1/systems?state=used&refresh=true")
        self.assertEqual([], answer["errors"])
        self.assertEqual(uuids, {system["node_id"] for system in answer["systems"]})
        for row in self.get("/v1/podmanagers")["podmanagers"]:
            self.assertEqual({"total": 50, "used": 50, "free": 0}, row["usage"]["systems"])

    def check_that_each_refuses_one_more(self) -> None:
        uuid = self.compose(PODS * SYSTEMS)
        self.settled()
        fault = self.get(f"/v1/nodes/{uuid}")["fault"]
        self.assertEqual("valence.no_podmanager", fault["code"])
        self.assertEqual(set(self.pods), set(fault["refusals"]))
        self.release(uuid)
        self.settled()

    def get(self, path: str) -> Any:
        return self.valence.adapter.get(path).json()
