# SPDX-License-Identifier: Apache-2.0

"""A transport adapter of requests that gets its responses from a function."""

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

#: (status, body, headers) of a response
Answer = tuple[int, Any, Mapping[str, str]]


@dataclasses.dataclass(frozen=True)
class Call:
    """A request that arrived.

    :ivar status: of the response; None if the response was lost.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    headers: Mapping[str, str]
    status: int | None


@dataclasses.dataclass
class Trouble:
    """A failure of the transport, for the next requests that match.

    :ivar times: how many requests it still affects.
    :ivar done: the service carries out the request all the same.
    :ivar answer: the response that the client receives; None if the connection
        breaks instead.
    """

    method: str
    path: re.Pattern[str]
    times: int
    done: bool
    answer: Answer | None

    def consume(self, method: str, path: str) -> bool:
        """Return whether this affects a request, and count the request if it does."""
        if self.times < 1 or self.method != method or not self.path.fullmatch(path):
            return False
        self.times -= 1
        return True


class Wire(adapters.BaseAdapter):
    """Passes requests to ``service(method, path, query, body)`` and records them.

    :ivar calls: every request, in order.
    :ivar troubles: the first that matches a request affects it.
    """

    def __init__(self, service: Callable[[str, str, dict[str, str], Any], Answer]) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.troubles: list[Trouble] = []
        self._service = service
        self._lock = threading.RLock()

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Return the response to a request, as HTTPAdapter does, without a socket.

        :raises ConnectionError: a trouble lost the response.
        """
        parts = urllib.parse.urlsplit(str(request.url))
        method, path = str(request.method), urllib.parse.unquote(parts.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        body = _json(request.body)
        with self._lock:
            answer = self._dispatch(method, path, query, body)
            status = answer[0] if answer else None
            self.calls.append(Call(method, path, query, body, dict(request.headers), status))
        if answer is None:
            raise exceptions.ConnectionError("the connection was lost", request=request)
        return _response(request, answer)

    def _dispatch(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer | None:
        trouble = next((t for t in self.troubles if t.consume(method, path)), None)
        if trouble is None:
            return self._service(method, path, query, body)
        if trouble.done:
            self._service(method, path, query, body)
        return trouble.answer

    def close(self) -> None:
        """Do nothing; the adapter holds no connection."""


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
