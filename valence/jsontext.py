# SPDX-License-Identifier: Apache-2.0

"""JSON as text: decoding of requests, encoding of responses, and NUL characters."""

import collections
from collections.abc import Sequence
import dataclasses
import datetime
import json
import math
import re
from typing import Any

import orjson

#: A NUL as a JSON document escapes it: PostgreSQL refuses it, and so does all of Valence.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")

#: Levels of arrays and objects in a request. The JSON columns of MariaDB take 31, orjson takes
#: 254, the parser and the encoder of the standard library take almost 1,000.
MAX_DEPTH = 30

#: Characters of a key.
MAX_KEY = 255

#: The integers that every JSON parser and every database keeps.
INTEGERS = range(-(2**63), 2**63)

#: Digits, with the sign, of the longest of them.
_MAX_DIGITS = 20

#: Where a value is in a document: keys of objects, and indexes of arrays.
Path = tuple[str | int, ...]

OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_PASSTHROUGH_DATACLASS


@dataclasses.dataclass(frozen=True, slots=True)
class Verbatim:
    """JSON text that is already encoded and is put into a response unchanged."""

    text: str


class Unstorable(ValueError):
    """A document of JSON contains a value that not every database stores as it is.

    :ivar path: where the value is.
    """

    def __init__(self, path: Sequence[str | int], message: str) -> None:
        super().__init__(message)
        self.path = path


def read(content: bytes) -> Any:
    """Return what a document of JSON in UTF-8 contains.

    Refuse what RFC 8259 leaves to each implementation, and what some database does not store:
    a key that occurs twice, numbers out of range, lone surrogates, NULs, deep nesting.

    :raises Unstorable: a value is refused.
    :raises ValueError: it is not JSON, or a key occurs twice.
    """
    try:
        document = json.loads(
            content.decode("utf-8"), parse_int=_integer, object_pairs_hook=_unique
        )
    except RecursionError as exc:
        raise Unstorable((), f"the value has more than {MAX_DEPTH} levels") from exc
    _require_storable(document)
    return document


def _integer(digits: str) -> int | float:
    """Return an integer; infinity for one that is far out of range, and slow to convert."""
    return int(digits) if len(digits) <= _MAX_DIGITS else math.inf


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        ((twice, _count),) = collections.Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {twice[:MAX_KEY]!a} occurs twice in an object")
    return values


def _require_storable(document: Any) -> None:
    """Check every value of a document, without recursion.

    :raises Unstorable: the first value that is refused.
    """
    pending: list[tuple[Path, Any]] = [((), document)]
    while pending:
        path, value = pending.pop()
        message = _problem(value, len(path))
        if message is not None:
            raise Unstorable(path, message)
        if isinstance(value, list):
            pending += (((*path, index), item) for index, item in enumerate(value))
        elif isinstance(value, dict):
            for key in value:
                if len(key) > MAX_KEY or _is_unstorable_text(key):
                    raise Unstorable(
                        path,
                        f"a key has more than {MAX_KEY} characters, a NUL or a lone surrogate",
                    )
            pending += (((*path, key), item) for key, item in value.items())


def _problem(value: Any, depth: int) -> str | None:
    """Return why a value is refused; None: it is not."""
    if isinstance(value, str):
        problem = "the text contains a NUL (\\u0000) or a lone surrogate"
        return problem if _is_unstorable_text(value) else None
    if isinstance(value, float):
        return None if math.isfinite(value) else "the number is out of range, or none at all"
    if isinstance(value, int):
        return None if value in INTEGERS else "the number has more than 64 bits"
    too_deep = isinstance(value, list | dict) and depth >= MAX_DEPTH
    return f"the value is nested in more than {MAX_DEPTH} levels" if too_deep else None


def _is_unstorable_text(text: str) -> bool:
    """Return whether PostgreSQL refuses a text (NUL), or UTF-8 has no bytes for it."""
    if "\x00" in text:
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


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


def without_nul(document: str) -> str:
    """Return a JSON document with the NULs removed from its strings."""
    return _NUL.sub(r"\1", document)
