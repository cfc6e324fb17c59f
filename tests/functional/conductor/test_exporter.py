# SPDX-License-Identifier: Apache-2.0

"""Metrics, over HTTP."""

import urllib.request

from tests.unit.conductor import base
from tests.unit.conductor import toy
from valence_conductor import metrics


class TestExporter(base.ConductorTestCase):
    def test_the_rows_are_counted_by_state_at_each_scrape(self) -> None:
        toys = toy.Toys(self.folder)
        exporter = metrics.Exporter([toys], "127.0.0.1", 0)
        exporter.start()
        self.addCleanup(exporter.stop)
        toys.add("t1")
        with urllib.request.urlopen(f"http://127.0.0.1:{exporter.port}/metrics") as response:
            text = response.read().decode()
        self.assertIn('valence_rows{ledger="toys",state="building"} 1.0', text)
