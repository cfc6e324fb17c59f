# SPDX-License-Identifier: Apache-2.0

"""A real Keystone for tests that log in.

It runs from a virtual environment of its own (``.venv-keystone``, made by ``make
keystone``, or the one that VALENCE_KEYSTONE_ENV names), because its requirements may
conflict with those of Valence.
"""

import os
import pathlib
import subprocess

import fixtures

from devstack.lab import ironic as lab_ironic
from devstack.lab import processes

#: Of the administrator ``admin`` of the project ``admin``.
PASSWORD = "keystone-password"


def environment() -> pathlib.Path:
    """Return the path of the virtual environment of Keystone, which may not exist."""
    named = os.environ.get("VALENCE_KEYSTONE_ENV")
    return pathlib.Path(named or lab_ironic.ROOT / ".venv-keystone").absolute()


class Keystone(fixtures.Fixture):
    """One Keystone on SQLite, at ``url`` (with ``/v3``)."""

    url: str

    @classmethod
    def missing(cls) -> str | None:
        """Return a sentence about what is missing, or None."""
        if (environment() / "bin" / "keystone-manage").exists():
            return None
        return f"There is no Keystone in {environment()}. Run `make keystone` to install one there"

    def _setUp(self) -> None:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        port = processes.free_port()
        self.url = f"http://127.0.0.1:{port}/v3"
        self._config = folder / "keystone.conf"
        lab_ironic.write_ini(
            self._config,
            {
                "database": {"connection": f"sqlite:///{folder}/keystone.sqlite"},
                "fernet_tokens": {"key_repository": folder / "fernet"},
                "credential": {"key_repository": folder / "credential"},
                # bcrypt is slow by design; tests do not need that.
                "identity": {"password_hash_rounds": 4},
            },
        )
        (folder / "gunicorn.py").write_text(
            f"wsgi_app = 'keystone.wsgi.api:application'\nbind = '127.0.0.1:{port}'\nthreads = 4\n"
        )
        for name in ("fernet", "credential"):
            (folder / name).mkdir(mode=0o700)
        self._prepare()
        self.process = processes.Process(
            "keystone",
            # Without arguments: Keystone would parse those of the server as its own.
            [environment() / "bin" / "gunicorn"],
            folder / "keystone.log",
            ready=processes.answers(self.url),
            environment={
                "OS_KEYSTONE_CONFIG_FILES": str(self._config),
                "GUNICORN_CMD_ARGS": f"--config {folder / 'gunicorn.py'}",
            },
        )
        reaper = processes.Reaper()
        self.addCleanup(reaper.close)
        self.process.start(reaper)
        self.addCleanup(self.process.stop)
        self.process.wait_ready()

    def _prepare(self) -> None:
        user = ["--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid())]
        self._manage("db_sync")
        self._manage("fernet_setup", *user)
        self._manage(
            "bootstrap",
            f"--bootstrap-password={PASSWORD}",
            f"--bootstrap-public-url={self.url}",
            f"--bootstrap-internal-url={self.url}",
            "--bootstrap-region-id=lab",
        )

    def _manage(self, *arguments: str) -> None:
        program = environment() / "bin" / "keystone-manage"
        command = [program, "--config-file", self._config, *arguments]
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        if process.returncode != 0:
            raise RuntimeError(f"keystone-manage {arguments[0]}: {process.stderr[-2000:]}")
