# SPDX-License-Identifier: Apache-2.0

"""A lab: simulated pod managers, a real Ironic and the service, in one directory."""

from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
import shutil
import tempfile
from typing import Any

from ironicclient import client as ironic_client
from oslo_config import cfg

from devstack.lab import ironic
from devstack.lab import podm
from devstack.lab import processes
from devstack.lab import service
import valenceclient

ROOT = ironic.ROOT
LABS = ROOT / ".lab"


def _no_report(_line: str) -> None:
    """Ignore a line of progress."""


def new_directory() -> Path:
    """Create a directory for a lab; return its path."""
    LABS.mkdir(exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="run-", dir=LABS))


class Lab:
    """The whole cloud: a context manager, or :meth:`start` and :meth:`stop`.

    :param pods: name of each pod manager -> the size of its pod.
    :param directory: of all its files; a new one below ``.lab`` by default.
    :param databases: of the service, for rows and flows.
    :param report: called with a line of progress when a process is ready.
    :param glance_url: of the Glance that has the images named by uuid.
    """

    def __init__(
        self,
        pods: Mapping[str, podm.Size],
        directory: Path | None = None,
        report: Callable[[str], object] = _no_report,
        databases: service.Databases = service.files,
        glance_url: str | None = None,
    ) -> None:
        self.directory = directory or new_directory()
        self._report = report
        self._reaper: processes.Reaper | None = None
        self.pods = {
            name: podm.PodManager(self.directory, name, size) for name, size in pods.items()
        }
        self.ironic = ironic.Ironic(self.directory / "ironic", LABS / "cache", glance_url)
        self.service = service.Service(self.directory / "valence", self.ironic.url, databases)
        self.plugin = service.Plugin(
            self.directory / "integration", self.service.url, self.ironic.url
        )

    @property
    def processes(self) -> list[processes.Process]:
        """The processes, in the order of their start."""
        pods = [pod.process for pod in self.pods.values()]
        return [*pods, self.service.process, self.ironic.process]

    def __enter__(self) -> "Lab":
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start all processes at the same time, and wait until all of them respond.

        :raises ProcessFailed: a process is not ready in time; the others are stopped.
        """
        self._reaper = processes.Reaper()
        try:
            for pod in self.pods.values():
                pod.process.start(self._reaper)
            for part in (self.service, self.ironic):
                part.prepare()
                part.process.start(self._reaper)
            self.plugin.prepare()
            for process in self.processes:
                self._report(f"{process.name} is ready ({process.wait_ready():.1f} s)")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all processes, the last first. May be repeated."""
        for process in reversed(self.processes):
            process.stop()
        if self._reaper is not None:
            self._reaper.close()
            self._reaper = None

    def restart_service(self) -> None:
        """Restart the service, on its databases."""
        assert self._reaper is not None, "the lab is not running"
        self.service.process.stop()
        self.service.process.start(self._reaper)
        self.service.process.wait_ready()

    def detach(self) -> None:
        """Leave the processes running when this one ends; see :mod:`devstack.lab.detached`."""
        for process in self.processes:
            process.detach()
        if self._reaper is not None:
            self._reaper.close()
            self._reaper = None

    def remove(self) -> None:
        """Remove the directory of a lab that has been stopped."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def valence_client(self) -> valenceclient.Client:
        """Return a client of the service."""
        return valenceclient.Client(endpoint=self.service.url, poll_interval=0.3)

    def ironic_client(self) -> Any:
        """Return a client of Ironic that does not retry."""
        return ironic_client.get_client(
            "1", endpoint=self.ironic.url, os_ironic_api_version="latest", max_retries=0
        )

    def plugin_conf(self) -> cfg.ConfigOpts:
        """Return the configuration of the provisioning plugin."""
        conf = cfg.ConfigOpts()
        conf(["--config-file", str(self.plugin.config)], project="valence")
        return conf

    def enlist(self) -> dict[str, str]:
        """Register every pod manager in the service; return name -> uuid."""
        client = self.valence_client()
        return {
            name: client.podmanagers.create(
                name=name, url=pod.url, username=pod.username, password=pod.password
            ).uuid
            for name, pod in self.pods.items()
        }
