# SPDX-License-Identifier: Apache-2.0

"""Bytes and connections: encodings, headers of content, keep-alive."""

from collections.abc import Callable
import gzip

from aiohttp import web

from podm_simulator.quirks.behaviour import Behaviour
from podm_simulator.quirks.behaviour import Exchange
from podm_simulator.quirks.behaviour import Quirk
from podm_simulator.quirks.identity import Fields
from podm_simulator.quirks.identity import SYSTEM
from podm_simulator.redfish.http import Response

#: A character for private use, in place of bytes that JSON cannot write; and it as JSON.
MARK, MARK_JSON = "\ue0ff", rb"\ue0ff"

BOM = b"\xef\xbb\xbf"


class Sent(Behaviour):
    """Changes responses with a body, as they are sent."""

    def __init__(self, change: Callable[[web.Response], None]) -> None:
        self._change = change

    def send(self, response: web.Response) -> None:
        """Change the bytes of a response, or the connection."""
        if response.body:
            self._change(response)


class Closed(Behaviour):
    """Closes the connection after each response."""

    def send(self, response: web.Response) -> None:
        """Change the bytes of a response, or the connection."""
        response.force_close()


class NoUtf8(Fields):
    """Has bytes that are no UTF-8 in the SerialNumber of systems."""

    def __init__(self) -> None:
        super().__init__(SYSTEM, lambda system: system.update(SerialNumber=MARK * 16))

    def send(self, response: web.Response) -> None:
        """Change the bytes of a response, or the connection."""
        if response.body:
            response.body = _bytes(response).replace(MARK_JSON, b"\xff")


class HtmlErrors(Behaviour):
    """Has HTML in the body of errors."""

    def respond(self, _exchange: Exchange, response: Response) -> None:
        """Change the status and the headers of a response."""
        if response.status >= 400:
            response.resource = f"<html><h1>Error {response.status}</h1></html>".encode()
            response.headers["Content-Type"] = "text/html"


def _bytes(response: web.Response) -> bytes:
    assert isinstance(response.body, bytes)
    return response.body


def _content_type(value: str) -> Callable[[web.Response], None]:
    return lambda response: response.headers.update({"Content-Type": value})


def _compress(response: web.Response) -> None:
    response.body = gzip.compress(_bytes(response), 1)
    response.headers["Content-Encoding"] = "gzip"


def _add_bom(response: web.Response) -> None:
    response.body = BOM + _bytes(response)


QUIRKS = (
    Quirk(
        "serial-bytes",
        "The SerialNumber of systems has bytes that are no UTF-8.",
        "https://github.com/DMTF/libredfish/issues/108",
        NoUtf8,
        "serial",
    ),
    Quirk(
        "bom",
        "Bodies begin with a byte order mark.",
        "RFC 8259, 8.1: parsers may ignore it",
        lambda: Sent(_add_bom),
    ),
    Quirk(
        "content-type-bare",
        "The Content-Type has no charset.",
        "https://github.com/openbmc/bmcweb/issues/271",
        lambda: Sent(_content_type("application/json")),
        "content-type",
    ),
    Quirk(
        "content-type-text",
        "The Content-Type of JSON is text/plain.",
        "https://github.com/DMTF/Redfish-Interface-Emulator/issues/114",
        lambda: Sent(_content_type("text/plain")),
        "content-type",
    ),
    Quirk(
        "connection-close",
        "The connection is closed after each response.",
        "https://github.com/fwupd/fwupd/pull/7611",
        Closed,
    ),
    Quirk(
        "chunked",
        "Bodies are chunked.",
        "RFC 9112, 7.1",
        lambda: Sent(lambda response: response.enable_chunked_encoding()),
    ),
    Quirk(
        "gzip",
        "Bodies are compressed, whatever the request accepts.",
        "https://github.com/DMTF/Redfish-Mockup-Creator/issues/58",
        lambda: Sent(_compress),
    ),
    Quirk(
        "errors-html",
        "The body of errors is HTML.",
        "https://github.com/bb-Ricardo/check_redfish/issues/90",
        HtmlErrors,
        "errors",
    ),
)
