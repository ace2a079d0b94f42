from pathlib import Path

import orjson
import pytest

from resumepair_graphql.document_cache import DocumentCache
from resumepair_graphql.query_limits import QueryLimits
from resumepair_graphql.request_errors import RequestError
from resumepair_graphql.schema import build_schema
from resumepair_graphql.trusted import ManifestError, PersistedDocuments, hash_of, read_manifest

SCHEMA = build_schema()._schema
TEXT = "{ __typename }"
HASH = hash_of(TEXT)


def by_hash(key: str) -> dict[str, object]:
    return {"persistedQuery": {"version": 1, "sha256Hash": key}}


def code_of(documents: PersistedDocuments, query: str | None, extensions: dict[str, object] | None) -> str:
    with pytest.raises(RequestError) as refused:
        documents.find(query, extensions)
    return refused.value.code.value


def write(folder: Path, content: object) -> Path:
    path = folder / "manifest.json"
    path.write_bytes(orjson.dumps(content))
    return path


@pytest.mark.parametrize(
    "content",
    [
        {"abc": TEXT},  # relay-compiler (MD5), GraphQL Code Generator (SHA-1), urql
        {
            "format": "apollo-persisted-query-manifest",
            "version": 1,
            "operations": [{"id": "abc", "name": None, "type": "query", "body": TEXT}],
        },
    ],
    ids=["relay, codegen", "apollo"],
)
def test_a_list_is_read_in_the_formats_of_the_tools(tmp_path: Path, content: object) -> None:
    documents = PersistedDocuments.read(write(tmp_path, content), only=True)
    for key in ("abc", HASH):
        found = documents.find(None, by_hash(key))
        assert found
        assert found.text == TEXT


@pytest.mark.parametrize(
    "content", [[], {}, {"a": 1}, {"format": "apollo-persisted-query-manifest", "operations": [{"id": "a"}]}, "x"]
)
def test_anything_else_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(ManifestError, match="neither"):
        read_manifest(write(tmp_path, content))


def test_a_file_that_is_not_there_or_not_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        read_manifest(tmp_path / "missing.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ManifestError, match="not JSON"):
        read_manifest(tmp_path / "bad.json")


def test_only_trusted_needs_a_list() -> None:
    with pytest.raises(ManifestError, match="TRUSTED_DOCUMENTS_ONLY"):
        PersistedDocuments.read(None, only=True)


def test_an_unknown_hash_is_asked_for_in_full_and_known_once_it_was_registered() -> None:
    documents = PersistedDocuments()
    with pytest.raises(RequestError, match=r"^PersistedQueryNotFound$") as refused:
        documents.find(None, by_hash(HASH))
    assert refused.value.extensions == {"code": "PERSISTED_QUERY_NOT_FOUND"}
    asked = documents.find(TEXT, by_hash(HASH))
    assert asked
    assert code_of(documents, None, by_hash(HASH)) == "PERSISTED_QUERY_NOT_FOUND"
    documents.register(asked)
    found = documents.find("", by_hash(HASH))
    assert found
    assert found.text == TEXT


def test_a_text_is_not_registered_under_a_foreign_hash() -> None:
    assert code_of(PersistedDocuments(), "{ other }", by_hash(HASH)) == "BAD_REQUEST"


@pytest.mark.parametrize("only", [True, False])
@pytest.mark.parametrize("key", ["abc", HASH])
def test_a_text_besides_the_hash_of_a_trusted_document_has_to_be_that_document(key: str, only: bool) -> None:
    documents = PersistedDocuments({"abc": TEXT}, only=only)
    assert code_of(documents, "{ other }", by_hash(key)) == "BAD_REQUEST"


@pytest.mark.parametrize("persisted", [1, "x", {}, {"sha256Hash": 1}, {"version": 2, "sha256Hash": HASH}])
def test_a_malformed_extension_is_refused(persisted: object) -> None:
    assert code_of(PersistedDocuments(), TEXT, {"persistedQuery": persisted}) == "BAD_REQUEST"


def test_only_trusted_refuses_everything_else() -> None:
    documents = PersistedDocuments({"abc": TEXT}, only=True)
    assert code_of(documents, "{ other }", None) == "QUERY_NOT_TRUSTED"
    assert code_of(documents, "{ other }", by_hash(hash_of("{ other }"))) == "QUERY_NOT_TRUSTED"
    assert code_of(documents, None, by_hash("unknown")) == "QUERY_NOT_TRUSTED"
    for query, extensions in ((TEXT, None), (None, by_hash("abc")), (TEXT, by_hash("abc"))):
        found = documents.find(query, extensions)
        assert found
        assert found.text == TEXT


def test_without_a_list_nothing_is_trusted_but_all_is_answered() -> None:
    found = PersistedDocuments().find(TEXT, {"other": 1})
    assert found
    assert found.text == TEXT
    assert PersistedDocuments().find(None, None) is None


def document_cache() -> DocumentCache:
    return DocumentCache(SCHEMA, QueryLimits(), introspection=False, suggestions=False)


def test_a_trusted_document_stays_prepared_whatever_others_send() -> None:
    cache = document_cache()
    PersistedDocuments({"abc": TEXT}).pin_in(cache)
    pinned = cache.prepare(TEXT)
    assert list(pinned.costs) == [""]
    for number in range(3):
        cache.prepare("{ __typename }" + f"#{number}" * 30_000)
    assert cache.prepare(TEXT) is pinned


def test_bad_trusted_documents_are_named() -> None:
    documents = PersistedDocuments({"good": TEXT, "bad": "{ nothing }", "worse": "{"})
    with pytest.raises(ManifestError, match=r"^document bad: Cannot query field 'nothing'.*; not good either: worse$"):
        documents.pin_in(document_cache())
