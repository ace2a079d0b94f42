"""GraphQL over HTTP: who gets which status, in which form."""

import httpx
import pytest
from psycopg.types.json import Jsonb

from tests.integration.conftest import Person
from tests.integration.transports.conftest import DOCUMENTS, JOB, Server, Start, bearer, job_id

RESPONSE, JSON = "application/graphql-response+json", "application/json"
TYPENAME = {"query": "{ __typename }"}
SYNTAX, INVALID = {"query": "{ "}, {"query": "{ nothing }"}
COERCION = {"query": "query ($n: Int!) { documents(first: $n) { edges { cursor } } }", "variables": {"n": "x"}}


def code_of(answer: httpx.Response) -> str:
    """The only error's code; nothing was executed."""
    body = answer.json()
    assert "data" not in body
    (error,) = body["errors"]
    assert error["message"]
    return str(error["extensions"]["code"])


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (RESPONSE, RESPONSE),
        (JSON, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (f"{JSON};q=0.5, {RESPONSE}", RESPONSE),
        (f"{RESPONSE}, application/graphql+json, {JSON}, text/event-stream, multipart/mixed", RESPONSE),  # urql
        (f"{RESPONSE},{JSON};q=0.9", RESPONSE),  # Apollo Client
        (f"{JSON}, text/event-stream", JSON),
    ],
)
def test_the_form_is_what_the_client_likes_best(server: Server, accept: str, content_type: str) -> None:
    answer = server.post(TYPENAME, accept=accept)
    assert (answer.status_code, answer.json()["data"]) == (200, {"__typename": "Query"})
    assert answer.headers["content-type"] == f"{content_type}; charset=utf-8"


@pytest.mark.parametrize("body", [SYNTAX, INVALID, COERCION], ids=["syntax", "validation", "coercion"])
@pytest.mark.parametrize(("accept", "status"), [(RESPONSE, 400), (JSON, 200)])
def test_what_is_not_executed_is_400_where_the_form_allows_it(
    server: Server, token: str, body: object, accept: str, status: int
) -> None:
    answer = server.post(body, token, accept=accept)
    assert answer.status_code == status
    assert answer.json()["errors"]
    assert "data" not in answer.json()


@pytest.mark.parametrize(
    ("settings", "code", "status"),
    [
        ({"OPERATION_TIMEOUT_SECONDS": "0.000001"}, "OPERATION_TIMEOUT", 503),
        ({"RATE_LIMIT_COST_PER_MINUTE": "1"}, "THROTTLED", 429),
    ],
)
def test_what_the_client_need_not_mend_has_a_status_of_its_own(
    start: Start, token: str, settings: dict[str, str], code: str, status: int
) -> None:
    server = start(**settings)
    server.post({"query": DOCUMENTS}, token)  # whoever has not asked for anything yet gets the first one
    for accept, answered in ((RESPONSE, status), (JSON, 200)):
        answer = server.post({"query": DOCUMENTS}, token, accept=accept)
        assert (answer.status_code, code_of(answer)) == (answered, code)
        assert (50 < int(answer.headers.get("retry-after", 0)) <= 60) is (answered == 429)
        assert answer.headers.get("retry-after") == ("60" if answered == 429 else None)


