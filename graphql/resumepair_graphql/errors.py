"""What a client is told when something is refused: one table from the database's errors to public codes.

Refusal       an expected answer: a user error in a mutation's payload, a GraphQL error with its code elsewhere
└── Unavailable   the database, or the storage, does not answer now; asking again later may help
    └── TookTooLong   it was at this very query when its time was over
"""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import orjson
import psycopg
import strawberry
from psycopg import errors as pg
from psycopg.types.json import Jsonb
from strawberry.utils.str_converters import to_camel_case

from graphql import GraphQLError
from resumepair_graphql.encoding import encode
from resumepair_graphql.enums import described
from resumepair_graphql.scalars import BigInt
from resumepair_graphql.states import ExportStatus


@strawberry.enum(description="Why a request was refused.")
class ErrorCode(Enum):
    """The closed list of refusal codes; `docs/reference/errors.md` explains each."""

    UNAUTHENTICATED = described("UNAUTHENTICATED", "Sign in: send a valid bearer token.")
    FORBIDDEN = described("FORBIDDEN", "This token's role may not do this.")
    INVALID_INPUT = described("INVALID_INPUT", "A value is not acceptable; `path` says which.")
    NOT_FOUND = described("NOT_FOUND", "There is no such object, or it is not yours.")
    INVALID_STATE = described("INVALID_STATE", "Not possible in the object's present state.")
    IDEMPOTENCY_KEY_REUSED = described("IDEMPOTENCY_KEY_REUSED", "The idempotency key was used for another request.")
    RATE_LIMITED = described(
        "RATE_LIMITED", "Too many export requests are active, or too many schedules, documents or webhooks there."
    )
    QUOTA_EXCEEDED = described("QUOTA_EXCEEDED", "The storage quota is used up.")
    EXPORT_EXPIRED = described("EXPORT_EXPIRED", "The export has expired.")
    ATTEMPTS_EXHAUSTED = described("ATTEMPTS_EXHAUSTED", "No attempts are left.")
    UNAVAILABLE = described("UNAVAILABLE", "Not possible just now; ask again later.")


@strawberry.interface(description="An expected refusal of a mutation.")
class UserError:
    """One refusal, as every mutation's payload lists them."""

    message: str = strawberry.field(description="What is wrong and what to do, for people.")
    code: ErrorCode = strawberry.field(description="What is wrong, for programs.")
    path: list[str] | None = strawberry.field(description="The input field it is about, from `input` on.", default=None)


@strawberry.type(description="A refusal that its code and path say all about.")
class RequestRefused(UserError):
    """A refusal without further data."""


@strawberry.type(
    description="Too many of the caller's export requests are active, or there are too many schedules, documents or "
    "webhooks."
)
class RateLimited(UserError):
    """Too many active requests, schedules, documents or webhooks."""

    active: int = strawberry.field(
        description="Active requests, of which a batch is one; or schedules with something to come; or documents, or "
        "webhooks.",
        default=0,
    )
    limit: int = strawberry.field(description="How many of them there may be.", default=0)
    retry_at: datetime | None = strawberry.field(
        description="When to ask again, where that can be foretold. Null for now: a request ends when its jobs do, a "
        "schedule or a document when it is deleted.",
        default=None,
    )


@strawberry.type(description="The caller's exports take up all of the storage quota.")
class QuotaExceeded(UserError):
    """No storage left."""

    used: BigInt = strawberry.field(description="Bytes in use.", default=0)
    quota: BigInt = strawberry.field(description="Bytes allowed.", default=0)


@strawberry.type(description="Not possible in the present state of the job or bundle.")
class InvalidState(UserError):
    """The job or bundle is in another state."""

    status: ExportStatus = strawberry.field(description="The state of the job or bundle.")


@strawberry.type(description="All attempts of the job are used.")
class AttemptsExhausted(UserError):
    """No attempts left."""

    attempt: int = strawberry.field(description="Number of the last attempt.")
    max_attempts: int = strawberry.field(description="Attempts the job gets.")


@strawberry.type(description="The export can no longer be downloaded.")
class ExportExpired(UserError):
    """Past its lifetime."""

    expires_at: datetime = strawberry.field(description="When it expired.")


@strawberry.type(description="More documents than one batch may hold.")
class TooManyDocuments(UserError):
    """A batch that is too large."""

    limit: int = strawberry.field(description="How many documents a batch may hold.")


USER_ERRORS = (
    RequestRefused, RateLimited, QuotaExceeded, InvalidState, AttemptsExhausted, ExportExpired, TooManyDocuments,
)  # fmt: skip


