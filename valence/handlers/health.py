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


"""Whether the service itself is well."""

import werkzeug

from valence import calls
from valence import errors
from valence import health as healths


def health(call: calls.Call) -> werkzeug.Response:
    """Say whether the service can work, and what it stands on that is ill."""
    report = call.service.health.report()
    if not call.service.conf.healthcheck.detailed:
        del report["reasons"]
    if report["status"] == healths.ILL:
        raise errors.Unhealthy(
            "The service cannot work: see which of the checks is ill, and the log of the service.",
            checks=report["checks"],
            reasons=report.get("reasons"),
        )
    return calls.answer(report)
