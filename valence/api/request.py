# SPDX-License-Identifier: Apache-2.0

"""Reading requests: the JSON body and the typed query, each validated by its schema."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import re
from typing import Any
import urllib.parse

import jsonschema
import werkzeug
from werkzeug import exceptions

from valence import errors
from valence import jsontext
from valence.api.schemas import base as base_schemas
from valence.objects import base as objects_base

#: Key in the WSGI environment of the oslo.context of the request; the middleware sets it.
CONTEXT = "valence.context"

#: Keys of the request's id, and of the id that its client sent for a chain of requests.
REQUEST_ID = "valence.request_id"
GLOBAL_REQUEST_ID = "valence.global_request_id"

#: Key of the path of the route, by which requests are counted.
ROUTE = "valence.route"

#: Key of the value of WWW-Authenticate in a 401.
CHALLENGE = "valence.challenge"

#: int() also takes spaces, underscores, a plus sign, and the digits of other scripts.
INTEGER = re.compile("-?[0-9]{1,19}")

#: type of a schema -> conversion of the text of a query parameter
CONVERT: Mapping[str, Callable[[str], Any]] = {
    "integer": lambda text: int(text) if INTEGER.fullmatch(text) else text,
    "boolean": lambda text: {"true": True, "false": False}.get(text.lower(), text),
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
    _require_utf8(urllib.parse.unquote_to_bytes(request.query_string), "query")
    query: dict[str, Any] = {}
    for name, values in request.args.lists():
        if len(values) > 1:
            raise errors.RequestInvalid(f"The query has {name} {len(values)} times. Send it once.")
        if "\x00" in values[0]:
            raise errors.RequestInvalid(f"The query's {name} contains a NUL. Remove it.")
        kind = schema["properties"].get(name, {}).get("type", "string")
        query[name] = CONVERT[kind](values[0])  # what is not of that type, validation refuses
    _validate(query, schema, "query")
    return {name: _canonical(value, schema["properties"][name]) for name, value in query.items()}


def require_utf8_path(environ: Mapping[str, Any]) -> None:
    """Raise unless the path of a request is UTF-8: werkzeug would replace other bytes.

    :raises RequestInvalid: it is not.
    """
    _require_utf8(environ.get("PATH_INFO", "").encode("latin-1"), "path")


def _require_utf8(content: bytes, part: str) -> None:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise errors.RequestInvalid(
            f"The {part} of the URL is not UTF-8. Percent-encode the bytes of UTF-8."
        ) from exc


def _canonical(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return a uuid in the spelling of the database, and any other value as it is."""
    return objects_base.as_uuid(value) if schema.get("format") == "uuid" else value


def _parse(content: bytes) -> Any:
    try:
        return jsontext.read(content)
    except jsontext.Unstorable as exc:
        raise errors.RequestInvalid(f"body{_place(exc.path)}: {exc}.") from exc
    except ValueError as exc:
        raise errors.RequestInvalid(f"The body is not valid JSON: {exc}.") from exc


def _validate(value: Any, schema: Mapping[str, Any], part: str) -> None:
    # The first problem only: a hostile body may have hundreds of thousands.
    for problem in _validator(schema).iter_errors(value):
        raise errors.RequestInvalid(_describe(problem, part))


def _describe(problem: Any, part: str) -> str:
    """Return a sentence: where the invalid value is, and what is wrong with it.

    :param part: of the request, ``body`` or ``query``.
    """
    describe = MESSAGES.get(str(problem.validator), lambda p: str(p.message))
    secret = isinstance(problem.schema, Mapping) and problem.schema.get("writeOnly")
    # Most messages contain the value.
    message = f"the value is invalid ({problem.validator})" if secret else describe(problem)
    return f"{part}{_place(problem.absolute_path)}: {message[:500]}."


def _place(path: Iterable[str | int]) -> str:
    """Return where a value is, as it is written behind the name of the request's part."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


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


def _is_integer(_checker: Any, value: Any) -> bool:
    """Return whether a value is an integer; 4.0 is none, which JSON schema allows."""
    return isinstance(value, int) and not isinstance(value, bool)


def _match(
    validator: Any, pattern: str, value: Any, _schema: Any
) -> Iterator[jsonschema.ValidationError]:
    """Check a pattern as ECMA 262 defines it: in Python, ``$`` also matches before a newline."""
    if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


#: JSON schema, with the two differences that _is_integer and _match describe.
Validator: Any = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    validators={"pattern": _match},
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)

_validators: dict[int, Any] = {}


def _validator(schema: Mapping[str, Any]) -> Any:
    """Return the validator of a schema, compiled once; schemas live as long as the process."""
    key = id(schema)
    if key not in _validators:
        _validators[key] = Validator(schema)
    return _validators[key]
