"""What only Supabase Storage can do to the API's links: every trouble is a refusal, and no token shows."""

import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from resumepair_graphql import supabase_links
from resumepair_graphql.errors import ErrorCode, Refusal
from resumepair_graphql.links import Asker, Link, Wanted
from resumepair_graphql.supabase_links import SupabaseLinks
from tests.storage_server import StorageServer

USER = uuid4()
FILE = Wanted(f"{USER}/job/1/cv.pdf", "cv.pdf", datetime.now(UTC) + timedelta(days=1))


@pytest.fixture
async def links(server: StorageServer, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[SupabaseLinks, None]:
    monkeypatch.setattr(supabase_links, "TIMEOUTS", httpx.Timeout(0.3))
    async with SupabaseLinks(server.url, server.anon_key, server.bucket, timedelta(minutes=5)) as links:
        yield links


@pytest.fixture
def asker(server: StorageServer) -> Asker:
    return Asker("http://api.example", server.user_token(USER))


TROUBLES: dict[str, Callable[[StorageServer], object]] = {
    "connection closed twice": lambda server: server.faults.drop(times=2, on="sign"),
    "answer lost twice": lambda server: server.faults.lose_responses(times=2, on="sign"),
    "answer cut off twice": lambda server: server.faults.truncate(times=2, on="sign"),
    "answer no JSON": lambda server: server.faults.garble(on="sign"),
    "too slow": lambda server: server.faults.slow(1, on="sign"),
    "busy": lambda server: server.faults.answer(429, on="sign"),
    "broken": lambda server: server.faults.answer(500, on="sign"),
    "refused": lambda server: server.faults.answer(400, on="sign"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_trouble_of_the_storage_is_unavailable(
    server: StorageServer, links: SupabaseLinks, asker: Asker, trouble: str
) -> None:
    TROUBLES[trouble](server)
    refusals = await links.sign([FILE, FILE], asker)
    assert [isinstance(refusal, Refusal) and refusal.code for refusal in refusals] == [ErrorCode.UNAVAILABLE] * 2


async def test_a_connection_that_was_closed_meanwhile_is_made_again(
    server: StorageServer, links: SupabaseLinks, asker: Asker
) -> None:
    server.faults.drop(on="sign")
    (refusal,) = await links.sign([FILE], asker)
    assert isinstance(refusal, Refusal)
    assert refusal.code is ErrorCode.NOT_FOUND, "the storage was asked"


@pytest.mark.parametrize("token", ["expired", "of another project", "no header\n"])
async def test_a_token_that_the_storage_does_not_take_shows_nowhere(
    server: StorageServer, links: SupabaseLinks, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = {
        "expired": server.user_token(USER, lifetime=-1),
        "of another project": StorageServer().user_token(USER),
    }.get(token, token)
    caplog.set_level(logging.DEBUG)
    asker = Asker("http://api.example", wrong)
    with capture_logs() as logs:
        (refusal,) = await links.sign([FILE], asker)
    assert isinstance(refusal, Refusal)
    assert refusal.code is ErrorCode.UNAVAILABLE
    libraries = "" if "\n" in wrong else caplog.text  # the debug log of httpcore repeats headers that cannot be sent
    shown = f"{logs} {refusal!r} {asker!r} {links!r} {libraries}"
    assert wrong.strip() not in shown
    assert [entry["event"] for entry in logs] == ["storage_away" if "\n" in wrong else "storage_misconfigured"]


async def test_links_of_exports_that_last_are_one_request(
    server: StorageServer, links: SupabaseLinks, asker: Asker
) -> None:
    before = server.requests["sign"]
    files = [replace(FILE, expires_at=FILE.expires_at + timedelta(seconds=number)) for number in range(50)]
    await links.sign(files, asker)
    assert server.requests["sign"] - before == 1


async def test_a_link_is_good_for_its_lifetime(server: StorageServer, links: SupabaseLinks, asker: Asker) -> None:
    async with httpx.AsyncClient() as client:
        stored = await client.post(
            f"{server.url}/storage/v1/object/{server.bucket}/{FILE.path}",
            headers={"Authorization": f"Bearer {server.service_key}"},
            files={"file": ("cv.pdf", b"%PDF", "application/pdf")},
        )
        assert stored.is_success
        (link,) = await links.sign([FILE], asker)
        assert isinstance(link, Link)
        answer = await client.get(link.url)
    assert timedelta(minutes=4, seconds=57) < link.expires_at - datetime.now(UTC) <= timedelta(minutes=5)
    assert answer.content == b"%PDF"
    assert server.service_key not in link.url
    assert asker.token not in link.url
