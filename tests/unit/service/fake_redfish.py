# SPDX-License-Identifier: Apache-2.0

"""A transport with canned responses of pod managers, as literal JSON."""

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
from valence.podmanagers import Access
from valence.podmanagers.http.connection import Connection
from valence.podmanagers.rsd import driver as rsd_driver

URL = "https://pod.example:8443"

#: A response: status, body (JSON, or text and bytes as they are), headers.
Canned = tuple[int, Any, dict[str, str]]


def ok(body: Any = None, status: int = 200, **headers: str) -> Canned:
    return (status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def refusal(status: int, *reasons: str) -> Canned:
    return ok(
        {
            "error": {
                "code": "Base.1.0.GeneralError",
                "message": "A general error has occurred. See ExtendedInfo for more information.",
                "@Message.ExtendedInfo": [{"Message": reason} for reason in reasons],
            }
        },
        status,
    )


class Transport(adapters.BaseAdapter):
    """Answer each (method, path) with its canned responses in order; the last one stays.

    An exception is raised, and a callable is called with the request. Without a canned
    response, the answer is 404.
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
        """The requests so far: method and path."""
        return [f"{request.method} {request.path_url}" for request in self.requests]

    def sent(self, number: int = -1) -> Any:
        """The JSON body of a request."""
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
    canned = requests.Response()
    canned.status_code = status
    canned.request = request
    canned.url = request.url or ""
    kind = "text/html" if isinstance(body, str) else "application/json"
    canned.headers = structures.CaseInsensitiveDict({"Content-Type": kind, **headers})
    text = body if isinstance(body, str | bytes) else "" if body is None else json.dumps(body)
    canned.raw = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return canned


def conf(**options: Any) -> cfg.ConfigOpts:
    new = cfg.ConfigOpts()
    new([], project="valence", default_config_files=[])
    podmanagers_conf.register_opts(new)
    for name, value in options.items():
        new.set_override(name, value, group="podmanagers")
    return new


def access(url: str = URL, **fields: Any) -> Access:
    """How to reach a pod manager, as "admin" with the password "secret"."""
    uuid = "7a1b1bcd-7d1f-4b57-9b6e-3f1f0a1c2d3e"
    return Access(
        **{"uuid": uuid, "driver": "rsd", "username": "admin", "password": "secret", **fields},
        url=url,
    )


def client(transport: Transport, url: str = URL, **options: Any) -> Connection:
    return Connection(conf(**options), access(url), transport)


def driver(transport: Transport, url: str = URL, **options: Any) -> rsd_driver.RSDDriver:
    return rsd_driver.RSDDriver(client(transport, url, **options))


def page(path: str, *members: Any, **more: Any) -> dict[str, Any]:
    """A collection, or a page of one; members are paths or objects."""
    links = [{"@odata.id": member} if isinstance(member, str) else member for member in members]
    return {
        "@odata.id": urllib.parse.urlsplit(path).path,
        "@odata.type": "#ComposedNodeCollection.ComposedNodeCollection",
        "Name": "Composed Nodes",
        "Members@odata.count": len(links),
        "Members": links,
        **more,
    }
