# SPDX-License-Identifier: Apache-2.0

"""A real Ironic for the tests of one process: that of the lab, as a fixture."""

import pathlib

import fixtures

from devstack.lab import ironic
from devstack.lab import processes

#: The lab keeps a migrated empty database here, so that it is migrated once.
CACHE = ironic.ROOT / ".lab" / "cache"


class Ironic(fixtures.Fixture):
    """One real Ironic at ``url``, without authentication."""

    url: str

    @classmethod
    def missing(cls) -> str | None:
        """Return a sentence about what is missing, or None."""
        try:
            ironic.environment()
        except ironic.IronicMissing as exc:
            return str(exc)
        return None

    def _setUp(self) -> None:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        reaper = processes.Reaper()
        self.addCleanup(reaper.close)
        server = ironic.Ironic(folder / "ironic", CACHE)
        server.prepare()
        server.process.start(reaper)
        self.addCleanup(server.process.stop)
        server.process.wait_ready()
        self.url = server.url
