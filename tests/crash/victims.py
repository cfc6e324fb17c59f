# SPDX-License-Identifier: Apache-2.0

"""The processes that are killed: each has a conductor, and sends requests to it.

After each kill another victim is started on the same files; all of them are the same
program. A victim does nothing but run commands.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import os
import pathlib
import threading
from typing import Any

from werkzeug import test

from tests.crash import configuration
from tests.crash import hook
from tests.crash import process
from valence import service as valence_service
from valence.api import app
from valence_integration import errors
from valence_integration.provisioner import Provisioner

#: The requirements of a node; each machine of the pool has more.
PROPERTIES = {"processor": {"total_cores": 4}, "memory": {"capacity_mib": 4096}}
DEPLOY = {"instance_info": {"boot_iso": "http://127.0.0.1:9/live.iso"}}

#: kind of victim -> file of its rows, and of its flows
ROWS = {"plugin": "integration.sqlite", "service": "valence.sqlite"}
FLOWS = {"plugin": "integration-flows.sqlite", "service": "flows.sqlite"}


class Victim:
    """A victim, with the commands of every kind.

    :param folder: its files, which outlive it.
    :param urls: name of a peer -> its URL.
    :param options: of its configuration.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        urls: Mapping[str, str],
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._folder = folder
        self._urls = urls
        self._options = dict(options or {})

    def __call__(self) -> process.Commands:
        """Install the hook; return the commands."""
        record = os.open(self._folder / "events", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        ports = {int(url.rpartition(":")[2]): name for name, url in self._urls.items()}
        self._hook = hook.Hook(ports, record, self._folder / "struck")
        self._hook.install()
        own = {"arm": self.arm, "disarm": self._hook.disarm, "start": self.start}
        return {**own, **self.commands()}

    def arm(self, strikes: Sequence[Mapping[str, Any]] = ()) -> None:
        """Start to count events, and to apply strikes."""
        self._hook.arm(strikes)

    def start(self) -> None:
        """Start the conductor, which resumes unfinished flows."""
        raise NotImplementedError

    def commands(self) -> process.Commands:
        """Return the commands of this kind."""
        raise NotImplementedError


class Plugin(Victim):
    """The provisioning plugin."""

    def start(self) -> None:
        """Open the databases, and start."""
        conf = configuration.plugin(
            self._folder, self._urls["valence"], self._urls["ironic"], **self._options
        )
        self._provisioner = Provisioner(conf)
        self._provisioner.start()

    def commands(self) -> process.Commands:
        """Return the commands of this kind."""
        return {
            "provision": self.provision,
            "destroy": self.destroy,
            "destroy_twice": self.destroy_twice,
            "retry": self.retry,
            "stop": self.stop,
        }

    def provision(self, uuid: str, deploy: bool = True, **wishes: Any) -> str:
        """Request an instance; return its state."""
        arguments = {"name": f"i-{uuid[:8]}", "requirements": PROPERTIES, **wishes}
        return self._provisioner.provision(
            uuid=uuid, deploy=DEPLOY if deploy else None, **arguments
        ).state

    def destroy(self, uuid: str) -> str:
        """Destroy an instance; return its state."""
        return self._provisioner.destroy(uuid).state

    def destroy_twice(self, uuid: str) -> None:
        """Destroy an instance in two threads at the same time."""
        callers = [threading.Thread(target=self.destroy, args=(uuid,)) for _ in range(2)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()

    def retry(self, uuid: str, revive: bool = False) -> str:
        """Retry an instance; return its state, or the reason of the refusal, which is allowed."""
        try:
            return self._provisioner.retry(uuid, revive=revive).state
        except errors.RetryRefused as exc:
            return str(exc)

    def stop(self) -> None:
        """Stop as SIGTERM does."""
        self._provisioner.stop()


class Service(Victim):
    """Valence itself."""

    def start(self) -> None:
        """Open the databases, and start."""
        conf = configuration.service(self._folder, self._urls["ironic"], **self._options)
        self._service = valence_service.Service(conf)
        self._service.start()
        self._client = test.Client(app.application(self._service))

    def commands(self) -> process.Commands:
        """Return the commands of this kind."""
        return {"request": self.request, "stop": self.stop}

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to the API; return its status and body."""
        response = self._client.open(path, method=method, json=body)
        return [response.status_code, response.get_json(silent=True)]

    def stop(self) -> None:
        """Stop as SIGTERM does."""
        self._service.stop(2.0)


KINDS: Mapping[str, type[Victim]] = {"plugin": Plugin, "service": Service}
