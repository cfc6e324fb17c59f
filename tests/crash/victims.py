# SPDX-License-Identifier: Apache-2.0

"""The processes that are killed: a conductor each, and whoever asks it for something.

A victim is made anew on the same files after each kill; the first and the last
are the same program. It does nothing but what its commands say.
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
from valence import service as service_module
from valence.api import app
from valence_integration import errors
from valence_integration import provisioner as provisioner_module

#: What is asked for; each machine of the pool has more.
PROPERTIES = {"processor": {"total_cores": 4}, "memory": {"capacity_mib": 4096}}
DEPLOY = {"instance_info": {"boot_iso": "http://127.0.0.1:9/live.iso"}}

#: Names of the databases of a victim, of rows and of flows.
ROWS = {"plugin": "integration.sqlite", "service": "valence.sqlite"}
FLOWS = {"plugin": "integration-flows.sqlite", "service": "flows.sqlite"}


class Victim:
    """What every victim can be told.

    :param folder: its files, which outlive it.
    :param where: URLs of its peers, by name.
    :param options: of its configuration.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        where: Mapping[str, str],
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._folder = folder
        self._where = where
        self._options = dict(options or {})

    def __call__(self) -> process.Commands:
        """Be the process."""
        record = os.open(self._folder / "events", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        ports = {int(url.rpartition(":")[2]): name for name, url in self._where.items()}
        self._hook = hook.Hook(ports, record, self._folder / "struck")
        self._hook.install()
        own = {"arm": self.arm, "disarm": self._hook.disarm, "start": self.start}
        return {**own, **self.commands()}

    def arm(self, strikes: Sequence[Mapping[str, Any]] = ()) -> None:
        """Count what leaves from now on, and strike."""
        self._hook.arm(strikes)

    def start(self) -> None:
        """Start the conductor: what is under way goes on."""
        raise NotImplementedError

    def commands(self) -> process.Commands:
        """Give what can be asked for."""
        raise NotImplementedError


class Plugin(Victim):
    """The provisioning plugin."""

    def start(self) -> None:
        """Open the databases, and begin to work."""
        conf = configuration.plugin(
            self._folder, self._where["valence"], self._where["ironic"], **self._options
        )
        self._provisioner = provisioner_module.Provisioner(conf)
        self._provisioner.start()

    def commands(self) -> process.Commands:
        """Give what can be asked for."""
        return {
            "provision": self.provision,
            "destroy": self.destroy,
            "destroy_twice": self.destroy_twice,
            "retry": self.retry,
            "stop": self.stop,
        }

    def provision(self, uuid: str, deploy: bool = True, **wishes: Any) -> str:
        """Ask for an instance."""
        wanted = {"name": f"i-{uuid[:8]}", "requirements": PROPERTIES, **wishes}
        return self._provisioner.provision(
            uuid=uuid, deploy=DEPLOY if deploy else None, **wanted
        ).state

    def destroy(self, uuid: str) -> str:
        """Have an instance destroyed."""
        return self._provisioner.destroy(uuid).state

    def destroy_twice(self, uuid: str) -> None:
        """Have it destroyed by two callers at the same moment."""
        callers = [threading.Thread(target=self.destroy, args=(uuid,)) for _ in range(2)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()

    def retry(self, uuid: str, revive: bool = False) -> str:
        """Ask for an instance anew; whoever may not is told so, which is well."""
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
        """Open the databases, and begin to work."""
        conf = configuration.service(self._folder, self._where["ironic"], **self._options)
        self._service = service_module.Service(conf)
        self._service.start()
        self._client = test.Client(app.application(self._service))

    def commands(self) -> process.Commands:
        """Give what can be asked for."""
        return {"ask": self.ask, "stop": self.stop}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the API; status and body."""
        answer = self._client.open(path, method=method, json=body)
        return [answer.status_code, answer.get_json(silent=True)]

    def stop(self) -> None:
        """Stop as SIGTERM does."""
        self._service.stop(2.0)


KINDS: Mapping[str, type[Victim]] = {"plugin": Plugin, "service": Service}