@pytest.mark.parametrize("accept", [RESPONSE, JSON])
def test_a_field_that_fails_is_200_with_data(server: Server, accept: str) -> None:
    answer = server.post({"query": DOCUMENTS}, accept=accept)
    assert answer.status_code == 200
    assert answer.json()["data"] == {"documents": None}
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "BAD_REQUEST"),
        (b"{", 400, "BAD_REQUEST"),
        (b"[" * 5000, 400, "BAD_REQUEST"),
        (b'{"query": "{ __typename }\xff"}', 400, "BAD_REQUEST"),
        (b'{"query": "\\ud800"}', 400, "BAD_REQUEST"),
        (b"null", 400, "BAD_REQUEST"),
        (b"5", 400, "BAD_REQUEST"),
        (b"[]", 400, "BAD_REQUEST"),
        (b'[{"query": "{ __typename }"}]', 400, "BAD_REQUEST"),
        (b"{}", 400, "BAD_REQUEST"),
        (b'{"query": 5}', 400, "BAD_REQUEST"),
        (b'{"query": "{ __typename }", "variables": []}', 400, "BAD_REQUEST"),
        (b'{"query": "{ __typename }", "variables": "{}"}', 400, "BAD_REQUEST"),
        (b'{"query": "{ __typename }", "operationName": 5}', 400, "BAD_REQUEST"),
        (b'{"query": "{ __typename }", "extensions": 5}', 400, "BAD_REQUEST"),
    ],
)
def test_what_is_no_request_is_refused_in_graphqls_form(server: Server, content: bytes, status: int, code: str) -> None:
    answer = server.post(content)
    assert (answer.status_code, code_of(answer)) == (status, code)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"content_type": "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content_type": "application/x-www-form-urlencoded"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content_type": "multipart/form-data; boundary=x"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content_type": "application/json; charset=utf-16"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content_encoding": "gzip"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"accept": "text/html"}, 406, "NOT_ACCEPTABLE"),
        ({"accept": f"{JSON};q=0"}, 406, "NOT_ACCEPTABLE"),
        ({"origin": "https://elsewhere.example"}, 403, "ORIGIN_NOT_ALLOWED"),
        ({"origin": "null"}, 403, "ORIGIN_NOT_ALLOWED"),
        ({"authorization": "Bearer x"}, 401, "UNAUTHENTICATED"),
    ],
)
def test_a_request_that_may_not_be_made_is_refused(
    server: Server, headers: dict[str, str], status: int, code: str
) -> None:
    answer = server.post(TYPENAME, **headers)
    assert (answer.status_code, code_of(answer)) == (status, code)


@pytest.mark.parametrize("content_type", ["application/json; charset=UTF-8", "application/graphql+json"])
def test_json_is_json_by_its_other_names(server: Server, content_type: str) -> None:
    assert server.post(TYPENAME, content_type=content_type).status_code == 200


def test_a_query_may_be_sent_with_get(server: Server, token: str) -> None:
    parameters = {"query": "query Q($n: Int) { documents(first: $n) { edges { cursor } } }", "variables": '{"n": 5}'}
    answer = httpx.get(server.graphql, params={**parameters, "operationName": "Q"}, headers=bearer(token))
    assert answer.json()["data"] == {"documents": {"edges": []}}


@pytest.mark.parametrize(
    ("query_string", "status", "code"),
    [
        ("", 400, "BAD_REQUEST"),
        ("query=", 400, "BAD_REQUEST"),
        ("query=%FF", 400, "BAD_REQUEST"),
        ("query={__typename}&query={__typename}", 400, "BAD_REQUEST"),
        ("query={__typename}&variables=[]", 400, "BAD_REQUEST"),
        ("query={__typename}&variables={", 400, "BAD_REQUEST"),
        ("query=mutation{__typename}", 405, "METHOD_NOT_ALLOWED"),
        ("query=" + "%20" * 11_000, 413, "REQUEST_TOO_LARGE"),
    ],
)
def test_what_get_may_not_do(server: Server, query_string: str, status: int, code: str) -> None:
    answer = httpx.get(f"{server.graphql}?{query_string}")
    assert (answer.status_code, code_of(answer)) == (status, code)


