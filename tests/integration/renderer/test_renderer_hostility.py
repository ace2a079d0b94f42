"""Documents that want to get out: nothing of theirs runs, loads or connects."""

import asyncio
import contextlib
import struct
import zlib
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pikepdf
import pypdfium2 as pdfium
import pytest
import pytest_asyncio
from playwright.async_api import async_playwright
from pydantic import BaseModel

from resumepair_renderer import (
    TEMPLATES,
    BrowserUnavailable,
    DocumentTooLarge,
    Format,
    InvalidDocument,
    Renderer,
    RenderOptions,
    ResumeDocument,
    compose,
)
from resumepair_renderer.appearance import Settings, Theme
from resumepair_renderer.pages import PagePool
from resumepair_renderer.warm_page import WarmPage

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
        printed = await pool.use(
            f"<!doctype html>{attack.format(url=url, socket=socket)}<p>Still here", WarmPage.to_pdf, 10
        )
        assert not any("root:" in page for page in pages_of(printed))
    assert pages_of(await pool.use("<p>Next one", WarmPage.to_pdf, 10)) == ["Next one"]
    assert listener.visits == []


# What an author could write into a field: `{url}` leads to the listener, `{socket}` as well.
PAYLOADS = [
    "file:///etc/passwd",
    "javascript:fetch('{url}')",
    "data:text/html,<script>fetch('{url}')</script>",
    "{url}",
    "{socket}",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]:{port}/x",
    "//127.0.0.1:{port}/x",
    '"><meta http-equiv="refresh" content="0;url={url}">',
    "</style><style>@import '{url}'; body {{ background: url({url}) }}</style>",
    "}} @font-face {{ font-family: x; src: url({url}) }} * {{ font-family: x",
    '<svg xmlns="http://www.w3.org/2000/svg" onload="fetch(\'{url}\')"><image href="{url}"/></svg>',
    '"><iframe src="{url}"></iframe><iframe src="file:///etc/passwd"></iframe>',
    '"><img src="{url}" onerror="fetch(\'{url}\')"><script>new WebSocket("{socket}")</script>',
    "{{{{ ''.__class__.__mro__ }}}} {{% include '/etc/passwd' %}}",
    '\\"; content: url({url}); x: "',
]
# Checked against a list of their own: anything else in them is refused, with its path.
STRICT = {"locale", "background", "text", "primary", "date_format", "page_size"}


def filled(model: type[BaseModel], value: str) -> dict[str, Any]:
    """A document with `value` in every field of `model` that takes text, and in those of its parts."""
    return {
        field.serialization_alias or name: content
        for name, field in model.model_fields.items()
        if (content := _content(field.annotation, value)) is not None
        and not (model in (Theme, Settings) and name in STRICT)
    }


def _content(annotation: object, value: str) -> object:
    if annotation is str:
        return value
    if get_origin(annotation) is tuple:
        content = _content(get_args(annotation)[0], value)
        return None if content is None else [content]
    if get_origin(annotation) is Annotated:
        return _content(get_args(annotation)[0], value)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return filled(annotation, value)
    return None


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_what_is_written_into_any_field_is_text_and_nothing_else(
    renderer: Renderer, listener: Listener, payload: str
) -> None:
    port = listener.port
    evil = payload.format(url=f"http://127.0.0.1:{port}/x", socket=f"ws://127.0.0.1:{port}/x", port=port)
    data = filled(ResumeDocument, evil)
    data["profile"]["photo"] = evil
    assert data["work"][0]["descriptionBullets"] == [evil]
    assert data["appearance"]["typography"]["fontFamily"] == evil
    for template in TEMPLATES:
        pdf = await renderer.render(data, RenderOptions(template=template))
        with pikepdf.open(BytesIO(pdf.content)) as opened:
            assert {scheme for scheme, _, _ in map(partition, addresses(opened))} <= {"http", "https", "mailto", "tel"}
        with pdfium.PdfDocument(pdf.content) as opened:
            text = "".join(page.get_textpage().get_text_range() for page in opened)
        assert "root:" not in text
        assert "".join(evil.split())[:40] in "".join(text.split())
    assert listener.visits == []


