# SPDX-License-Identifier: Apache-2.0

"""The part of Keystone that keystonemiddleware uses, on loopback.

tests/functional/test_keystone.py runs a real one.
"""

import datetime
import json
import threading
from typing import Any

import fixtures
import werkzeug
from werkzeug import serving

#: Token of the service user, for any password.
OWN = "of-the-service"

HOUR = datetime.timedelta(hours=1)


class FakeKeystone(fixtures.Fixture):
    """A server with a table of tokens, which tests fill.

    :ivar checked: the tokens that it was requested to validate, in order.
    :ivar broken: whether it answers 500.
    :ivar refusal: the status with which it, or its HTTP server, refuses to validate a token.
    :ivar login_status: the status with which it refuses the login of the service.
    :ivar nonsense: what it answers instead of the data of a token.
    """

    def __init__(self) -> None:
        self.tokens: dict[str, dict[str, Any]] = {}
        self.checked: list[str] = []
        self.broken = False
        self.refusal: int | None = None
        self.login_status: int | None = None
        self.nonsense: str | None = None

    def _setUp(self) -> None:
        self._server = serving.make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self._server.server_close)
        self.addCleanup(self._server.shutdown)

    def add(self, token: str, user: str, project: str | None, *roles: str, **more: Any) -> str:
        """Add a token; ``domain`` and ``system`` are other scopes than a project."""
        domain = {"id": "default", "name": "Default"}
        content: dict[str, Any] = {
            "user": {"id": user, "name": user, "domain": domain},
            "roles": [{"id": role, "name": role} for role in roles],
            "methods": ["password"],
            "issued_at": _timestamp(-HOUR),
            "expires_at": _timestamp(HOUR),
            **more,
        }
        if project is not None:
            content["project"] = {"id": project, "name": project, "domain": domain}
        self.tokens[token] = content
        return token

    @werkzeug.Request.application
    def _answer(self, request: werkzeug.Request) -> werkzeug.Response:
        if self.broken:
            return werkzeug.Response(status=500)
        if request.path != "/v3/auth/tokens":
            return self._versions()
        if request.method == "POST":
            if self.login_status is not None:
                return werkzeug.Response(status=self.login_status)
            endpoint = {"id": "1", "interface": "internal", "region_id": None, "url": self.url}
            identity = {"id": "1", "type": "identity", "name": "", "endpoints": [endpoint]}
            self.add(OWN, "valence", "service", "service", catalog=[identity])
            return self._token(OWN, 201)
        token = request.headers["X-Subject-Token"]
        self.checked.append(token)
        if self.refusal is not None:
            return werkzeug.Response(status=self.refusal)
        if self.nonsense is not None:
            return werkzeug.Response(self.nonsense, mimetype="application/json")
        return self._token(token, 200) if token in self.tokens else werkzeug.Response(status=404)

    def _token(self, token: str, status: int) -> werkzeug.Response:
        response = werkzeug.Response(status=status, headers={"X-Subject-Token": token})
        response.set_data(json.dumps({"token": self.tokens[token]}))
        response.mimetype = "application/json"
        return response

    def _versions(self) -> werkzeug.Response:
        links = [{"rel": "self", "href": f"{self.url}/v3/"}]
        version = {"id": "v3.14", "status": "stable", "links": links}
        return werkzeug.Response(json.dumps({"version": version}), mimetype="application/json")


def _timestamp(offset: datetime.timedelta) -> str:
    moment = datetime.datetime.now(datetime.UTC) + offset
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
