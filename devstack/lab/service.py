# SPDX-License-Identifier: Apache-2.0

"""The Valence service, and the configuration of the provisioning plugin."""

from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
import subprocess
import sys

from devstack.lab import ironic
from devstack.lab import processes

GRACE = 2
"""Seconds for which a stopping conductor waits for its current tasks."""


Databases = Callable[[Path, str], str]
"""Returns the URL of a database, from a directory and the name of the database."""


def files(directory: Path, name: str) -> str:
    """Return the URL of an SQLite file in the directory."""
    return f"sqlite:///{directory / name}.sqlite"


class Service:
    """One ``valence-api`` that registers nodes in an Ironic.

    :param ironic_url: of an Ironic without authentication.
    :param databases: of rows and flows; SQLite files by default.
    """

    def __init__(self, directory: Path, ironic_url: str, databases: Databases = files) -> None:
        self.directory = directory
        self._databases = databases
        self.connections: dict[str, str] = {}
        self.ironic_url = ironic_url
        self._port = processes.free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.config = directory / "valence.conf"
        self.process = processes.Process(
            "valence-api",
            [sys.executable, "-m", "valence.cmd.api", "--config-file", self.config],
            directory / "valence-api.log",
            ready=processes.answers(f"{self.url}/v1"),
            deadline=60,
        )

    def prepare(self, more: Mapping[str, Mapping[str, object]] | None = None) -> None:
        """Write the configuration: Ironic's address, and shorter intervals than for real pods.

        :param more: group -> options that override those of the lab.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self.connections = {
            name: self._databases(self.directory, name) for name in ("valence", "flows")
        }
        options: dict[str, dict[str, object]] = {
            "DEFAULT": {
                "auth_strategy": "noauth",
                "host_ip": "127.0.0.1",
                "port": self._port,
                "state_path": self.directory,
                "use_stderr": True,
            },
            "ironic": {"auth_type": "none", "endpoint_override": self.ironic_url},
            "database": {"connection": self.connections["valence"]},
            "podmanagers": {"poll_interval": 0.2},
            "conductor": {
                "graceful_timeout": GRACE,
                "connection": self.connections["flows"],
            },
        }
        for group, values in (more or {}).items():
            options[group] = {**options.get(group, {}), **values}
        ironic.write_ini(self.config, options)
        if not self.connections["valence"].startswith("sqlite"):
            self._upgrade()

    def _upgrade(self) -> None:
        program = [sys.executable, "-m", "valence.cmd.dbsync", "--config-file", str(self.config)]
        log = self.directory / "valence-dbsync.log"
        with log.open("wb") as file:
            process = subprocess.run(
                [*program, "upgrade"], stdout=file, stderr=subprocess.STDOUT, check=False
            )
        if process.returncode != 0:
            raise processes.ProcessFailed(
                "valence-dbsync", f"ended with {process.returncode}", log
            )


class Plugin:
    """The configuration of the provisioning plugin, which runs inside another process.

    :param grace: seconds for which it waits for its current tasks when it stops.
    """

    def __init__(
        self, directory: Path, valence_url: str, ironic_url: str, grace: int = GRACE
    ) -> None:
        self.directory = directory
        self._grace = grace
        self.config = directory / "valence-integration.conf"
        self._valence_url = valence_url
        self._ironic_url = ironic_url

    def prepare(self) -> None:
        """Write the configuration."""
        self.directory.mkdir(parents=True, exist_ok=True)
        ironic.write_ini(
            self.config,
            {
                "valence": {"auth_type": "none", "endpoint_override": self._valence_url},
                "ironic": {"auth_type": "none", "endpoint_override": self._ironic_url},
                "conductor": {"graceful_timeout": self._grace},
                "valence_integration": {"state_path": self.directory, "poll_interval": 0.3},
            },
        )
