# SPDX-License-Identifier: Apache-2.0

"""Turn what a Redfish service says of an error into words for a person."""

from collections.abc import Iterator
from collections.abc import Mapping
import re
from typing import Any

#: Characters of a reason; what is longer is a dump, not a reason.
LONGEST = 2000

_EXTENDED_INFO = "@Message.ExtendedInfo"

#: What an HTML page is about, best first.
_HTML_TITLES = [
    re.compile(rf"<{tag}\b[^>]*>(.*?)</{tag}>", re.IGNORECASE | re.DOTALL)
    for tag in ("title", "h1", "body")
]


def words(body: Any, text: str = "") -> str | None:
    """Say in one line why a request failed, in the service's own words.

    :param body: of the answer, where it was JSON; DSP0266 puts the words at
        ``error.@Message.ExtendedInfo``, and not every service does.
    :param text: the answer as it came.
    :returns: None when the service says nothing.
    """
    said = list(dict.fromkeys(_of_json(body)))
    return _line("; ".join(said) or _of_text(text)) or None


def status_in(body: Mapping[str, Any]) -> int | None:
    """Find the status of an error that came as if it were a success.

    :returns: None when the body is no error; 500 for one without a number.
    """
    if "error" not in body or "@odata.id" in body or "@odata.type" in body:
        return None
    error = body["error"]
    numbers = [error.get(key) for key in ("status", "code")] if isinstance(error, dict) else []
    for number in [*numbers, body.get("status"), body.get("code"), error]:
        if re.fullmatch(r"[45]\d\d", str(number)):
            return int(str(number))
    return 500


def _of_json(body: Any) -> Iterator[str]:
    if isinstance(body, str):
        yield body
    if not isinstance(body, dict):
        return
    error = body.get("error", body)
    if isinstance(error, str):
        yield error
        return
    found = list(_of_extended_info(error))
    found += [] if error is body else list(_of_extended_info(body))
    yield from found or _plain(error if isinstance(error, dict) else body)


def _of_extended_info(holder: Any) -> Iterator[str]:
    infos = holder.get(_EXTENDED_INFO) if isinstance(holder, dict) else None
    for info in infos if isinstance(infos, list) else [infos]:
        if isinstance(info, str):
            yield info
        elif isinstance(info, dict):
            said = info.get("Message") or info.get("MessageId")
            if said:
                yield str(said)


def _plain(holder: Mapping[str, Any]) -> Iterator[str]:
    for key in ("message", "Message", "detail", "title", "code"):
        if isinstance(holder.get(key), str) and holder[key]:
            yield holder[key]
            return


def _of_text(text: str) -> str:
    stripped = text.strip()
    if not stripped.startswith("<"):
        return "" if stripped.startswith(("{", "[")) else stripped
    for pattern in _HTML_TITLES:
        found = pattern.search(stripped)
        if found:
            return re.sub(r"<[^>]*>", " ", found.group(1))
    return ""


def _line(said: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."
