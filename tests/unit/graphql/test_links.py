from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.testing import capture_logs

from resumepair_graphql.links import Asker, FolderLinks, Link, Wanted

PATH = "user/job/1/zoe-muller.pdf"
NAME = "zoë müller.pdf"
DAY = timedelta(days=1)
CONTENT = b"%PDF-1.7 " + bytes(range(256))


@pytest.fixture
def links(tmp_path: Path) -> FolderLinks:
    file = tmp_path / PATH
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    return FolderLinks(tmp_path, "k" * 32, timedelta(minutes=5))


@pytest.fixture
async def client(links: FolderLinks) -> AsyncGenerator[AsyncClient, None]:
    app = Starlette(routes=[Route("/files/{path:path}", links.serve)])
    async with AsyncClient(transport=ASGITransport(app), base_url="https://api.example.org") as client:
        yield client


async def link_to(links: FolderLinks, path: str = PATH, name: str = NAME, lasts: timedelta = DAY) -> Link:
    wanted = Wanted(path, name, datetime.now(UTC) + lasts)
    (link,) = await links.sign([wanted], Asker("https://api.example.org", ""))
    return link


async def url_of(links: FolderLinks, path: str = PATH) -> str:
    parts = urlsplit((await link_to(links, path)).url)
    return f"{parts.path}?{parts.query}"


async def test_a_link_brings_the_file_under_its_name_and_type(links: FolderLinks, client: AsyncClient) -> None:
    answer = await client.get(await url_of(links))
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''zo%C3%AB%20m%C3%BCller.pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"].startswith("private")


async def test_head_and_ranges(links: FolderLinks, client: AsyncClient) -> None:
    url = await url_of(links)
    head = await client.head(url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(CONTENT)), b"")
    part = await client.get(url, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, CONTENT[5:10])
    assert (await client.get(url, headers={"Range": "bytes=9999-"})).status_code == 416


@pytest.mark.parametrize("asked", ["bytes=5-", "Bytes= 5-99999999999999999999 ,", "bytes=-260", "bytes=5-9999"])
async def test_a_range_ends_with_the_file(asked: str, links: FolderLinks, client: AsyncClient) -> None:
    part = await client.get(await url_of(links), headers={"Range": asked})
    assert (part.status_code, part.content) == (206, CONTENT[5:])
    assert part.headers["content-range"] == f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}"
    assert part.headers["content-length"] == str(len(CONTENT) - 5)


@pytest.mark.parametrize(
    "asked",
    ["items=0-1", "bytes=5-2", "bytes=a-b", "bytes=-", "bytes", "bytes=0-1, 4-5", f"bytes={'9' * 5000}-", "bytes=٣-"],
)
async def test_what_is_no_single_range_brings_the_whole_file(
    asked: str, links: FolderLinks, client: AsyncClient
) -> None:
    answer = await client.get(await url_of(links), headers=[(b"Range", asked.encode())])
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize("asked", ["bytes=265-", "bytes=-0"])
async def test_a_range_that_is_not_in_the_file_is_416(asked: str, links: FolderLinks, client: AsyncClient) -> None:
    answer = await client.get(await url_of(links), headers={"Range": asked})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(CONTENT)}")


async def test_a_part_is_only_of_the_file_that_was_begun(links: FolderLinks, client: AsyncClient) -> None:
    url = await url_of(links)
    whole = await client.get(url)
    for begun, status in [
        (whole.headers["etag"], 206), (whole.headers["last-modified"], 206), (f"W/{whole.headers['etag']}", 200),
        ('"another"', 200),
    ]:  # fmt: skip
        answer = await client.get(url, headers={"Range": "bytes=0-3", "If-Range": begun})
        assert answer.status_code == status, begun


async def test_what_the_client_has_is_not_sent_again(links: FolderLinks, client: AsyncClient, tmp_path: Path) -> None:
    url = await url_of(links)
    etag = (await client.get(url)).headers["etag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        for ask in (client.get, client.head):
            answer = await ask(url, headers={"If-None-Match": known, "Range": "bytes=0-3"})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag), known
            assert "content-length" not in answer.headers
    assert (await client.get(url, headers={"If-None-Match": '"other"'})).status_code == 200
    (tmp_path / PATH).write_bytes(CONTENT + b"!")
    assert (await client.get(url, headers={"If-None-Match": etag})).content == CONTENT + b"!"