async def test_the_html_is_harmless_in_a_browser_that_allows_everything(
    chromium_path: Path, listener: Listener
) -> None:
    port = listener.port
    url, socket = f"http://127.0.0.1:{port}/x", f"ws://127.0.0.1:{port}/x"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, chromium_sandbox=False)
        page = await browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for payload in PAYLOADS:
            data = filled(ResumeDocument, payload.format(url=url, socket=socket, port=port))
            for template in TEMPLATES:
                html = compose(data, RenderOptions(template=template, format=Format.HTML)).content.decode()
                await page.set_content(html)
                await page.evaluate("document.title")  # scripts of the page would have run by now
        await page.set_content(f'<img src="{url}">')  # what is asked for here would have been noticed above
        await browser.close()
    assert asked == [url]
    assert listener.visits == []


def addresses(pdf: pikepdf.Pdf) -> list[str]:
    return [str(note.A.URI) for page in pdf.pages for note in page.get("/Annots", []) if "/URI" in note.get("/A", {})]


def partition(address: str) -> tuple[str, str, str]:
    return address.casefold().partition(":")


@pytest.mark.parametrize("key", ["background", "text", "primary"])
@pytest.mark.parametrize("value", ["red;}", "url(http://127.0.0.1/)", "#12345", "expression(1)", "var(--x)"])
async def test_a_colour_is_a_colour(renderer: Renderer, key: str, value: str) -> None:
    data = {
        "profile": {"fullName": "Bo"},
        "work": [],
        "education": [],
        "skills": [],
        "appearance": {"theme": {key: value}},
    }
    with pytest.raises(InvalidDocument, match=rf"^appearance\.theme\.{key}: not a colour"):
        await renderer.render(data)


async def test_a_picture_that_would_fill_the_memory_is_left_out(renderer: Renderer) -> None:
    """A PNG of 900 million pixels in under a megabyte."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    side = 30_000
    squeezer = zlib.compressobj(9)
    squeezed = b"".join(squeezer.compress(bytes(side // 8 + 1)) for _ in range(side)) + squeezer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", squeezed) + chunk(b"IEND", b"")
    photo = f"data:image/png;base64,{b64encode(bomb).decode()}"
    assert len(photo) < 1_000_000
    data = {"profile": {"fullName": "Bo", "photo": photo}, "work": [], "education": [], "skills": []}
    pdf = await renderer.render(data)
    assert [warning.path for warning in pdf.warnings] == ["profile.photo"]


async def test_a_photo_on_the_net_is_never_fetched(renderer: Renderer, listener: Listener) -> None:
    photo = f"http://127.0.0.1:{listener.port}/ada.jpg"
    data = {"profile": {"fullName": "Bo", "photo": photo}, "work": [], "education": [], "skills": []}
    pdf = await renderer.render(data)
    assert [warning.path for warning in pdf.warnings] == ["profile.photo"]
    assert listener.visits == []


ENDLESS = {
    "too many pages": [{"role": "R", "descriptionBullets": ["word " * 60] * 250}] * 8,
    "too much text": [{"role": "R", "descriptionBullets": ["word " * 1_000] * 250}] * 8,
}


@pytest.mark.parametrize("work", ENDLESS.values(), ids=ENDLESS)
async def test_a_document_without_end_fails_for_good_and_with_a_reason(renderer: Renderer, work: list[object]) -> None:
    with pytest.raises(DocumentTooLarge) as caught:
        await renderer.render({"profile": {"fullName": "Bo"}, "work": work, "education": [], "skills": []})
    assert not caught.value.retryable
    assert (
        await renderer.render({"profile": {"fullName": "Bo"}, "work": [], "education": [], "skills": []})
    ).page_count == 1


@pytest.mark.parametrize("unit", ["W", "あ", "ـ", "\u0301", "ﷺ", "👩‍👩‍👧‍👦", "\u202e", "((((", "&amp;"])
async def test_a_word_without_end_is_printed(renderer: Renderer, unit: str) -> None:
    data = {"profile": {"fullName": "Bo"}, "summary": unit * 3_000, "work": [], "education": [], "skills": []}
    page_count = (await renderer.render(data)).page_count
    assert page_count is not None
    assert page_count < 20
