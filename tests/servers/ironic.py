# SPDX-License-Identifier: Apache-2.0

"""A real Ironic for the tests of one process: the lab's own, as a fixture."""

import pathlib

import fixtures

from devstack.lab import ironic
from devstack.lab import processes

#: Where the lab keeps a migrated empty database, so that it is migrated once.
CACHE = ironic.ROOT / ".lab" / "cache"


class Ironic(fixtures.Fixture):
    """One real Ironic, reached without credentials at ``url``."""

    url: str

    @classmethod
    def missing(cls) -> str | None:
        """Say what is missing; None if nothing is."""
        try:
            ironic.environment()
        except ironic.IronicMissing as exc:
            return str(exc)
        return None

    def _setUp(self) -> None:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        reaper = processes.Reaper()
        self.addCleanup(reaper.close)
        one = ironic.Ironic(folder / "ironic", CACHE)
        one.prepare()
        one.process.start(reaper)
        self.addCleanup(one.process.stop)
        one.process.wait_ready()
        self.url = one.url
