"""What browsers are told about pages of other origins."""

import httpx
import pytest

from tests.integration.transports.conftest import Server, Start

QUERY = {"query": "{ __typename }"}
ASKING = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}


def test_a_page_of_a_known_origin_may_read_the_answer(start: Start) -> None:
    server = start(ALLOWED_ORIGINS="https://app.example")
    origin = {"origin": "https://app.example"}

    preflight = httpx.options(server.graphql, headers={**origin, **ASKING})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://app.example"
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()

    answer = server.post(QUERY, **origin)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://app.example")


def test_a_page_of_a_known_origin_may_read_when_to_come_back_and_what_to_bring(start: Start) -> None:
    server = start(ALLOWED_ORIGINS="https://app.example")
    refused = server.post(QUERY, origin="https://app.example", authorization="Bearer x")
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "https://app.example")
    exposed = {name.strip().lower() for name in refused.headers["access-control-expose-headers"].split(",")}
    assert exposed == {"retry-after", "www-authenticate", "allow"}


def test_a_page_of_another_origin_is_told_nothing(server: Server) -> None:
    origin = {"origin": "https://elsewhere.example"}
    preflight = httpx.options(server.graphql, headers={**origin, **ASKING})
    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in preflight.headers
    assert "access-control-allow-origin" not in server.post(QUERY, **origin).headers


def test_the_apis_own_pages_need_no_permission(server: Server) -> None:
    assert server.post(QUERY, origin=server.url).status_code == 200
    assert server.post(QUERY, origin="https://proxy.example", sec_fetch_site="same-origin").status_code == 200


def test_behind_a_proxy_its_own_address_is_the_public_one(start: Start) -> None:
    server = start(PUBLIC_URL="https://api.example/export")
    assert server.post(QUERY, origin="https://api.example").status_code == 200
    assert server.post(QUERY, origin="https://elsewhere.example").status_code == 403


def test_a_page_that_calls_its_own_address_the_apis_is_not_believed_where_the_address_is_known(start: Start) -> None:
    """DNS can lead any name here."""
    server = start(PUBLIC_URL="https://api.example/export")
    evil = {"origin": "http://evil.example", "host": "evil.example"}
    assert server.post(QUERY, **evil).status_code == 403
    assert server.post(QUERY, **evil, sec_fetch_site="same-origin").status_code == 403


@pytest.mark.parametrize("origin", ["app.example", "https://app.example/page"])
def test_a_setting_that_is_no_origin_is_refused_at_start(start: Start, origin: str) -> None:
    with pytest.raises(AssertionError, match="ALLOWED_ORIGINS"):
        start(ALLOWED_ORIGINS=origin)
