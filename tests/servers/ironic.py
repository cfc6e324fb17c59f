# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

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
