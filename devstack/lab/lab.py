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


def _silent(_line: str) -> None:
    """Tell nobody."""


def new_directory() -> Path:
    """Make a directory for a lab."""
    LABS.mkdir(exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="run-", dir=LABS))


class Lab:
    """The whole cloud. Use it as a context manager, or call :meth:`start` and :meth:`stop`.

    :param pods: name of each pod manager and what it holds.
    :param directory: where everything is kept; a new one below ``.lab`` by default.
    :param databases: where the service keeps rows and flows.
    :param tell: called with a line for people whenever a part has become ready.
    :param glance_url: where Ironic looks up images that are named by their uuid.
    """

    def __init__(
        self,
        pods: Mapping[str, podm.Size],
        directory: Path | None = None,
        tell: Callable[[str], object] = _silent,
        databases: service.Databases = service.files,
        glance_url: str | None = None,
    ) -> None:
        self.directory = directory or new_directory()
        self._tell = tell
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
        """Return the processes, in the order in which they are started."""
        pods = [pod.process for pod in self.pods.values()]
        return [*pods, self.service.process, self.ironic.process]

    def __enter__(self) -> "Lab":
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything at once, and wait until everything answers.

        :raises ProcessFailed: one part did not come up; the others are stopped.
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
                self._tell(f"{process.name} is ready ({process.wait_ready():.1f} s)")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything, last started first. May be repeated."""
        for process in reversed(self.processes):
            process.stop()
        if self._reaper is not None:
            self._reaper.close()
            self._reaper = None

    def restart_service(self) -> None:
        """Start the service again on what it left."""
        assert self._reaper is not None, "the lab is not running"
        self.service.process.stop()
        self.service.process.start(self._reaper)
        self.service.process.wait_ready()

    def leave(self) -> None:
        """Let everything run on when this process ends; see :mod:`devstack.lab.kept`."""
        for process in self.processes:
            process.leave()
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
        """Return a client of Ironic that retries nothing by itself."""
        return ironic_client.get_client(
            "1", endpoint=self.ironic.url, os_ironic_api_version="latest", max_retries=0
        )

    def plugin_conf(self) -> cfg.ConfigOpts:
        """Return the configuration that the provisioning plugin is opened with."""
        conf = cfg.ConfigOpts()
        conf(["--config-file", str(self.plugin.config)], project="valence")
        return conf

    def enlist(self) -> dict[str, str]:
        """Register every pod manager with the service; return name to uuid."""
        client = self.valence_client()
        return {
            name: client.podmanagers.create(
                name=name, url=pod.url, username=pod.username, password=pod.password
            ).uuid
            for name, pod in self.pods.items()
        }
