# SPDX-License-Identifier: Apache-2.0

"""Version discovery, in the form that keystoneauth reads."""

from typing import Any

import werkzeug

from valence.api import call as api_call


def versions(call: api_call.Call) -> werkzeug.Response:
    """List the versions of the API."""
    return api_call.json_response({"versions": [_version(call)]})


def version(call: api_call.Call) -> werkzeug.Response:
    """Show this version of the API."""
    return api_call.json_response({"version": _version(call)})


def _version(call: api_call.Call) -> dict[str, Any]:
    links = [{"rel": "self", "href": f"{call.base}/v1/"}]
    return {"id": "v1", "status": "CURRENT", "links": links}
