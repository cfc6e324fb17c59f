# SPDX-License-Identifier: Apache-2.0

"""Reading requests: the JSON body and the typed query, each validated by its schema."""

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

#: Key in the WSGI environment of the oslo.context of the request; the middleware sets it.
CONTEXT = "valence.context"

#: Keys of the request's id, and of the id that its client sent for a chain of requests.
REQUEST_ID = "valence.request_id"
GLOBAL_REQUEST_ID = "valence.global_request_id"

#: Key of the path of the route, by which requests are counted.
ROUTE = "valence.route"

#: Key of the value of WWW-Authenticate in a 401.
CHALLENGE = "valence.challenge"

#: type of a schema -> conversion of the text of a query parameter
CONVERT: Mapping[str, Callable[[str], Any]] = {
    "integer": int,
    "boolean": lambda text: {"true": True, "false": False}[text.lower()],
    "string": str,
}


def body_of(
    request: werkzeug.Request, schema: base_schemas.Schema | None, required: bool
) -> Mapping[str, Any]:
    """Return the body of a request.

    :param schema: None: a body, if there is one, is ignored.
    :param required: whether a request without a body is refused.
    :raises MediaTypeUnsupported: its Content-Type is not JSON.
    :raises RequestInvalid: it is not JSON, or does not match the schema.
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
        # The client died while sending. An optional body would look like an absent one.
        raise errors.RequestInvalid(
            f"The body has {len(content)} of the {request.content_length} bytes that were "
            "announced. Send the request again."
        )
    if not content:
        if required:
            raise errors.RequestInvalid("This request has no body. Send a body of JSON.")
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
    """Return the query of a request, with the types of its schema.

    :raises RequestInvalid: it does not match the schema.
    """
    query: dict[str, Any] = {}
    for name, values in request.args.lists():
        if len(values) > 1:
            raise errors.RequestInvalid(f"The query has {name} {len(values)} times. Send it once.")
        if "\x00" in values[0]:
            raise errors.RequestInvalid(f"The query's {name} contains a NUL. Remove it.")
        kind = schema["properties"].get(name, {}).get("type", "string")
        try:
            query[name] = CONVERT[kind](values[0])
        except (KeyError, ValueError):
            query[name] = values[0]  # validation refuses it, with a sentence
    _validate(query, schema, "query")
    return query


def _parse(content: bytes) -> Any:
    try:
        parsed = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
        # A lone surrogate is valid in a JSON string, and cannot be encoded.
        document = json.dumps(parsed, ensure_ascii=False)
        document.encode("utf-8")
    except (ValueError, RecursionError) as exc:
        raise errors.RequestInvalid(f"The body is not valid JSON: {exc}.") from exc
    if jsontext.has_nul(document):
        raise errors.RequestInvalid("The body contains a NUL (\\u0000). Remove it.")
    return parsed


def _refuse_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _validate(value: Any, schema: Mapping[str, Any], part: str) -> None:
    problems = sorted(_validator(schema).iter_errors(value), key=lambda e: list(map(str, e.path)))
    if problems:
        raise errors.RequestInvalid(_describe(problems[0], part))


def _describe(problem: Any, part: str) -> str:
    """Return a sentence: where the invalid value is, and what is wrong with it.

    :param part: of the request, ``body`` or ``query``.
    """
    place = "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in problem.absolute_path
    )
    describe = MESSAGES.get(str(problem.validator), lambda p: str(p.message))
    secret = isinstance(problem.schema, Mapping) and problem.schema.get("writeOnly")
    # Most messages contain the value.
    message = f"the value is invalid ({problem.validator})" if secret else describe(problem)
    return f"{part}{place}: {message[:500]}."


def _describe_one_of(problem: Any) -> str:
    keys = [key for part in problem.validator_value for key in part.get("required", ())]
    if keys:
        return f"send exactly one of {' and '.join(keys)}"
    return str(problem.message)


#: keyword of JSON schema -> the message, where jsonschema's own is hard to understand
MESSAGES: Mapping[str, Callable[[Any], str]] = {
    "oneOf": _describe_one_of,
    "minProperties": lambda problem: (
        "send at least one of " + ", ".join(problem.schema["properties"])
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
    """Return the validator of a schema, compiled once; schemas live as long as the process."""
    key = id(schema)
    if key not in _validators:
        _validators[key] = jsonschema.Draft202012Validator(schema)
    return _validators[key]
