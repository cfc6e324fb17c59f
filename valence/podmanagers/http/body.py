# SPDX-License-Identifier: Apache-2.0

"""Decode the body of a response: JSON that firmware has written.

A character that cannot be decoded costs the string that has it, and nothing else: it becomes
:data:`~valence.podmanagers.odata.UNREADABLE`, by which a field is known to be unknown. No
string of the result has what a database rejects.
"""

import json
import re
from typing import Any

from valence import jsontext
from valence.podmanagers.odata import UNREADABLE

#: Objects and arrays inside each other; Redfish needs less than 20, Python fails at 1000.
MAX_DEPTH = 100

#: Digits of an integer that is kept exactly; Python rejects one of more than 4300.
MAX_DIGITS = 40

#: What a database rejects in a string: NUL, and halves of surrogate pairs.
_SUSPECT = re.compile(r"\\u(?:0000|d[89a-f])|\x00", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")

#: The escapes of JSON (RFC 8259, section 7), or a backslash that begins none of them.
_ESCAPE = re.compile(r'(\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))|\\')


def parse(content: bytes) -> Any:
    """Return the JSON of a body.

    More is accepted than RFC 8259 allows to send: a byte order mark, UTF-16 and UTF-32,
    control characters in strings, NULs after the end. Of a key that an object has twice the
    last value counts. Infinite and very long numbers are floats.

    :raises ValueError: it is not JSON, or nested too deeply.
    """
    text = content.decode(json.detect_encoding(content), "replace").strip("\x00 \t\r\n")
    try:
        body = _loads(text)
    except json.JSONDecodeError:
        body = _loads(_ESCAPE.sub(lambda match: match[1] or UNREADABLE, text))
    if _SUSPECT.search(text):
        document = _SURROGATE.sub(UNREADABLE, json.dumps(body, ensure_ascii=False))
        body = _loads(jsontext.without_nul(document))
    if _is_deeper(body, MAX_DEPTH):
        raise ValueError(f"has more than {MAX_DEPTH} objects inside each other")
    return body


def _loads(text: str) -> Any:
    try:
        return json.loads(text, strict=False, parse_int=_integer)
    except RecursionError as exc:
        raise ValueError("is nested too deeply") from exc


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else float(digits)


def _is_deeper(value: Any, limit: int) -> bool:
    """Return whether a value has more than so many objects or arrays inside each other."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
