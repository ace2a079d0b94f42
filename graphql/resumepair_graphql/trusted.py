"""Documents that are asked for by their SHA-256: those of the operator's list, and those that clients registered.

The list is what relay-compiler, GraphQL Code Generator or Apollo's manifest tool writes. A registered text is kept only
once it has proved to be a good document, and only under its own hash.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import cast

import orjson

from resumepair_graphql.document_cache import DocumentCache
from resumepair_graphql.lru import Lru
from resumepair_graphql.request_errors import RequestError, RequestErrorCode

APOLLO_FORMAT = "apollo-persisted-query-manifest"
PERSISTED_VERSION = 1
MAX_REGISTERED = 1000
MAX_REGISTERED_CHARACTERS = 2_000_000


class ManifestError(Exception):
    """The file of trusted documents cannot be read, is in no known format, or has a document that is not good."""


@dataclass(frozen=True)
class Asked:
    """The text to execute; `to_register` is the hash to keep it under, once it has proved good."""

    text: str
    to_register: str | None = None


class PersistedDocuments:
    """Finds the text behind a request, whether it brings the text, the hash, or both."""

    def __init__(self, trusted: Mapping[str, str] | None = None, *, only: bool = False) -> None:
        self._manifest = dict(trusted or {})
        self._trusted = {**{hash_of(text): text for text in (trusted or {}).values()}, **(trusted or {})}
        self._only = only
        self._registered: Lru[str, str] = Lru(MAX_REGISTERED, MAX_REGISTERED_CHARACTERS)

    @classmethod
    def read(cls, manifest: Path | None, *, only: bool) -> "PersistedDocuments":
        """With the list of a file, if there is one.

        Raises:
            ManifestError: It is not good, or none is given where nothing else may be answered.
        """
        if only and manifest is None:
            raise ManifestError("required by TRUSTED_DOCUMENTS_ONLY")
        return cls(read_manifest(manifest) if manifest else None, only=only)

    def pin_in(self, cache: DocumentCache) -> None:
        """Prepare the trusted documents for good: what others send can then not push them out.

        Raises:
            ManifestError: One of them could not be answered; it is named by its key.
        """
        bad = [(key, errors[0]) for key, text in self._manifest.items() if (errors := cache.pin(text))]
        if bad:
            (key, error), *others = bad
            rest = f"; not good either: {', '.join(other for other, _ in others)}" if others else ""
            raise ManifestError(f"document {key}: {error.message}{rest}")

    def find(self, query: str | None, extensions: Mapping[str, object] | None) -> Asked | None:
        """The text that is asked for; None when the request names none at all.

        Raises:
            RequestError: PERSISTED_QUERY_NOT_FOUND, to be answered by sending the text along; QUERY_NOT_TRUSTED; or
                BAD_REQUEST when hash and text do not belong together.
        """
        key = _key_of(extensions)
        if key is None:
            if not query:
                return None
            if self._only and hash_of(query) not in self._trusted:
                raise _not_trusted()
            return Asked(query)
        known = self._trusted.get(key)
        if known is None and self._only:
            raise _not_trusted()
        if query and query != known:
            if known is not None or hash_of(query) != key:
                raise RequestError(RequestErrorCode.BAD_REQUEST, "`sha256Hash` is not the SHA-256 of the query.")
            return Asked(query, to_register=key)
        text = known or self._registered.get(key)
        if text is None:
            # The wording is Apollo's: clients compare it.
            raise RequestError(RequestErrorCode.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")
        return Asked(text)

    def register(self, asked: Asked) -> None:
        """Keep a text that a client sent with its hash."""
        if asked.to_register:
            self._registered.put(asked.to_register, asked.text, len(asked.text))


def read_manifest(path: Path) -> dict[str, str]:
    """The documents of a file, by id: `{hash: text}`, or Apollo's manifest.

    Raises:
        ManifestError: It cannot be read, or is neither.
    """
    try:
        parsed: object = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ManifestError(f"cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError:
        raise ManifestError("not JSON") from None
    if isinstance(parsed, dict):
        content = cast("dict[str, object]", parsed)
        operations = content.get("operations") if content.get("format") == APOLLO_FORMAT else None
        pairs = list(content.items()) if operations is None else _apollo_pairs(operations)
        found = {key: text for key, text in pairs if isinstance(key, str) and isinstance(text, str)}
        if found and len(found) == len(pairs):
            return found
    raise ManifestError("neither {hash: text} nor an Apollo persisted query manifest")


def hash_of(text: str) -> str:
    """The SHA-256 of a document's text, in hexadecimal."""
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def _apollo_pairs(operations: object) -> list[tuple[object, object]]:
    entries = cast("list[object]", operations) if isinstance(operations, list) else []
    members = [cast("dict[str, object]", entry) for entry in entries if isinstance(entry, dict)]
    return [(entry.get("id"), entry.get("body")) for entry in members]


def _key_of(extensions: Mapping[str, object] | None) -> str | None:
    persisted = extensions.get("persistedQuery") if extensions else None
    if persisted is None:
        return None
    if isinstance(persisted, dict):
        wanted = cast("dict[str, object]", persisted)
        key = wanted.get("sha256Hash")
        if wanted.get("version", PERSISTED_VERSION) == PERSISTED_VERSION and isinstance(key, str):
            return key
    raise RequestError(
        RequestErrorCode.BAD_REQUEST, "`extensions.persistedQuery` has to be {version: 1, sha256Hash: <hash>}."
    )


def _not_trusted() -> RequestError:
    return RequestError(
        RequestErrorCode.QUERY_NOT_TRUSTED, "This server answers only the operations that it was given beforehand."
    )
