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


"""Version discovery, as keystoneauth understands it."""

from typing import Any

import werkzeug

from valence import calls


def versions(call: calls.Call) -> werkzeug.Response:
    """List the versions of the API."""
    return calls.answer({"versions": [_version(call)]})


def version(call: calls.Call) -> werkzeug.Response:
    """Show the version that this is."""
    return calls.answer({"version": _version(call)})


def _version(call: calls.Call) -> dict[str, Any]:
    links = [{"rel": "self", "href": f"{call.base}/v1/"}]
    return {"id": "v1", "status": "CURRENT", "links": links}
