# SPDX-License-Identifier: Apache-2.0

"""Metrics of a conductor, for Prometheus.

==============================  =========  ==========================================
valence_jobs_total              counter    jobs that ended, by operation and result
valence_jobs_running            gauge      jobs running in this process
valence_resumes_total           counter    jobs resumed where another process left them
valence_task_seconds            histogram  duration of tasks, executing or reverting
valence_rows                    gauge      rows by state, as in the database
valence_strays_total            counter    strays found: objects that no row owns
==============================  =========  ==========================================
"""

from collections.abc import Collection
from collections.abc import Iterator
from typing import Any

from oslo_log import log as logging
import prometheus_client
from prometheus_client import core
from prometheus_client import registry

from valence_conductor.ledger import Ledger

LOG = logging.getLogger(__name__)

JOBS = prometheus_client.Counter(
    "valence_jobs_total", "Jobs that ended.", ["ledger", "operation", "result"]
)
RUNNING = prometheus_client.Gauge(
    "valence_jobs_running",
    "Jobs running in this process.",
    ["ledger", "operation"],
    multiprocess_mode="livesum",
)
RESUMES = prometheus_client.Counter(
    "valence_resumes_total",
    "Jobs resumed where another process left them.",
    ["ledger", "operation"],
)
TASK_SECONDS = prometheus_client.Histogram(
    "valence_task_seconds",
    "Duration of tasks.",
    ["task", "direction"],
    buckets=(0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600),
)
STRAYS = prometheus_client.Counter(
    "valence_strays_total",
    "Strays found: objects that no row owns.",
    ["ledger", "kind", "repaired"],
)


class RowCollector(registry.Collector):
    """Counts rows by state at each scrape: the database knows the number, no process does."""

    def __init__(self, ledgers: Collection[Ledger]) -> None:
        self._ledgers = ledgers

    def collect(self) -> Iterator[core.Metric]:
        """Count the rows of every ledger; one whose database is unreachable is left out."""
        rows = core.GaugeMetricFamily("valence_rows", "Rows by state.", labels=["ledger", "state"])
        for ledger in self._ledgers:
            try:
                counts = ledger.count_by_state()
            except Exception as exc:  # the other metrics are served all the same
                LOG.warning("Could not count the rows of %s: %s", ledger.name, exc)
                continue
            for state, count in counts.items():
                rows.add_metric([ledger.name, state], count)
        yield rows


class Exporter:
    """Serves the metrics of this process over HTTP.

    :param host: address to listen on.
    :param port: 0 chooses a free one; see :attr:`port`.
    """

    def __init__(self, ledgers: Collection[Ledger], host: str, port: int) -> None:
        self._rows = RowCollector(ledgers)
        self._host = host
        self.port = port
        self._server: Any = None

    def start(self) -> None:
        """Start to listen."""
        prometheus_client.REGISTRY.register(self._rows)
        self._server, _thread = prometheus_client.start_http_server(self.port, self._host)
        self.port = self._server.server_port
        LOG.info("Serving metrics at http://%s:%s/metrics", self._host, self.port)

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            prometheus_client.REGISTRY.unregister(self._rows)
            self._server.shutdown()
            self._server.server_close()
            self._server = None
