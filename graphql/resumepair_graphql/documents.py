"""Documents: what a user can have exported."""

from datetime import datetime
from typing import cast
from uuid import UUID

import strawberry
from psycopg.types.json import Jsonb
from strawberry import relay
from strawberry.scalars import JSON

from resumepair_graphql.context import Context, Info
from resumepair_graphql.database import Row
from resumepair_graphql.errors import ErrorCode, Refusal, UserError
from resumepair_graphql.ids import Id, not_found, require_uuid, uuid_of
from resumepair_graphql.inputs import Input
from resumepair_graphql.pages import After, First, fetch_page
from resumepair_graphql.prices import price


@strawberry.type(description="A résumé of the caller's, as it was saved.")
class Document(relay.Node):
    """A row of `documents`."""

    key: relay.NodeID[UUID]
    title: str = strawberry.field(description="Its name in lists, 1 to 200 characters.")
    version: int = strawberry.field(description="Counts the changes, from 1.")
    created_at: datetime = strawberry.field(description="When it was first saved.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    @strawberry.field(
        description="The document itself: canonical résumé or JSON Resume; null when it was just deleted.",
        metadata=price(100),
    )
    async def data(self, info: Info) -> JSON | None:
        """Documents are read without it, and it as far as the answer has room: a page may hold a hundred MiB."""
        return cast("JSON | None", await info.context.document_data.load(self.key))

    @classmethod
    def from_row(cls, row: Row) -> "Document":
        """From a row of the queries that read or save documents."""
        return cls(
            key=row["id"],
            title=row["title"],
            version=row["version"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )


@strawberry.input(description="A document to save.")
class SaveDocumentInput:
    """What `saveDocument` takes."""

    id: strawberry.ID | None = strawberry.field(
        default=None, description="The document to change; leave it out to save a new one."
    )
    title: str | None = strawberry.field(
        default=None, description="Its name, 1 to 200 characters; required for a new one."
    )
    data: JSON | None = strawberry.field(
        default=None,
        description="A JSON object of at most 1 MiB; required for a new one. Checked when it is exported.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="For a new one: 1 to 200 characters of your choice; the same key and input give the first document "
        "again, as it is now, until that is deleted.",
    )


@strawberry.type(description="What became of `saveDocument`.")
class SaveDocumentPayload:
    """The saved document, or why not."""

    document: Document | None = strawberry.field(default=None, description="The saved document.")
    replayed: bool = strawberry.field(default=False, description="Whether an earlier request with this key saved it.")
    errors: list[UserError] = strawberry.field(default_factory=list[UserError], description="Why it was not saved.")


@strawberry.input(description="A document to delete.")
class DeleteDocumentInput:
    """What `deleteDocument` takes."""

    document_id: strawberry.ID = strawberry.field(description="The document's global id.")


@strawberry.type(description="What became of `deleteDocument`.")
class DeleteDocumentPayload:
    """The id that is no more, or why it still is."""

    deleted_id: strawberry.ID | None = strawberry.field(default=None, description="The deleted document's global id.")
    errors: list[UserError] = strawberry.field(default_factory=list[UserError], description="Why it was not deleted.")


@strawberry.type
class DocumentQueries:
    """Query fields about documents."""

    @strawberry.field(description="A document of the caller's; null when there is no such one.")
    async def document(self, info: Info, id: Id) -> Document | None:
        """By global id."""
        key = uuid_of(id, "Document")
        return await load_document(info.context, key) if key else None

    @strawberry.field(description="The caller's documents, last changed first.")
    async def documents(self, info: Info, first: First = 20, after: After = None) -> relay.Connection[Document] | None:
        """One page."""
        return await fetch_page(info, "documents_page", "updated_at", Document.from_row, first=first, after=after)


@strawberry.type
class DocumentMutations:
    """Mutation fields about documents."""

    @strawberry.mutation(description="Save a new document, or change one.")
    async def save_document(self, info: Info, input: Input[SaveDocumentInput]) -> SaveDocumentPayload | None:
        """The document's content is not judged here: a document may be saved half done."""
        try:
            row = await (_insert(info, input) if input.id is None else _update(info, input, input.id))
        except Refusal as refusal:
            return SaveDocumentPayload(errors=[refusal.as_user_error()])
        return SaveDocumentPayload(document=Document.from_row(row), replayed=row["replayed"])

    @strawberry.mutation(
        description="Delete a document, and its schedules. Its exports stay, and those under way go on."
    )
    async def delete_document(self, info: Info, input: Input[DeleteDocumentInput]) -> DeleteDocumentPayload | None:
        """What was asked for before has its own copy of the document."""
        try:
            key = require_uuid(input.document_id, "Document", "documentId")
            if await info.context.row("delete_document", id=key) is None:
                raise not_found("Document", "documentId")
        except Refusal as refusal:
            return DeleteDocumentPayload(errors=[refusal.as_user_error()])
        return DeleteDocumentPayload(deleted_id=input.document_id)


async def load_document(context: Context, key: UUID) -> Document | None:
    """The document as the caller may see it now."""
    row = await context.documents.load(key)
    return Document.from_row(row) if row else None


async def _insert(info: Info, document: SaveDocumentInput) -> Row:
    for path, value in (("title", document.title), ("data", document.data)):
        if value is None:
            raise Refusal(ErrorCode.INVALID_INPUT, f"A new document needs `{path}`.", path)
    (row,) = await info.context.rows(
        "insert_document",
        title=document.title,
        data=Jsonb(document.data),
        idempotency_key=document.idempotency_key,
    )
    return row


async def _update(info: Info, document: SaveDocumentInput, global_id: str) -> Row:
    if document.idempotency_key is not None:
        raise Refusal(
            ErrorCode.INVALID_INPUT,
            "A key goes with a new document; to change one twice in the same way is harmless.",
            "idempotencyKey",
        )
    row = await info.context.row(
        "update_document",
        id=require_uuid(global_id, "Document", "id"),
        title=document.title,
        data=None if document.data is None else Jsonb(document.data),
    )
    if row is None:
        raise not_found("Document", "id")
    return row
