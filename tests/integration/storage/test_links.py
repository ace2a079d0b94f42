"""The API's side of storage, the same wherever files are kept."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote
from uuid import uuid4

import httpx
import pytest

from resumepair_graphql.errors import ErrorCode, Refusal
from resumepair_graphql.links import Link, Wanted
from tests.integration.storage.conftest import PDF, Place

CONTENT = b"%PDF-1.7 " + bytes(range(256))
TOMORROW = datetime.now(UTC) + timedelta(days=1)
NAME = "Zoë Müller, резюме (2).pdf"


@pytest.fixture
async def path(place: Place) -> str:
    await place.store.put(place.key(), CONTENT, PDF)
    return place.key()


def saved_as(answer: httpx.Response) -> str:
    """The name of the download (RFC 6266)."""
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment")
    _, _, encoded = disposition.lower().partition("filename*=utf-8''")
    return unquote(disposition[len(disposition) - len(encoded) :].rstrip(";"))


async def test_a_link_brings_the_file_under_its_name_and_type(place: Place, path: str) -> None:
    answer = await place.browser.get((await place.link(path, NAME)).url)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "application/pdf"
    assert saved_as(answer) == NAME


async def test_head_tells_what_get_would_bring(place: Place, path: str) -> None:
    answer = await place.browser.head((await place.link(path)).url)
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, str(len(CONTENT)), b"")


async def test_a_range_brings_that_part(place: Place, path: str) -> None:
    answer = await place.browser.get((await place.link(path)).url, headers={"Range": "bytes=5-9"})
    assert (answer.status_code, answer.content) == (206, CONTENT[5:10])
    assert answer.headers["content-range"] == f"bytes 5-9/{len(CONTENT)}"


async def test_many_links_are_made_at_once_in_order(place: Place) -> None:
    files = [Wanted(place.key(f"{number}/cv.pdf"), f"cv {number}.pdf", TOMORROW) for number in range(5)]
    for number, file in enumerate(files):
        await place.store.put(file.path, CONTENT + bytes([number]), PDF)
    links = await place.links.sign(files, place.asker())
    for number, link in enumerate(links):
        assert isinstance(link, Link)
        answer = await place.browser.get(link.url)
        assert (answer.content[-1], answer.status_code) == (number, 200)


async def test_a_file_that_is_gone_spoils_only_its_own_link(place: Place, path: str) -> None:
    files = [Wanted(path, NAME, TOMORROW), Wanted(place.key("gone.pdf"), NAME, TOMORROW)]
    there, gone = await place.links.sign(files, place.asker())
    assert isinstance(there, Link)
    assert (await place.browser.get(there.url)).status_code == 200
    if isinstance(gone, Refusal):
        assert gone.code is ErrorCode.NOT_FOUND
    else:
        assert (await place.browser.get(gone.url)).status_code == 404


async def test_a_link_ends_with_its_time(place: Place, path: str) -> None:
    url = (await place.link(path, links=place.short_links)).url
    async with asyncio.timeout(20):
        while (answer := await place.browser.get(url)).status_code == 200:  # noqa: ASYNC110 # nobody tells
            await asyncio.sleep(0.1)
    assert answer.status_code == (410 if place.is_folder else 400)
    assert (await place.browser.get((await place.link(path)).url)).status_code == 200


async def test_a_link_ends_with_its_export(place: Place, path: str) -> None:
    link = await place.link(path, lasts=timedelta(seconds=1.9))
    assert link.expires_at <= datetime.now(UTC) + timedelta(seconds=1.9)
    async with asyncio.timeout(20):
        while (answer := await place.browser.get(link.url)).status_code == 200:  # noqa: ASYNC110 # nobody tells
            await asyncio.sleep(0.1)
    assert answer.status_code == (410 if place.is_folder else 400)


async def test_exports_of_every_age_have_links_that_last_at_least_half_as_long(place: Place) -> None:
    await place.store.put(place.key(), CONTENT, PDF)
    lives = [*range(3, 330, 7), 10_000]
    begin = datetime.now(UTC)
    files = [Wanted(place.key(), f"{life}.pdf", begin + timedelta(seconds=life)) for life in lives]
    for life, file, link in zip(lives, files, await place.links.sign(files, place.asker()), strict=True):
        assert isinstance(link, Link)
        assert file.file_name in link.url
        assert min(life / 2, 150) - 2 < (link.expires_at - begin).total_seconds() <= min(life, 302), life


async def test_a_link_ends_with_its_file(place: Place, path: str) -> None:
    url = (await place.link(path)).url
    await place.store.remove([path])
    # The storage proper has the truth in the body, and may keep what it has just sent.
    assert (await place.browser.get(f"{url}&again={secrets.token_hex(4)}")).status_code in {400, 404}


@pytest.mark.parametrize("change", ["other file", "other signature"])
async def test_a_changed_link_is_refused(place: Place, path: str, change: str) -> None:
    other = place.key("other.pdf")
    await place.store.put(other, CONTENT, PDF)
    url = (await place.link(path)).url
    if change == "other file":
        url = url.replace(path, other)
    else:
        mark = "signature=" if place.is_folder else "token="
        start = url.index(mark) + len(mark) + 5
        url = f"{url[:start]}{'a' if url[start] != 'a' else 'b'}{url[start + 1 :]}"
    answer = await place.browser.get(url)
    assert answer.status_code == (403 if place.is_folder else 400)
    assert CONTENT not in answer.content


async def test_another_users_file_is_not_signed(place: Place, path: str) -> None:
    if place.is_folder:
        pytest.skip("the database alone decides: a folder knows no users")
    (refusal,) = await place.links.sign([Wanted(path, NAME, TOMORROW)], place.asker(uuid4()))
    assert isinstance(refusal, Refusal)
    assert refusal.code is ErrorCode.NOT_FOUND
