# SPDX-License-Identifier: Apache-2.0

"""Metrics for Prometheus."""

import prometheus_client
import werkzeug

from valence.api import call as api_call
from valence.api import metrics as api_metrics


def metrics(call: api_call.Call) -> werkzeug.Response:
    """Show the metrics of the service, in Prometheus's text format."""
    service = call.service
    exported = service.conf.conductor.metrics_port is not None
    content = api_metrics.render(service.db, () if exported else (service.ledger,))
    return werkzeug.Response(content, content_type=prometheus_client.CONTENT_TYPE_LATEST)