async def test_head_has_no_part(links: FolderLinks, client: AsyncClient) -> None:
    answer = await client.head(await url_of(links), headers={"Range": "bytes=0-3"})
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(CONTENT)))


@pytest.mark.parametrize("asked", [None, "bytes=5-9"])
async def test_a_file_that_is_removed_meanwhile_still_comes_whole(
    asked: str | None, links: FolderLinks, tmp_path: Path
) -> None:
    async def serve(request: Request) -> Response:
        response = await links.serve(request)
        (tmp_path / PATH).unlink()
        return response

    app = Starlette(routes=[Route("/files/{path:path}", serve)])
    async with AsyncClient(transport=ASGITransport(app), base_url="https://api.example.org") as client:
        answer = await client.get(await url_of(links), headers={"Range": asked} if asked else {})
    assert answer.content == (CONTENT[5:10] if asked else CONTENT)


async def test_a_large_file_comes_whole(links: FolderLinks, client: AsyncClient, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    (tmp_path / PATH).write_bytes(content)
    url = await url_of(links)
    assert (await client.get(url)).content == content
    assert (await client.get(url, headers={"Range": "bytes=1-200000"})).content == content[1:200_001]


async def test_a_folder_is_no_file(links: FolderLinks, client: AsyncClient) -> None:
    assert (await client.get(await url_of(links, "user/job"))).status_code == 404


async def test_a_file_that_cannot_be_opened_is_503_and_names_no_path(links: FolderLinks, client: AsyncClient) -> None:
    with capture_logs() as logs:
        answer = await client.get(await url_of(links, f"user/{'x' * 300}.pdf"))
    assert answer.status_code == 503
    assert logs == [{"event": "file_unreadable", "error": "File name too long", "log_level": "warning"}]


async def test_a_link_says_when_it_ends(links: FolderLinks) -> None:
    left = (await link_to(links)).expires_at - datetime.now(UTC)
    assert timedelta(minutes=4, seconds=58) < left <= timedelta(minutes=5)


async def test_a_link_and_what_a_browser_keeps_end_with_the_export(links: FolderLinks, client: AsyncClient) -> None:
    link = await link_to(links, lasts=timedelta(seconds=20))
    assert link.expires_at <= datetime.now(UTC) + timedelta(seconds=20)
    kept = (await client.get(link.url)).headers["cache-control"].removeprefix("private, max-age=")
    assert 15 < int(kept) <= 20
    past = await link_to(links, lasts=timedelta(0))
    assert (await client.get(past.url)).status_code == 410


async def test_after_its_time_a_link_is_gone(tmp_path: Path, links: FolderLinks, client: AsyncClient) -> None:
    expired = FolderLinks(tmp_path, "k" * 32, timedelta(seconds=-1))
    assert (await client.get(await url_of(expired))).status_code == 410
    assert (await client.get(await url_of(links))).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        ("expires=", "expires=9"),
        ("expires=", "expires=x"),
        ("expires=", "expires=٣"),
        ("signature=", "signature=0"),
        ("signature=", "signature=é"),
        ("signature=", "other="),
        ("/job/", "/job2/"),
        ("download=", "download=x"),
        ("&download=", "%0A"),
    ],
)
async def test_a_changed_link_is_refused(change: tuple[str, str], links: FolderLinks, client: AsyncClient) -> None:
    assert (await client.get((await url_of(links)).replace(*change))).status_code == 403


async def test_a_link_does_not_lead_out_of_the_folder(links: FolderLinks, client: AsyncClient, tmp_path: Path) -> None:
    (tmp_path.parent / "secret.pdf").write_bytes(b"secret")
    (tmp_path / "link.pdf").symlink_to(tmp_path.parent / "secret.pdf")
    assert (await client.get(await url_of(links, "link.pdf"))).status_code == 404


async def test_a_removed_file_is_not_found(links: FolderLinks, client: AsyncClient, tmp_path: Path) -> None:
    url = await url_of(links)
    (tmp_path / PATH).unlink()
    assert (await client.get(url)).status_code == 404
