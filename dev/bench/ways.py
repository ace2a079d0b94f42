"""The ways to print one résumé with Chromium: ours, and what people do with Playwright.

All of them print the same document in the same template, with the same fonts and the same browser.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from playwright.async_api import Page

from resumepair_renderer import Renderer, RendererSettings
from resumepair_renderer.browser import Browser

LANES: Final = 2
"""PDFs made at a time: one for each core of a small machine."""

Work = Callable[[int], Awaitable[object]]
"""Makes one PDF in the lane with this number."""


@asynccontextmanager
async def ours(chromium: Path, data: Mapping[str, object]) -> AsyncGenerator[Work]:
    """From the document to bytes that have been read back and judged."""
    async with Renderer(RendererSettings(chromium, pages=LANES)) as renderer:

        async def work(_: int) -> object:
            return await renderer.render(data)

        yield work


@asynccontextmanager
async def print_only(chromium: Path, html: str) -> AsyncGenerator[Work]:
    """The ceiling: the document is loaded, nothing is left to do but print it."""
    async with _pages(chromium) as pages:
        for page in pages:
            await page.set_content(html)
        yield lambda lane: _pdf(pages[lane])


@asynccontextmanager
async def warm_pages(chromium: Path, html: str) -> AsyncGenerator[Work]:
    """`set_content` and `pdf` on pages that are kept."""
    async with _pages(chromium) as pages:

        async def work(lane: int) -> object:
            await pages[lane].set_content(html)
            return await _pdf(pages[lane])

        yield work


@asynccontextmanager
async def context_per_pdf(chromium: Path, html: str) -> AsyncGenerator[Work]:
    """A new context for each PDF in a browser that is kept, as conversion services do."""
    browser = await Browser.launch(chromium)
    try:

        async def work(_: int) -> object:
            page = await browser.open_page()
            await page.set_content(html)
            content = await _pdf(page)
            await page.context.close()
            return content

        yield work
    finally:
        await browser.close()


@asynccontextmanager
async def browser_per_pdf(chromium: Path, html: str) -> AsyncGenerator[Work]:
    """A browser launched for each PDF, as the system did that ours replaces."""

    async def work(_: int) -> object:
        async with context_per_pdf(chromium, html) as once:
            return await once(0)

    yield work


@asynccontextmanager
async def _pages(chromium: Path) -> AsyncGenerator[list[Page]]:
    async with AsyncExitStack() as stack:
        browser = await Browser.launch(chromium)
        stack.push_async_callback(browser.close)
        yield [await browser.open_page() for _ in range(LANES)]


async def _pdf(page: Page) -> bytes:
    return await page.pdf(prefer_css_page_size=True, print_background=True, tagged=True, outline=True)