def test_other_methods_are_405(server: Server) -> None:
    answer = httpx.put(server.graphql, json=TYPENAME)
    assert (answer.status_code, answer.headers["allow"], code_of(answer)) == (405, "GET, POST", "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("accept", ["*/*", RESPONSE, f"multipart/mixed;subscriptionSpec=1.0, {JSON}"])
def test_a_subscription_without_an_event_stream_says_what_to_accept(
    server: Server, alice: Person, token: str, accept: str
) -> None:
    answer = server.post({"query": JOB, "variables": {"id": job_id(alice.export())}}, token, accept=accept)
    assert (answer.status_code, code_of(answer)) == (406, "NOT_ACCEPTABLE")
    assert "text/event-stream" in answer.text


SAVE = 'mutation ($data: JSON!) { saveDocument(input: {title: "CV", data: $data}) { document { id } errors { code } } }'


def nested(levels: int) -> object:
    value: object = "bottom"
    for _ in range(levels):
        value = {"x": value}
    return value


def test_what_is_nested_too_deeply_is_refused(server: Server, token: str) -> None:
    answer = server.post({"query": SAVE, "variables": {"data": nested(300)}}, token)
    assert (answer.status_code, code_of(answer)) == (400, "BAD_REQUEST")


def test_a_document_that_is_nested_deeply_can_be_read(server: Server, token: str, alice: Person) -> None:
    """It came in by another door; the fast encoder does not take it."""
    alice.run("insert into resumepair.documents (title, data) values ('deep', %s)", Jsonb(nested(400)))
    answer = server.post({"query": "{ documents { edges { node { data } } } }"}, token)
    assert answer.json()["data"] == {"documents": {"edges": [{"node": {"data": nested(400)}}]}}


def test_a_request_has_so_many_values_and_no_more(server: Server, token: str) -> None:
    lists: list[object] = [[]]
    for many, status in ((4900, 200), (5100, 413)):
        body = {"query": "{ __typename }", "variables": {"x": lists * many}}
        assert server.post(body).status_code == status
        assert server.post(body, token).status_code == status


def test_a_saved_document_of_a_megabyte_may_have_what_documents_have(server: Server, token: str) -> None:
    entry = {"category": "Mathematics", "items": ["Analysis", "Number theory"], "level": 5}
    saved = server.post({"query": SAVE, "variables": {"data": {"skills": [entry] * 11_000}}}, token)
    assert saved.json()["data"]["saveDocument"]["errors"] == []


def test_numbers_and_texts_come_back_as_the_page_about_documents_says(server: Server, token: str) -> None:
    save = SAVE.replace("{ id }", "{ data }")
    numbers = b'{"whole": 18446744073709551615, "long": 12345678901234567890123, "zero": -0.0, "text": "1234567890"}'
    body = b'{"query": "%s", "variables": {"data": %s}}' % (save.replace('"', '\\"').encode(), numbers)
    answer = server.post(body, token).json()
    assert answer["data"]["saveDocument"]["document"]["data"] == {
        "whole": 18446744073709551615, "long": 12345678901234568000000, "zero": 0, "text": "1234567890"
    }  # fmt: skip


LARGE = {"profile": {"fullName": "x" * 300_000}}


def test_only_a_saved_document_may_be_large(server: Server, token: str) -> None:
    saved = server.post({"query": SAVE, "variables": {"data": LARGE}}, token)
    assert saved.json()["data"]["saveDocument"]["errors"] == []

    query = "query ($data: JSON) { documents { edges { cursor } } }"
    refused = server.post({"query": query, "variables": {"data": LARGE}}, token)
    assert (refused.status_code, code_of(refused)) == (413, "REQUEST_TOO_LARGE")
    unknown = server.post({"query": SAVE, "variables": {"data": LARGE}})
    assert (unknown.status_code, code_of(unknown)) == (413, "REQUEST_TOO_LARGE")
    too_large = server.post({"query": SAVE, "variables": {"data": "x" * 1_500_000}}, token)
    assert (too_large.status_code, code_of(too_large)) == (413, "REQUEST_TOO_LARGE")
    long = server.post({"query": "{ __typename }" + " " * 70_000}, token)
    assert (long.status_code, code_of(long)) == (413, "REQUEST_TOO_LARGE")
