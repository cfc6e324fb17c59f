# SPDX-License-Identifier: Apache-2.0

"""The metrics of the API and of its pod managers, for Prometheus.

=============================== =========  ==========================================
valence_requests_total          counter    requests, by route, method and status
valence_request_seconds         histogram  their duration, by route and method
valence_podmanagers             gauge      pod managers by status
valence_node_identity_conflicts gauge      nodes whose facts contradict each other
valence_findings                gauge      findings of audits, by pod manager and kind
valence_rows                    gauge      nodes by state
=============================== =========  ==========================================

and those of :mod:`valence_conductor.metrics`. Counters of processes that share a folder
(``PROMETHEUS_MULTIPROC_DIR``) are summed over all of them; gauges from the database are
read at each scrape, and are the same in every process.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import os
import pathlib
import re
from typing import Any

from oslo_log import log as logging
import prometheus_client
from prometheus_client import core
from prometheus_client import multiprocess
from prometheus_client import registry

from valence.objects import finding as finding_objects
from valence.objects import node as node_objects
from valence.objects import podmanager as podmanager_objects
from valence_conductor import metrics as conductor_metrics
from valence_conductor.db.engine import Database
from valence_conductor.ledger import Ledger

LOG = logging.getLogger(__name__)

#: Environment variable with the shared folder; prometheus_client reads it when imported.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

#: All other methods are counted as one: a client chooses the method that it sends.
METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})

REQUESTS = prometheus_client.Counter(
    "valence_requests_total", "Requests answered.", ["route", "method", "status"]
)
SECONDS = prometheus_client.Histogram(
    "valence_request_seconds",
    "Duration of requests, seconds.",
    ["route", "method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)


def count(route: str, method: str, status: str, seconds: float) -> None:
    """Count one request."""
    label = method if method in METHODS else "other"
    REQUESTS.labels(route, label, status).inc()
    SECONDS.labels(route, label).observe(seconds)


def render(db: Database, ledgers: Sequence[Ledger]) -> bytes:
    """Return all metrics in Prometheus's text format.

    :param ledgers: those whose rows are counted here; empty when the conductor of this
        process exports them on a port of its own.
    """
    gauges = registry.CollectorRegistry()
    for gauge in _gauges(db):
        gauges.register(gauge)
    if ledgers:
        gauges.register(conductor_metrics.RowCollector(ledgers))
    counters: registry.CollectorRegistry = prometheus_client.REGISTRY
    folder = os.environ.get(FOLDER)
    if folder:
        drop_dead_gauges(pathlib.Path(folder))
        counters = registry.CollectorRegistry()
        collector: Any = multiprocess.MultiProcessCollector
        collector(counters, folder)
    return b"".join(prometheus_client.generate_latest(part) for part in (counters, gauges))


def drop_dead_gauges(folder: pathlib.Path) -> None:
    """Delete the live gauges of processes that have ended; their counters stay."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = re.search(r"_(\d+)\.db$", file.name)
        if pid and not pathlib.Path(f"/proc/{pid[1]}").exists():
            with contextlib.suppress(FileNotFoundError):
                file.unlink()


class DatabaseGauge(registry.Collector):
    """A gauge that is counted in the database at each scrape.

    :param labels: names of its labels.
    :param read: returns label values -> number.
    """

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        read: Callable[[], Mapping[Sequence[str], float]],
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self._read = read

    def collect(self) -> Iterator[core.Metric]:
        """Yield the counts; the metric is empty while the database is unavailable."""
        metric = core.GaugeMetricFamily(self._name, self._documentation, labels=self._labels)
        try:
            for values, number in self._read().items():
                metric.add_metric(values, number)
        except Exception as exc:  # the other metrics of the scrape are still valid
            LOG.warning("Could not count %s: %s", self._name, exc)
        yield metric


def _gauges(db: Database) -> Iterator[DatabaseGauge]:
    yield DatabaseGauge(
        "valence_podmanagers",
        "Pod managers by status.",
        ["status"],
        lambda: {(it,): n for it, n in podmanager_objects.count_by_status(db).items()},
    )
    yield DatabaseGauge(
        "valence_node_identity_conflicts",
        "Nodes whose facts contradict each other.",
        [],
        lambda: {(): node_objects.count_conflicts(db)},
    )
    yield DatabaseGauge(
        "valence_findings",
        "Findings of audits, by pod manager and kind.",
        ["podm", "kind"],
        lambda: finding_objects.count(db),
    )
