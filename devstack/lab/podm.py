# SPDX-License-Identifier: Apache-2.0

"""Simulated pod managers, each a process, with access to their control endpoint."""

import dataclasses
import json
from pathlib import Path
import sys
from typing import Any
import urllib.request

from devstack.lab import processes


@dataclasses.dataclass(frozen=True)
class Size:
    """The hardware of a simulated pod, and its speed.

    :param systems: number of computer systems.
    :param cores: of each system.
    :param memory_mib: of each system.
    :param assemble_seconds: duration of an assembly.
    """

    systems: int = 4
    cores: int = 16
    memory_mib: int = 65536
    drives: int = 1
    nics: int = 2
    assemble_seconds: float = 1.0


class PodManager:
    """One simulated pod manager."""

    username = "admin"
    password = "pod-password"  # noqa: S105 (of a simulator on loopback)

    def __init__(self, directory: Path, name: str, size: Size) -> None:
        self.name = name
        self.size = size
        port = processes.free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = processes.Process(
            f"pod manager {name}",
            [sys.executable, "-m", "podm_simulator", *self._options(port)],
            directory / f"podm-{name}.log",
            ready=processes.answers(f"{self.url}/redfish/v1/"),
            deadline=30,
        )

    def _options(self, port: int) -> list[str]:
        options: dict[str, object] = {
            "port": port,
            "name": self.name,
            "seed": self.name,
            "username": self.username,
            "password": self.password,
            "systems": self.size.systems,
            "cores": self.size.cores,
            "memory-mib": self.size.memory_mib,
            "drives": self.size.drives,
            "nics": self.size.nics,
            "assemble-seconds": self.size.assemble_seconds,
        }
        return [f"--{name}={value}" for name, value in options.items()]

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Send a request to the control endpoint; return its JSON, or None when it has none."""
        request = urllib.request.Request(  # noqa: S310 (a URL on loopback)
            f"{self.url}/control/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            raw = response.read()
        return json.loads(raw) if raw else None

    def pool(self) -> dict[str, Any]:
        """Return the usage (total, free, composed), the nodes and the fingerprint."""
        pool: dict[str, Any] = self.control("GET", "pool")
        return pool

    def misbehave(self, fault: dict[str, Any]) -> None:
        """Inject a fault; see ``POST /control/faults``."""
        self.control("POST", "faults", fault)

    def behave(self) -> None:
        """Remove all faults."""
        self.control("DELETE", "faults")

    def requests(self) -> list[dict[str, Any]]:
        """Return the Redfish requests since :meth:`forget_requests`."""
        requests: list[dict[str, Any]] = self.control("GET", "requests")["requests"]
        return requests

    def forget_requests(self) -> None:
        """Reset the log of requests."""
        self.control("DELETE", "requests")

    def redfish(self, path: str, method: str = "GET") -> dict[str, Any]:
        """Read or delete a Redfish resource, with the credentials of the pod manager."""
        manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        manager.add_password(None, self.url, self.username, self.password)
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
        request = urllib.request.Request(f"{self.url}{path}", method=method)  # noqa: S310
        with opener.open(request, timeout=10) as response:
            raw = response.read()
        return dict(json.loads(raw)) if raw else {}

    def macs(self, system: str) -> list[str]:
        """Return the MAC addresses of a computer system, in lower case as in Ironic.

        :param system: path of the system.
        """
        interfaces = self.redfish(system)["EthernetInterfaces"]["@odata.id"]
        members = self.redfish(interfaces)["Members"]
        return [self.redfish(member["@odata.id"])["MACAddress"].lower() for member in members]

    def free_macs(self) -> list[str]:
        """Return the MAC addresses of every system that no node holds."""
        composed = {node["system"] for node in self.pool()["nodes"]}
        free = [path for path in self.systems() if path.rpartition("/")[2] not in composed]
        return [mac for path in free for mac in self.macs(path)]

    def systems(self) -> list[str]:
        """Return the paths of all computer systems."""
        members = self.redfish("/redfish/v1/Systems")["Members"]
        return [member["@odata.id"] for member in members]
