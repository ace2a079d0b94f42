"""Opaque global ids and keyset cursors, as Relay's specifications describe them."""

import binascii
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
import strawberry

from resumepair_graphql.errors import ErrorCode, Refusal

NOUNS = {
    "Document": "document",
    "ExportJob": "job",
    "ExportBatch": "batch",
    "Export": "export",
    "ExportBundle": "bundle",
    "ExportSchedule": "schedule",
    "Webhook": "webhook",
    "WebhookDelivery": "delivery",
}

NO_DOCUMENT = UUID(int=0)

Id = Annotated[strawberry.ID, strawberry.argument(description="The object's global id.")]


def uuid_of(global_id: str, type_name: str) -> UUID | None:
    """The UUID in a global id of this type; None for anything else, which is then simply not found."""
    try:
        name, _, key = b64decode(global_id, validate=True).decode().partition(":")
        return UUID(key) if name == type_name else None
    except (ValueError, binascii.Error):
        return None


def document_filter(global_id: str | None) -> UUID | None:
    """The document to filter by, None for any; whatever is no document's id selects nothing."""
    return None if global_id is None else uuid_of(global_id, "Document") or NO_DOCUMENT


def require_uuid(global_id: str, type_name: str, path: str) -> UUID:
    """The UUID in a global id of this type.

    Raises:
        Refusal: NOT_FOUND at this input path; a foreign, an unknown and a malformed id look the same.
    """
    key = uuid_of(global_id, type_name)
    if key is None:
        raise not_found(type_name, path)
    return key


def not_found(type_name: str, path: str) -> Refusal:
    """The refusal for an object that is not there, or not the caller's."""
    return Refusal(ErrorCode.NOT_FOUND, f"There is no such {NOUNS[type_name]}.", path)


@dataclass(frozen=True)
class Cursor:
    """A place in a list that is ordered by time and id, newest first; stays valid whatever is added or removed."""

    at: datetime
    id: UUID

    def encode(self) -> str:
        """The opaque form."""
        return _encoded([self.at, self.id])

    @classmethod
    def decode(cls, value: str) -> "Cursor":
        """Read the opaque form.

        Raises:
            Refusal: INVALID_INPUT; the value did not come from this API.
        """
        try:
            at, key = _decoded(value)
            return cls(datetime.fromisoformat(at), UUID(key))
        except (ValueError, TypeError, AttributeError):
            raise _foreign_cursor() from None


@dataclass(frozen=True)
class PositionCursor:
    """A place in a list that is ordered by a number, which never changes."""

    position: int

    def encode(self) -> str:
        """The opaque form."""
        return _encoded(self.position)

    @classmethod
    def decode(cls, value: str) -> "PositionCursor":
        """Read the opaque form.

        Raises:
            Refusal: INVALID_INPUT; the value did not come from this API.
        """
        try:
            position = _decoded(value)
        except ValueError:
            raise _foreign_cursor() from None
        if type(position) is not int:
            raise _foreign_cursor()
        return cls(position)


def _encoded(place: object) -> str:
    return urlsafe_b64encode(orjson.dumps(place)).decode()


def _decoded(value: str) -> Any:  # noqa: ANN401 # whatever was sent
    return orjson.loads(urlsafe_b64decode(value))


def _foreign_cursor() -> Refusal:
    return Refusal(ErrorCode.INVALID_INPUT, "`after` is not a cursor of this list.")
