# SPDX-License-Identifier: Apache-2.0

"""Reading requests: a body that is JSON, a query that has types, both by schema."""

from collections.abc import Callable
from collections.abc import Mapping
import json
from typing import Any

import jsonschema
import werkzeug
from werkzeug import exceptions

from valence import errors
from valence import jsontext
from valence.api.schemas import base as base_schemas

#: Where in the WSGI environment the middleware puts who is asking.
CONTEXT = "valence.context"

#: Where it puts the request's id, and the one that its sender gave to a chain of requests.
REQUEST_ID = "valence.request_id"
GLOBAL_REQUEST_ID = "valence.global_request_id"

#: Where the handler puts the path of the route, for those who count requests.
ROUTE = "valence.route"

#: Where it puts what WWW-Authenticate says to those who have to say who they are.
CHALLENGE = "valence.challenge"

#: type of a schema -> the value that a word of a query stands for
CONVERT: Mapping[str, Callable[[str], Any]] = {
    "integer": int,
    "boolean": lambda word: {"true": True, "false": False}[word.lower()],
    "string": str,
}


def body_of(
    request: werkzeug.Request, schema: base_schemas.Schema | None, required: bool
) -> Mapping[str, Any]:
    """Read the body of a request.

    :param schema: None: the body, if there is any, does not matter.
    :raises MediaTypeUnsupported: it is not JSON by its own word.
    :raises RequestInvalid: it is not JSON, or not what the schema asks for.
    :raises BodyTooLarge: it is too long.
    """
    if schema is None:
        return {}
    try:
        content = request.get_data(cache=False)
    except exceptions.RequestEntityTooLarge as exc:
        raise errors.BodyTooLarge(
            f"The body is longer than {request.max_content_length} bytes."
        ) from exc
    if len(content) < (request.content_length or 0):
        # Its sender died on the way. An optional body would be taken for none.
        raise errors.RequestInvalid(
            f"The body has {len(content)} of the {request.content_length} bytes that were "
            "announced. Send the request again."
        )
    if not content:
        if required:
            raise errors.RequestInvalid("This request needs a body of JSON, and has none.")
        return {}
    if request.mimetype != "application/json":
        raise errors.MediaTypeUnsupported(
            f"The body is {request.mimetype or 'of no media type'}. Send JSON, with Content-Type: "
            "application/json."
        )
    body: Mapping[str, Any] = _parse(content)
    _validate(body, schema, "body")
    return body


def query_of(request: werkzeug.Request, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read the query of a request.

    :raises RequestInvalid: it is not what the schema asks for.
    """
    query: dict[str, Any] = {}
    for name, words in request.args.lists():
        if len(words) > 1:
            raise errors.RequestInvalid(
                f"The query has {name} {len(words)} times: once is enough."
            )
        if "\x00" in words[0]:
            raise errors.RequestInvalid(f"The query's {name} has a NUL, which is no text.")
        kind = schema["properties"].get(name, {}).get("type", "string")
        try:
            query[name] = CONVERT[kind](words[0])
        except (KeyError, ValueError):
            query[name] = words[0]  # the schema says what is wrong with it
    _validate(query, schema, "query")
    return query


def _parse(content: bytes) -> Any:
    try:
        parsed = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
        # Half of a surrogate pair is a JSON string, but no text.
        document = json.dumps(parsed, ensure_ascii=False)
        document.encode("utf-8")
    except (ValueError, RecursionError) as exc:
        raise errors.RequestInvalid(f"The body is no JSON that can be read: {exc}.") from exc
    if jsontext.has_nul(document):
        raise errors.RequestInvalid("The body has a NUL (\\u0000), which is no text.")
    return parsed


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _validate(value: Any, schema: Mapping[str, Any], what: str) -> None:
    problems = sorted(_validator(schema).iter_errors(value), key=lambda e: list(map(str, e.path)))
    if problems:
        raise errors.RequestInvalid(_say(problems[0], what))


def _say(problem: Any, what: str) -> str:
    """Say what is wrong with a value, and where it is."""
    place = "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in problem.absolute_path
    )
    say = SAYINGS.get(str(problem.validator), lambda p: str(p.message))
    secret = isinstance(problem.schema, Mapping) and problem.schema.get("writeOnly")
    # What was given is part of most messages.
    message = f"this is no valid value ({problem.validator})" if secret else say(problem)
    return f"{what}{place}: {message[:500]}."


def _of_several(problem: Any) -> str:
    keys = [key for part in problem.validator_value for key in part.get("required", ())]
    if keys:
        return f"give exactly one of {' and '.join(keys)}"
    return str(problem.message)


#: keyword of JSON schema -> what to say instead of the library's own words
SAYINGS: Mapping[str, Callable[[Any], str]] = {
    "oneOf": _of_several,
    "minProperties": lambda problem: (
        "give at least one of " + ", ".join(problem.schema["properties"])
    ),
    "pattern": lambda problem: (
        f"{problem.instance!r} is not "
        + (
            "a uuid"
            if problem.schema.get("format") == "uuid"
            else f"like {problem.validator_value}"
        )
    ),
}

_validators: dict[int, Any] = {}


def _validator(schema: Mapping[str, Any]) -> Any:
    """Make a validator once for each schema; schemas live as long as the process."""
    key = id(schema)
    if key not in _validators:
        _validators[key] = jsonschema.Draft202012Validator(schema)
    return _validators[key]
