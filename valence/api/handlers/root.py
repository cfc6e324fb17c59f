# SPDX-License-Identifier: Apache-2.0

"""Version discovery, as keystoneauth understands it."""

from typing import Any

import werkzeug

from valence.api import call as api_call


def versions(call: api_call.Call) -> werkzeug.Response:
    """List the versions of the API."""
    return api_call.answer({"versions": [_version(call)]})


def version(call: api_call.Call) -> werkzeug.Response:
    """Show the version that this is."""
    return api_call.answer({"version": _version(call)})


def _version(call: api_call.Call) -> dict[str, Any]:
    links = [{"rel": "self", "href": f"{call.base}/v1/"}]
    return {"id": "v1", "status": "CURRENT", "links": links}
