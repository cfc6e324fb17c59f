# SPDX-License-Identifier: Apache-2.0

"""Simulated pod managers, each a process, and the look behind them."""

import dataclasses
import json
from pathlib import Path
import sys
from typing import Any
import urllib.request

from devstack.lab import processes


@dataclasses.dataclass(frozen=True)
class Size:
    """What a simulated pod holds, and how quick it is.

    :param systems: how many computer systems.
    :param cores: of each system.
    :param memory_mib: of each system.
    :param assemble_seconds: that a node takes to be assembled.
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
        """Ask the simulator's control endpoint; return its JSON, None when there is none."""
        request = urllib.request.Request(  # noqa: S310 (our own URL)
            f"{self.url}/control/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            raw = answer.read()
        return json.loads(raw) if raw else None

    def pool(self) -> dict[str, Any]:
        """Read the books: what there is, what is free, what is composed, the fingerprint."""
        books: dict[str, Any] = self.control("GET", "pool")
        return books

    def misbehave(self, fault: dict[str, Any]) -> None:
        """Have the simulator misbehave; see ``POST /control/faults``."""
        self.control("POST", "faults", fault)

    def behave(self) -> None:
        """Take all faults back."""
        self.control("DELETE", "faults")

    def requests(self) -> list[dict[str, Any]]:
        """Read the Redfish requests it was sent since :meth:`forget_requests`."""
        found: list[dict[str, Any]] = self.control("GET", "requests")["requests"]
        return found

    def forget_requests(self) -> None:
        """Begin to count requests anew."""
        self.control("DELETE", "requests")

    def redfish(self, path: str, method: str = "GET") -> dict[str, Any]:
        """Read or delete a Redfish resource, as anybody with the credentials can."""
        manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        manager.add_password(None, self.url, self.username, self.password)
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
        asked = urllib.request.Request(f"{self.url}{path}", method=method)  # noqa: S310
        with opener.open(asked, timeout=10) as answer:
            raw = answer.read()
        return dict(json.loads(raw)) if raw else {}

    def macs(self, system: str) -> list[str]:
        """Return the MAC addresses of a computer system, in Ironic's spelling.

        :param system: path of the system.
        """
        interfaces = self.redfish(system)["EthernetInterfaces"]["@odata.id"]
        members = self.redfish(interfaces)["Members"]
        return [self.redfish(member["@odata.id"])["MACAddress"].lower() for member in members]

    def free_macs(self) -> list[str]:
        """Return the MAC addresses of every system that no node holds."""
        taken = {node["system"] for node in self.pool()["nodes"]}
        free = [path for path in self.systems() if path.rpartition("/")[2] not in taken]
        return [mac for path in free for mac in self.macs(path)]

    def systems(self) -> list[str]:
        """Return the paths of all computer systems."""
        members = self.redfish("/redfish/v1/Systems")["Members"]
        return [member["@odata.id"] for member in members]
