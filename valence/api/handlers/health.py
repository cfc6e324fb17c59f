# SPDX-License-Identifier: Apache-2.0

"""Whether the service itself is well."""

import werkzeug

from valence import errors
from valence import health as health_module
from valence.api import call as api_call


def health(call: api_call.Call) -> werkzeug.Response:
    """Say whether the service can work, and what it stands on that is ill."""
    report = call.service.health.report()
    if not call.service.conf.healthcheck.detailed:
        del report["reasons"]
    if report["status"] == health_module.ILL:
        raise errors.Unhealthy(
            "The service cannot work: see which of the checks is ill, and the log of the service.",
            checks=report["checks"],
            reasons=report.get("reasons"),
        )
    return api_call.answer(report)
