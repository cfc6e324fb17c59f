# SPDX-License-Identifier: Apache-2.0

"""JSON as text: encoding of responses, and NUL characters, which no database stores."""

import dataclasses
import datetime
import json
import re
from typing import Any

import orjson

#: A NUL as a JSON document escapes it: PostgreSQL refuses it, and so does all of Valence.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")

OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_PASSTHROUGH_DATACLASS


@dataclasses.dataclass(frozen=True, slots=True)
class Verbatim:
    """JSON text that is already encoded and is put into a response unchanged."""

    text: str


def write(body: Any) -> bytes:
    """Return JSON in UTF-8; times are ISO 8601 in UTC, and naive times are taken as UTC.

    orjson rejects integers of more than 64 bits and lone surrogates. Pod managers may send
    them, so that the standard library encodes what orjson rejects.

    :raises TypeError: a value is not serializable.
    """
    try:
        return orjson.dumps(body, default=_fragment, option=OPTIONS)
    except TypeError:
        return json.dumps(body, default=_plain).encode()


def _fragment(value: Any) -> Any:
    if isinstance(value, Verbatim):
        return orjson.Fragment(value.text)
    raise TypeError(f"{type(value).__name__} is not JSON serializable")


def _plain(value: Any) -> Any:
    if isinstance(value, Verbatim):
        return json.loads(value.text)
    if isinstance(value, datetime.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=datetime.UTC)).isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON serializable")


def has_nul(document: str) -> bool:
    """Return whether a string in a JSON document contains a NUL."""
    return _NUL.search(document) is not None


def without_nul(document: str) -> str:
    """Return a JSON document with the NULs removed from its strings."""
    return _NUL.sub(r"\1", document)
