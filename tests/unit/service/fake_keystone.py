# SPDX-License-Identifier: Apache-2.0

"""As much of Keystone as keystonemiddleware asks for, on loopback; the real one has a test too."""

import datetime
import json
import threading
from typing import Any

import fixtures
import werkzeug
from werkzeug import serving

#: Token of the service's own user, which any password gets.
OWN = "of-the-service"

HOUR = datetime.timedelta(hours=1)


class FakeKeystone(fixtures.Fixture):
    """A server with a table of tokens, which tests fill.

    :ivar checked: the tokens that it was asked about, in order.
    """

    def __init__(self) -> None:
        self.tokens: dict[str, dict[str, Any]] = {}
        self.checked: list[str] = []
        self.broken = False

    def _setUp(self) -> None:
        self._server = serving.make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self._server.server_close)
        self.addCleanup(self._server.shutdown)

    def add(self, token: str, user: str, project: str | None, *roles: str, **more: Any) -> str:
        """Make a token known; ``domain`` and ``system`` are other scopes than a project."""
        domain = {"id": "default", "name": "Default"}
        made: dict[str, Any] = {
            "user": {"id": user, "name": user, "domain": domain},
            "roles": [{"id": role, "name": role} for role in roles],
            "methods": ["password"],
            "issued_at": _moment(-HOUR),
            "expires_at": _moment(HOUR),
            **more,
        }
        if project is not None:
            made["project"] = {"id": project, "name": project, "domain": domain}
        self.tokens[token] = made
        return token

    @werkzeug.Request.application
    def _answer(self, request: werkzeug.Request) -> werkzeug.Response:
        if self.broken:
            return werkzeug.Response(status=500)
        if request.path != "/v3/auth/tokens":
            return self._versions()
        if request.method == "POST":
            endpoint = {"id": "1", "interface": "internal", "region_id": None, "url": self.url}
            identity = {"id": "1", "type": "identity", "name": "", "endpoints": [endpoint]}
            self.add(OWN, "valence", "service", "service", catalog=[identity])
            return self._token(OWN, 201)
        asked = request.headers["X-Subject-Token"]
        self.checked.append(asked)
        return self._token(asked, 200) if asked in self.tokens else werkzeug.Response(status=404)

    def _token(self, token: str, status: int) -> werkzeug.Response:
        made = werkzeug.Response(status=status, headers={"X-Subject-Token": token})
        made.set_data(json.dumps({"token": self.tokens[token]}))
        made.mimetype = "application/json"
        return made

    def _versions(self) -> werkzeug.Response:
        links = [{"rel": "self", "href": f"{self.url}/v3/"}]
        version = {"id": "v3.14", "status": "stable", "links": links}
        made = werkzeug.Response(json.dumps({"version": version}), mimetype="application/json")
        return made


def _moment(distance: datetime.timedelta) -> str:
    moment = datetime.datetime.now(datetime.UTC) + distance
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
