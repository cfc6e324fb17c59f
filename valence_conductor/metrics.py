# SPDX-License-Identifier: Apache-2.0

"""What Prometheus is told of a conductor.

==============================  =========  ==========================================
valence_jobs_total              counter    jobs that ended, by operation and result
valence_jobs_running            gauge      jobs under way in this process
valence_resumes_total           counter    jobs taken up where another process left
valence_task_seconds            histogram  how long tasks took, forward or reverting
valence_rows                    gauge      rows by state, as the database has them
valence_strays_total            counter    things found that no row owns
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
    "Jobs under way in this process.",
    ["ledger", "operation"],
    multiprocess_mode="livesum",
)
RESUMES = prometheus_client.Counter(
    "valence_resumes_total", "Jobs taken up where another process left.", ["ledger", "operation"]
)
TASK_SECONDS = prometheus_client.Histogram(
    "valence_task_seconds",
    "How long tasks took.",
    ["task", "direction"],
    buckets=(0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600),
)
STRAYS = prometheus_client.Counter(
    "valence_strays_total", "Things found that no row owns.", ["ledger", "kind", "repaired"]
)


class Census(registry.Collector):
    """Counts rows by state at each scrape: the database knows, no process does."""

    def __init__(self, ledgers: Collection[Ledger]) -> None:
        self._ledgers = ledgers

    def collect(self) -> Iterator[core.Metric]:
        """Count the rows of every ledger; one whose database is away is left out."""
        rows = core.GaugeMetricFamily("valence_rows", "Rows by state.", labels=["ledger", "state"])
        for ledger in self._ledgers:
            try:
                census = ledger.count_by_state()
            except Exception as exc:  # a scrape tells what can be told
                LOG.warning("The rows of %s could not be counted: %s", ledger.name, exc)
                continue
            for state, count in census.items():
                rows.add_metric([ledger.name, state], count)
        yield rows


class Exporter:
    """Serves the metrics of this process over HTTP.

    :param host: address to listen on.
    :param port: 0 chooses a free one; see :attr:`port`.
    """

    def __init__(self, ledgers: Collection[Ledger], host: str, port: int) -> None:
        self._census = Census(ledgers)
        self._host = host
        self.port = port
        self._server: Any = None

    def start(self) -> None:
        """Listen."""
        prometheus_client.REGISTRY.register(self._census)
        self._server, _thread = prometheus_client.start_http_server(self.port, self._host)
        self.port = self._server.server_port
        LOG.info("Metrics are at http://%s:%s/metrics", self._host, self.port)

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            prometheus_client.REGISTRY.unregister(self._census)
            self._server.shutdown()
            self._server.server_close()
            self._server = None
