# SPDX-License-Identifier: Apache-2.0

"""What Prometheus is told of the API and of what it stands on.

==============================  =========  ==========================================
valence_requests_total          counter    requests, by route, method and status
valence_request_seconds         histogram  how long they took, by route and method
valence_podmanagers             gauge      pod managers by status
valence_rows                    gauge      nodes by state
==============================  =========  ==========================================

and those of :mod:`valence_conductor.metrics`. What processes count is added up over
all of them when they share a folder (``PROMETHEUS_MULTIPROC_DIR``); what the database
knows is asked at each scrape, and is the same whoever is asked.
"""

from collections.abc import Iterator
import contextlib
import os
import pathlib
import re
from typing import Any
from typing import TYPE_CHECKING

from oslo_log import log as logging
import prometheus_client
from prometheus_client import core
from prometheus_client import multiprocess
from prometheus_client import registry

from valence.objects import podmanager as podmanager_objects
from valence_conductor import metrics as conductor_metrics
from valence_conductor.db.engine import Database

if TYPE_CHECKING:
    from valence import service as service_module

LOG = logging.getLogger(__name__)

#: Names the folder that processes share; prometheus_client reads it when it is imported.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

#: Others than these are counted together: a client chooses what it sends.
METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})

REQUESTS = prometheus_client.Counter(
    "valence_requests_total", "Requests answered.", ["route", "method", "status"]
)
SECONDS = prometheus_client.Histogram(
    "valence_request_seconds",
    "How long requests took.",
    ["route", "method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)


def count(route: str, method: str, status: str, seconds: float) -> None:
    """Count one request."""
    known = method if method in METHODS else "other"
    REQUESTS.labels(route, known, status).inc()
    SECONDS.labels(route, known).observe(seconds)


def text(service: "service_module.Service") -> bytes:
    """Write everything in the format that Prometheus reads."""
    asked = registry.CollectorRegistry()
    asked.register(PodManagers(service.db))
    if service.conf.conductor.metrics_port is None:  # else the process's own have it
        asked.register(conductor_metrics.RowCollector([service.ledger]))
    counted: registry.CollectorRegistry = prometheus_client.REGISTRY
    folder = os.environ.get(FOLDER)
    if folder:
        bury(pathlib.Path(folder))
        counted = registry.CollectorRegistry()
        collector: Any = multiprocess.MultiProcessCollector
        collector(counted, folder)
    return b"".join(prometheus_client.generate_latest(part) for part in (counted, asked))


def bury(folder: pathlib.Path) -> None:
    """Forget what processes that are gone said of themselves; what they counted stays."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = re.search(r"_(\d+)\.db$", file.name)
        if pid and not pathlib.Path(f"/proc/{pid[1]}").exists():
            with contextlib.suppress(FileNotFoundError):
                file.unlink()


class PodManagers(registry.Collector):
    """Counts pod managers by status at each scrape."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def collect(self) -> Iterator[core.Metric]:
        """Count them; nothing is told while the database is away."""
        known = core.GaugeMetricFamily(
            "valence_podmanagers", "Pod managers by status.", labels=["status"]
        )
        try:
            for status, number in podmanager_objects.count_by_state(self._db).items():
                known.add_metric([status], number)
        except Exception as exc:  # a scrape tells what can be told
            LOG.warning("The pod managers could not be counted: %s", exc)
        yield known
