# SPDX-License-Identifier: Apache-2.0

"""A transport that answers as pod managers do, from literal JSON."""

from collections.abc import Callable
import io
import json
from typing import Any
import urllib.parse

from oslo_config import cfg
import requests
from requests import adapters
from requests import structures

from valence.conf import podmanagers as podmanagers_conf
from valence.podmanagers.http.connection import Connection
from valence.podmanagers.rsd import driver as rsd_driver

URL = "https://pod.example:8443"

#: What is answered: a status, a body (JSON, or text as it is), headers.
Canned = tuple[int, Any, dict[str, str]]


def ok(body: Any = None, status: int = 200, **headers: str) -> Canned:
    return (status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def refusal(status: int, *said: str) -> Canned:
    return ok(
        {
            "error": {
                "code": "Base.1.0.GeneralError",
                "message": "A general error has occurred. See ExtendedInfo for more information.",
                "@Message.ExtendedInfo": [{"Message": message} for message in said],
            }
        },
        status,
    )


class Transport(adapters.BaseAdapter):
    """Answer each (method, path) with what is canned for it, in order; the last stays.

    An exception is raised, a callable is called with the request. What nothing
    is canned for is 404.
    """

    def __init__(self, answers: dict[tuple[str, str], Any] | None = None) -> None:
        super().__init__()
        self.answers: dict[tuple[str, str], list[Any]] = {}
        self.requests: list[requests.PreparedRequest] = []
        self.options: list[dict[str, Any]] = []
        for (method, path), answer in (answers or {}).items():
            self.on(method, path, *(answer if isinstance(answer, list) else [answer]))

    def on(self, method: str, path: str, *answers: Any) -> None:
        self.answers[method, path] = list(answers)

    @property
    def asked(self) -> list[str]:
        """What was asked: method and path."""
        return [f"{one.method} {one.path_url}" for one in self.requests]

    def sent(self, number: int = -1) -> Any:
        """The JSON of a request."""
        return json.loads(self.requests[number].body or "null")

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> Any:
        self.requests.append(request)
        self.options.append(options)
        canned = self.answers.get((request.method or "", request.path_url), [refusal(404)])
        answer = canned.pop(0) if len(canned) > 1 else canned[0]
        if isinstance(answer, Callable):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        status, body, headers = answer
        return response(request, status, body, headers)

    def close(self) -> None:
        self.closed = True


def response(
    request: requests.PreparedRequest, status: int, body: Any, headers: dict[str, str]
) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made.request = request
    made.url = request.url or ""
    kind = "text/html" if isinstance(body, str) else "application/json"
    made.headers = structures.CaseInsensitiveDict({"Content-Type": kind, **headers})
    text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    made.raw = io.BytesIO(text.encode())
    return made


def conf(**options: Any) -> cfg.ConfigOpts:
    made = cfg.ConfigOpts()
    made([], project="valence", default_config_files=[])
    podmanagers_conf.register_opts(made)
    for name, value in options.items():
        made.set_override(name, value, group="podmanagers")
    return made


def client(transport: Transport, url: str = URL, **options: Any) -> Connection:
    return Connection(conf(**options), url, "admin", "secret", True, transport)


def driver(transport: Transport, url: str = URL, **options: Any) -> rsd_driver.RSDDriver:
    return rsd_driver.RSDDriver(client(transport, url, **options))


def page(path: str, *members: Any, **more: Any) -> dict[str, Any]:
    """A collection, or a page of one; members are paths or objects."""
    links = [{"@odata.id": one} if isinstance(one, str) else one for one in members]
    return {
        "@odata.id": urllib.parse.urlsplit(path).path,
        "@odata.type": "#ComposedNodeCollection.ComposedNodeCollection",
        "Name": "Composed Nodes",
        "Members@odata.count": len(links),
        "Members": links,
        **more,
    }
