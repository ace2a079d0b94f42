"""What is stored: buckets, and objects under keys. Who may see it is decided by the caller's claims."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tests.storage_server.errors import Refused

# `\w` and the punctuation that S3 takes.
KEY = re.compile(r"[A-Za-z0-9_/!\-.*'() &$@=;:+,?]+")

Claims = dict[str, Any]


@dataclass
class StoredObject:
    """A file, as a row of `storage.objects` and its bytes."""

    name: str
    content: bytes
    content_type: str
    cache_control: str
    id: str = field(default_factory=lambda: str(uuid4()))
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    uploads: int = 1

    @property
    def etag(self) -> str:
        return f'"{self.id}-{self.uploads}"'

    def replace(self, content: bytes, content_type: str, cache_control: str) -> None:
        self.content, self.content_type, self.cache_control = content, content_type, cache_control
        self.updated_at = datetime.now(UTC)
        self.uploads += 1

    def metadata(self) -> dict[str, Any]:
        return {
            "eTag": self.etag, "size": len(self.content), "mimetype": self.content_type,
            "cacheControl": self.cache_control, "lastModified": iso(self.updated_at),
            "contentLength": len(self.content), "httpStatusCode": 200,
        }  # fmt: skip


@dataclass
class Bucket:
    """A private bucket with the policy of `schema.sql`: users see the folder that is called after them."""

    id: str
    file_size_limit: int | None = None
    allowed_mime_types: tuple[str, ...] | None = None
    objects: dict[str, StoredObject] = field(default_factory=dict[str, StoredObject])

    def visible(self, claims: Claims) -> dict[str, StoredObject]:
        """Row-level security."""
        if is_service(claims):
            return self.objects
        if claims.get("role") != "authenticated":
            return {}
        folder = f"{claims.get('sub')}/"
        return {name: found for name, found in self.objects.items() if name.startswith(folder)}

    def check_type(self, content_type: str) -> None:
        if self.allowed_mime_types is not None and content_type not in self.allowed_mime_types:
            raise Refused(415, "invalid_mime_type", f"mime type {content_type} is not supported")

    def check_size(self, size: int) -> None:
        if self.file_size_limit is not None and size > self.file_size_limit:
            raise Refused(413, "Payload too large", "The object exceeded the maximum allowed size")


def is_service(claims: Claims) -> bool:
    return bool(claims.get("role") == "service_role")


def check_key(name: str) -> None:
    if not KEY.fullmatch(name):
        raise Refused(400, "InvalidKey", f"Invalid key: {name}")


def listing(objects: Iterable[StoredObject], prefix: str, limit: int, offset: int) -> list[dict[str, Any]]:
    """One level of folders below the prefix, which is taken for a folder; a folder has a name and nothing else."""
    below = f"{prefix.rstrip('/')}/" if prefix else ""
    entries: dict[str, dict[str, Any]] = {}
    for found in objects:
        if not found.name.startswith(below):
            continue
        name, slash, _ = found.name[len(below) :].partition("/")
        entries[name] = (
            {"name": name, "id": None, "updated_at": None, "created_at": None, "last_accessed_at": None,
             "metadata": None}
            if slash
            else {"name": name, "id": found.id, "updated_at": iso(found.updated_at),
                  "created_at": iso(found.created_at), "last_accessed_at": iso(found.created_at),
                  "metadata": found.metadata()}
        )  # fmt: skip
    return [entries[name] for name in sorted(entries)][offset : offset + limit]


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
