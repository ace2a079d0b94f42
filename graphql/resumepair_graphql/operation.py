"""A GraphQL operation as it comes over HTTP: read from a body or from a query string, its parts' types checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any, Self, cast
from urllib.parse import parse_qsl, unquote_to_bytes

import orjson
from graphql.language import FieldNode
from starlette.requests import Request

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from resumepair_graphql.body_limit import read_body, refuse_announced
from resumepair_graphql.encoding import is_too_deep
from resumepair_graphql.http_refusal import HttpCode, HttpRefusal
from resumepair_graphql.reading import MAX_SAVING_VALUES, MAX_VALUES, points_of, values_in

CONTENT_TYPES = frozenset({"application/json", "application/graphql+json"})
PARAMETERS = ("query", "variables", "operationName", "extensions")
MAX_BODY_BYTES = 256 * 1024
# A document may have 1 MiB; around it there is room for the operation and for JSON's escapes.
MAX_SAVING_BODY_BYTES = 1_500_000
MAX_QUERY_CHARACTERS = 64 * 1024
MAX_URL_BYTES = 32 * 1024
MAX_TOKENS = 2000
SAVING = "saveDocument"
# One of these is in the body of whatever may be large.
SAVING_WORDS = (SAVING.encode(), b"persistedQuery")


@dataclass(frozen=True)
class Operation:
    """What a client asks to be carried out; without a `query`, its `extensions` say which document it is."""

    query: str | None
    variables: dict[str, Any] | None
    name: str | None
    extensions: dict[str, Any] | None
    reading_cost: int = 0

    @classmethod
    def of(cls, parts: Mapping[str, object], reading_cost: int = 0) -> Self:
        """The operation in a JSON object; members that are not GraphQL's are ignored.

        `reading_cost` is what the text of it was worth, in points.

        Raises:
            HttpRefusal: 400, a part is of the wrong type or missing; 413, the text is too long.
        """
        operation = cls(
            cast("str | None", _part(parts, "query", str)),
            cast("dict[str, Any] | None", _part(parts, "variables", dict)),
            cast("str | None", _part(parts, "operationName", str)),
            cast("dict[str, Any] | None", _part(parts, "extensions", dict)),
            reading_cost,
        )
        if not operation.query and not operation.extensions:
            raise HttpRefusal(HttpCode.BAD_REQUEST, "There is no `query`: send the GraphQL document as a string.")
        if operation.query and len(operation.query) > MAX_QUERY_CHARACTERS:
            message = f"`query` is longer than {MAX_QUERY_CHARACTERS} characters; pass values in `variables`."
            raise HttpRefusal(HttpCode.REQUEST_TOO_LARGE, message)
        if is_too_deep(operation.variables):
            raise HttpRefusal(HttpCode.BAD_REQUEST, "`variables` are nested too deeply, or hold too large an integer.")
        return operation

    @property
    def saves_a_document(self) -> bool:
        """Whether it may be large: a mutation with `saveDocument`, or one that is known by its hash."""
        if not self.query:
            return True
        if SAVING not in self.query:
            return False
        try:
            document = parse(self.query, no_location=True, max_tokens=MAX_TOKENS)
        except (GraphQLError, RecursionError):
            return False
        mutations = (
            node
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode) and node.operation is OperationType.MUTATION
        )
        fields = (field for node in mutations for field in node.selection_set.selections)
        return any(isinstance(field, FieldNode) and field.name.value == SAVING for field in fields)


async def read_operation(request: Request, *, signed_in: bool, seconds: float) -> Operation:
    """The operation of a GET or POST request.

    Args:
        request: Its body is read only as far as it may be large.
        signed_in: Whether it came with a good token; nobody else has documents to save.
        seconds: How long the client may take to send the body.

    Raises:
        HttpRefusal: 400, 408, 413 or 415.
    """
    if request.method == "GET":
        query_string: bytes = request.scope["query_string"]
        return Operation.of(_parameters(query_string), _reading_cost(unquote_to_bytes(query_string), MAX_VALUES))
    limit = MAX_SAVING_BODY_BYTES if signed_in else MAX_BODY_BYTES
    refuse_announced(request, limit)
    _check_content_type(request)
    body = await read_body(request, limit, seconds)
    if not body:
        raise HttpRefusal(HttpCode.BAD_REQUEST, "The body is empty: send a JSON object with a `query`.")
    reading_cost = _reading_cost(body, MAX_SAVING_VALUES if signed_in else MAX_VALUES)
    is_large = len(body) > MAX_BODY_BYTES or values_in(body) > MAX_VALUES
    if is_large and not any(word in body for word in SAVING_WORDS):
        raise _not_saving()
    operation = Operation.of(_json_object(body, "The body"), reading_cost)
    if is_large and not operation.saves_a_document:
        raise _not_saving()
    return operation


def _not_saving() -> HttpRefusal:
    message = f"Only a mutation with `{SAVING}` may have more than {MAX_BODY_BYTES} bytes or {MAX_VALUES} values."
    return HttpRefusal(HttpCode.REQUEST_TOO_LARGE, message)


def _reading_cost(text: bytes, max_values: int) -> int:
    """What reading it costs, in points; refused before it is parsed if there is too much of it.

    Raises:
        HttpRefusal: 413.
    """
    values = values_in(text)
    if values > max_values:
        message = f"The request has more than {max_values} values (its commas and opening brackets are counted)."
        raise HttpRefusal(HttpCode.REQUEST_TOO_LARGE, message)
    return points_of(len(text), values)


def _check_content_type(request: Request) -> None:
    """JSON in UTF-8, and nothing that a browser would send to us from a foreign page without asking first."""
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    charset = str(header.get_param("charset", "utf-8")).lower()
    encoding = request.headers.get("content-encoding", "identity").lower()
    if header.get("content-type", "").partition(";")[0].strip().lower() not in CONTENT_TYPES:
        reason = "Send the request as JSON, with `Content-Type: application/json`."
    elif charset not in {"utf-8", "utf8"}:
        reason = "Send the request in UTF-8, with `Content-Type: application/json; charset=utf-8`."
    elif encoding != "identity":
        reason = "Send the body as it is, without `Content-Encoding`."
    else:
        return
    raise HttpRefusal(HttpCode.UNSUPPORTED_MEDIA_TYPE, reason, {"Accept-Post": "application/json"})


def _parameters(query_string: bytes) -> dict[str, object]:
    if len(query_string) > MAX_URL_BYTES:
        raise HttpRefusal(HttpCode.REQUEST_TOO_LARGE, f"The URL is longer than {MAX_URL_BYTES} bytes; use POST.")
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:  # also bad UTF-8
        raise HttpRefusal(HttpCode.BAD_REQUEST, "The query string is not valid, or not UTF-8.") from None
    given: dict[str, object] = {}
    for name, value in pairs:
        if name in given and name in PARAMETERS:
            raise HttpRefusal(HttpCode.BAD_REQUEST, f"`{name}` is given more than once.")
        given[name] = value or None
    for name in ("variables", "extensions"):
        text = given.get(name)
        if isinstance(text, str):
            given[name] = _json_object(text, f"`{name}`", nullable=True)
    return given


def _json_object(text: str | bytes, what: str, *, nullable: bool = False) -> Any:  # noqa: ANN401 # JSON
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise HttpRefusal(HttpCode.BAD_REQUEST, f"{what} is not JSON in UTF-8: {error}.") from None
    if isinstance(value, list):
        raise HttpRefusal(HttpCode.BAD_REQUEST, f"{what} is a list: send one operation a request.")
    if not isinstance(value, dict) and not (nullable and value is None):
        raise HttpRefusal(HttpCode.BAD_REQUEST, f"{what} has to be a JSON object.")
    return cast("object", value)


def _part(parts: Mapping[str, object], name: str, kind: type) -> object:
    value = parts.get(name)
    if value is not None and not isinstance(value, kind):
        wanted = "a string" if kind is str else "a JSON object"
        raise HttpRefusal(HttpCode.BAD_REQUEST, f"`{name}` has to be {wanted} or null.")
    return value
