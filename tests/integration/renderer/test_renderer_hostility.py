"""Documents that want to get out: nothing of theirs runs, loads or connects."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from resumepair_renderer import BrowserUnavailable, Renderer
from resumepair_renderer.pages import PagePool

pytestmark = pytest.mark.asyncio(loop_scope="session")

Pages = Callable[[bytes], list[str]]


class Listener:
    """A server on loopback that notes whoever connects."""

    def __init__(self) -> None:
        self.visits: list[bytes] = []
        self.port = 0

    async def visited(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits.append(await reader.read(200))
        writer.close()


@pytest_asyncio.fixture(loop_scope="session")
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    server = await asyncio.start_server(listener.visited, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    async with server:
        yield listener


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pool(chromium_path: Path) -> AsyncIterator[PagePool]:
    async with PagePool(chromium_path, 1) as pool:
        yield pool


ATTACKS = [
    '<img src="{url}">',
    '<iframe src="{url}"></iframe><iframe src="file:///etc/passwd"></iframe>',
    '<object data="{url}"></object><embed src="{url}">',
    '<link rel="stylesheet" href="{url}"><link rel="prefetch" href="{url}"><link rel="preconnect" href="{url}">',
    '<style>@import url("{url}"); body {{ background: url("{url}") }}</style>',
    '<style>@font-face {{ font-family: x; src: url("{url}") }} body {{ font-family: x }}</style>x',
    '<meta http-equiv="refresh" content="0;url={url}">',
    '<script src="{url}"></script><script>fetch("{url}")</script>',
    '<script>new WebSocket("{socket}")</script>',
    '<svg><image href="{url}"/><use href="{url}#a"/><foreignObject><img src="{url}"></foreignObject></svg>',
    '<video src="{url}" autoplay poster="{url}"></video><audio src="{url}" autoplay></audio>',
    '<iframe srcdoc="&lt;img src={url}&gt;"></iframe>',
    '<base href="{url}"><img src="a.png"><form action="{url}"><button autofocus></form>',
    '<img src="x" onerror="new Image().src=\'{url}\'">',
]


@pytest.mark.parametrize("attack", ATTACKS)
async def test_the_browser_connects_to_nothing_even_if_markup_gets_through(
    pool: PagePool, listener: Listener, pages_of: Pages, attack: str
) -> None:
    url, socket = f"http://127.0.0.1:{listener.port}/x", f"ws://127.0.0.1:{listener.port}/x"
    with contextlib.suppress(BrowserUnavailable):  # a page that navigates away costs its own render
        printed = await pool.print(f"<!doctype html>{attack.format(url=url, socket=socket)}<p>Still here", 10)
        assert not any("root:" in page for page in pages_of(printed))
    assert pages_of(await pool.print("<p>Next one", 10)) == ["Next one"]
    assert listener.visits == []


async def test_markup_and_addresses_in_every_field_are_inert(
    renderer: Renderer, listener: Listener, pages_of: Pages
) -> None:
    url = f"http://127.0.0.1:{listener.port}/x"
    evil = f'"><img src="{url}"><script>fetch("{url}")</script></style><style>@import "{url}";'
    entry = {"role": evil, "company": evil, "location": evil, "link": url, "summary": evil}
    data: dict[str, Any] = {
        "profile": {"fullName": evil, "headline": evil, "email": evil, "phone": evil, "photo": url}
        | {"links": [{"label": evil, "url": url}, {"url": "file:///etc/passwd"}, {"url": "javascript:alert(1)"}]},
        "summary": evil,
        "work": [{**entry, "descriptionBullets": [evil], "techStack": [evil]}],
        "education": [{"school": evil, "degree": evil, "details": [evil]}],
        "skills": [{"category": evil, "items": [evil]}],
        "projects": [{"name": evil, "link": "data:text/html,<script>", "bullets": [evil]}],
        "extras": [{"title": evil, "content": evil}],
        "references": [{"name": evil, "text": evil}],
        "appearance": {"typography": {"fontFamily": evil}, "template": evil},
    }
    text = "\n".join(pages_of((await renderer.render(data)).content))
    assert "<script>" in text.replace("\n", "")
    assert "root:" not in text
    assert listener.visits == []