class Refusal(GraphQLError):
    """An expected refusal. Raised out of a query it becomes a GraphQL error that carries the code."""

    def __init__(self, code: ErrorCode, message: str, path: str = "", data: dict[str, Any] | None = None) -> None:
        super().__init__(message, extensions={"code": code.value})
        self.code = code
        self.input_path = ["input", *path.split(".")] if path else None
        self.data = data or {}

    def as_user_error(self) -> UserError:
        """The same as an entry of a payload's `errors`."""
        common: dict[str, Any] = {"message": self.message, "code": self.code, "path": self.input_path}
        match self.code, self.data:
            case ErrorCode.RATE_LIMITED, {"active": active, "limit": limit}:
                return RateLimited(**common, active=active, limit=limit)
            case ErrorCode.QUOTA_EXCEEDED, {"used": used, "quota": quota}:
                return QuotaExceeded(**common, used=used, quota=quota)
            case ErrorCode.INVALID_STATE, {"status": status}:
                return InvalidState(**common, status=ExportStatus(status))
            case ErrorCode.ATTEMPTS_EXHAUSTED, {"attempt": attempt, "maxAttempts": limit}:
                return AttemptsExhausted(**common, attempt=attempt, max_attempts=limit)
            case ErrorCode.EXPORT_EXPIRED, {"expiresAt": expired_at}:
                return ExportExpired(**common, expires_at=datetime.fromisoformat(expired_at))
            case ErrorCode.INVALID_INPUT, {"limit": limit}:
                return TooManyDocuments(**common, limit=limit)
            case _:
                return RequestRefused(**common)


class Unavailable(Refusal):
    """The database, or what else it takes, does not answer now."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.UNAVAILABLE, "The service cannot answer just now; please try again.")


class TookTooLong(Unavailable):
    """The database had no more time for this query; it may well be as slow the next time."""


def not_signed_in() -> Refusal:
    """The refusal for who comes without a token."""
    return Refusal(ErrorCode.UNAUTHENTICATED, "Sign in to do this.")


# The states that schema.sql raises.
REFUSED_STATES = {
    "RP400": ErrorCode.INVALID_INPUT,
    "RP401": ErrorCode.UNAUTHENTICATED,
    "RP404": ErrorCode.NOT_FOUND,
    "RP409": ErrorCode.IDEMPOTENCY_KEY_REUSED,
    "RP410": ErrorCode.EXPORT_EXPIRED,
    "RP412": ErrorCode.INVALID_STATE,
    "RP413": ErrorCode.QUOTA_EXCEEDED,
    "RP423": ErrorCode.ATTEMPTS_EXHAUSTED,
    "RP429": ErrorCode.RATE_LIMITED,
}
# The constraints that a client can run into: the input field and what it has to be.
CONSTRAINTS = {
    "documents_title_length": ("title", "The title has 1 to 200 characters, and not only spaces."),
    "documents_data_is_object": ("data", "The document has to be a JSON object."),
    "documents_data_size": ("data", "The document may take up at most 1 MiB as JSON."),
}
# In JSON, behind backslashes that stand for themselves.
ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def refusal_of(error: psycopg.Error, values: Mapping[str, object]) -> Refusal | None:
    """What the client is told about a database error; None when it is none of the client's business.

    `values` are those of the query, which are called like the fields of the input.
    """
    match error:
        case psycopg.Error(sqlstate=str(state)) if state in REFUSED_STATES:
            diagnostic = error.diag
            data = orjson.loads(diagnostic.message_detail or "{}")
            message = diagnostic.message_primary or ""
            return Refusal(REFUSED_STATES[state], message, diagnostic.column_name or "", data)
        case pg.InsufficientPrivilege():
            return Refusal(ErrorCode.FORBIDDEN, "This token's role may not do this.")
        case pg.CheckViolation() if error.diag.constraint_name in CONSTRAINTS:
            path, message = CONSTRAINTS[error.diag.constraint_name]
            return Refusal(ErrorCode.INVALID_INPUT, message, path)
        case pg.UntranslatableCharacter() | pg.CharacterNotInRepertoire() | psycopg.DataError(sqlstate=None):
            name = next((to_camel_case(name) for name, value in values.items() if _holds_nul(value)), "")
            what = f"`{name}`" if name else "A value"
            message = f"{what} holds characters that cannot be stored (such as U+0000)."
            return Refusal(ErrorCode.INVALID_INPUT, message, name)
        case psycopg.DataError():
            return Refusal(ErrorCode.INVALID_INPUT, "A value is out of range.")
        case pg.QueryCanceled():
            return TookTooLong()
        case psycopg.OperationalError():
            return Unavailable()
        case _:
            return None


def _holds_nul(value: object) -> bool:
    """Whether it is a text, or JSON with one, that PostgreSQL does not take."""
    if isinstance(value, Jsonb):
        return bool(ESCAPED_NUL.search(encode(value.obj)))
    return isinstance(value, str) and "\0" in value
