# SPDX-License-Identifier: Apache-2.0

"""Read the reason of an error from a Redfish response, in the service's own words."""

from collections.abc import Iterator
from collections.abc import Mapping
import re
from typing import Any

#: Characters of a reason; anything longer is a dump.
MAX_LENGTH = 2000

#: Also the end of the name of an annotation of a property (DSP0266, "Extended information").
_EXTENDED_INFO = "@Message.ExtendedInfo"

#: Ends of the identifiers of messages that report no error (DSP8011, the Base registry), and of
#: the code of an error that is only what holds messages (HPE iLO).
_SUCCESSES = (".Success", ".Created", ".NoOperation")
_EXTENDED = ".ExtendedInfo"

#: The elements of an HTML page that may have a reason, best first.
_HTML_ELEMENTS = [
    (re.compile(rf"<{tag}\b[^<>]*>", re.IGNORECASE), re.compile(f"</{tag}>", re.IGNORECASE))
    for tag in ("title", "h1", "body")
]


def reason(body: Any, text: str = "") -> str | None:
    """Return in one line why a request failed; None: the response has no reason.

    :param body: of the response, if it is JSON; DSP0266 has the reason at
        ``error.@Message.ExtendedInfo``, and not every service does.
    :param text: the raw body.
    """
    messages = list(dict.fromkeys(_from_json(body)))
    return _one_line("; ".join(messages) or _from_text(text)) or None


def error_status(body: Mapping[str, Any]) -> int | None:
    """Return the status of an error that came with a successful HTTP status.

    :returns: None when the body is no error, or one whose messages report success, as HPE iLO
        has it; 500 for one without a number.
    """
    error = body.get("error")
    if not error or "@odata.id" in body or "@odata.type" in body or _is_success(error):
        return None
    numbers = [error.get(key) for key in ("status", "code")] if isinstance(error, dict) else []
    for number in [*numbers, body.get("status"), body.get("code"), error]:
        if isinstance(number, str | int) and re.fullmatch(r"[45][0-9]{2}", str(number)):
            return int(number)
    return 500


def _is_success(error: Any) -> bool:
    """Return whether each code and message of an error reports success."""
    if not isinstance(error, dict):
        return False
    infos = error.get(_EXTENDED_INFO)
    codes = [
        info.get("MessageId") if isinstance(info, dict) else info
        for info in (infos if isinstance(infos, list) else [infos])
        if info is not None
    ]
    if not (codes and str(error.get("code")).endswith(_EXTENDED)):
        codes.append(error.get("code"))
    return all(str(code).endswith(_SUCCESSES) for code in codes)


def _from_json(body: Any) -> Iterator[str]:
    if isinstance(body, str):
        yield body
    if not isinstance(body, dict):
        return
    error = body.get("error", body)
    if isinstance(error, str):
        yield error
        return
    messages = list(_from_extended_info(error))
    messages += [] if error is body else list(_from_extended_info(body))
    yield from messages or _from_plain_keys(error if isinstance(error, dict) else body)


def _from_extended_info(holder: Any) -> Iterator[str]:
    """Yield the messages about an object, and those about its properties."""
    for key, infos in holder.items() if isinstance(holder, Mapping) else ():
        if key.endswith(_EXTENDED_INFO):
            for info in infos if isinstance(infos, list) else [infos]:
                yield from _from_message(info)


def _from_message(info: Any) -> Iterator[str]:
    if isinstance(info, str):
        yield info
    elif isinstance(info, dict):
        message = info.get("Message") or info.get("MessageId")
        if message and isinstance(message, str):
            yield _with_arguments(message, info.get("MessageArgs"))


def _with_arguments(message: str, arguments: Any) -> str:
    """Return a message with its arguments, where the service has left that to its clients."""
    values = arguments if isinstance(arguments, list) else []

    def argument(match: re.Match[str]) -> str:
        number = int(match[1])
        is_there = 0 < number <= len(values)
        return str(values[number - 1])[:MAX_LENGTH] if is_there else match[0]

    return re.sub(r"%([0-9]{1,2})", argument, message[:MAX_LENGTH])


def _from_plain_keys(holder: Mapping[str, Any]) -> Iterator[str]:
    for key in ("message", "Message", "detail", "title", "code"):
        if isinstance(holder.get(key), str) and holder[key]:
            yield holder[key]
            return


def _from_text(text: str) -> str:
    stripped = text.strip()
    if not stripped.startswith("<"):
        return "" if stripped.startswith(("{", "[")) else stripped
    for opening, closing in _HTML_ELEMENTS:
        start = opening.search(stripped)
        end = start and closing.search(stripped, start.end())
        if start and end:
            return re.sub(r"<[^<>]*>", " ", stripped[start.end() : end.start()])
    return ""


def _one_line(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MAX_LENGTH else f"{line[:MAX_LENGTH]}..."
