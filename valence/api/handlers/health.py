# SPDX-License-Identifier: Apache-2.0

"""The health of the service itself."""

import werkzeug

from valence import errors
from valence import health as service_health
from valence.api import call as api_call


def health(call: api_call.Call) -> werkzeug.Response:
    """Show whether the service can operate, and the status of its dependencies."""
    report = call.service.health.report()
    if not call.service.conf.healthcheck.detailed:
        del report["reasons"]
    if report["status"] == service_health.ERROR:
        raise errors.Unhealthy(
            "The service cannot operate. Check which of the checks is in error, and the log of "
            "the service.",
            checks=report["checks"],
            reasons=report.get("reasons"),
        )
    return api_call.json_response(report)
