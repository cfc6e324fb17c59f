# SPDX-License-Identifier: Apache-2.0

"""The missing wire: an adapter of requests that answers from a function."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import http
import json
import re
import threading
from typing import Any
import urllib.parse

import requests
from requests import adapters
from requests import exceptions

#: status, body, headers
Answer = tuple[int, Any, Mapping[str, str]]


@dataclasses.dataclass(frozen=True)
class Call:
    """One request that arrived, and the status of the answer; None: it was lost."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    headers: Mapping[str, str]
    status: int | None


@dataclasses.dataclass
class Trouble:
    """Something that happens on the way, to the next requests that match."""

    method: str
    path: re.Pattern[str]
    times: int
    #: The service still does what it was asked.
    done: bool
    #: What arrives instead; None: nothing does.
    answer: Answer | None

    def takes(self, method: str, path: str) -> bool:
        """Whether this request is one of them; it is used up by that."""
        if self.times < 1 or self.method != method or not self.path.fullmatch(path):
            return False
        self.times -= 1
        return True


class Wire(adapters.BaseAdapter):
    """Carry requests to ``service(method, path, query, body)`` and log them."""

    def __init__(self, service: Callable[[str, str, dict[str, str], Any], Answer]) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.troubles: list[Trouble] = []
        self._service = service
        self._lock = threading.RLock()

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Answer a request as HTTPAdapter would, without a socket."""
        parts = urllib.parse.urlsplit(str(request.url))
        method, path = str(request.method), urllib.parse.unquote(parts.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        body = _json(request.body)
        with self._lock:
            answer = self._carry(method, path, query, body)
            status = answer[0] if answer else None
            self.calls.append(Call(method, path, query, body, dict(request.headers), status))
        if answer is None:
            raise exceptions.ConnectionError("the connection was lost", request=request)
        return _response(request, answer)

    def _carry(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer | None:
        trouble = next((t for t in self.troubles if t.takes(method, path)), None)
        if trouble is None:
            return self._service(method, path, query, body)
        if trouble.done:
            self._service(method, path, query, body)
        return trouble.answer

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


def _json(body: Any) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body


def _response(request: requests.PreparedRequest, answer: Answer) -> requests.Response:
    status, body, headers = answer
    response = requests.Response()
    response.status_code = status
    response.reason = http.HTTPStatus(status).phrase
    response.request = request
    response.url = str(request.url)
    response.encoding = "utf-8"
    kind = "text/html" if isinstance(body, str) else "application/json"
    response.headers.update({"Content-Type": kind, **headers})
    text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    response._content = text.encode()
    return response
