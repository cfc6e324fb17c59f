# SPDX-License-Identifier: Apache-2.0

"""JSON as text: written for answers, and read for what no database takes."""

import dataclasses
import datetime
import json
import re
from typing import Any

import orjson

#: A NUL as a document of JSON writes it: PostgreSQL refuses it, and so does all of Valence.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")

OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_PASSTHROUGH_DATACLASS


@dataclasses.dataclass(frozen=True, slots=True)
class Verbatim:
    """JSON that was written before, and goes into an answer as it is."""

    text: str


def write(body: Any) -> bytes:
    """Write JSON, in UTF-8; times are ISO 8601 in UTC, which those without a zone are.

    Numbers of more than 64 bits and halves of surrogate pairs are no JSON for everybody,
    but pod managers may send them: the standard library writes them.
    """
    try:
        return orjson.dumps(body, default=_fragment, option=OPTIONS)
    except TypeError:
        return json.dumps(body, default=_plain).encode()


def _fragment(value: Any) -> Any:
    if isinstance(value, Verbatim):
        return orjson.Fragment(value.text)
    raise TypeError(f"{type(value).__name__} is no JSON")


def _plain(value: Any) -> Any:
    if isinstance(value, Verbatim):
        return json.loads(value.text)
    if isinstance(value, datetime.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=datetime.UTC)).isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON")


def has_nul(document: str) -> bool:
    """Return whether a string in a JSON document has a NUL."""
    return _NUL.search(document) is not None


def without_nul(document: str) -> str:
    """Return a JSON document without the NULs of its strings."""
    return _NUL.sub(r"\1", document)
