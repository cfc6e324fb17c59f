# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Writing answers: JSON, with what is JSON already left as it is."""

import dataclasses
import datetime
import json
from typing import Any

import orjson

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
