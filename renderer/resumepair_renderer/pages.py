"""Warm pages of a supervised Chromium: what is printed on is ready before anybody asks.

A page is used again and again, blank in between; after `renders_per_page` it gives way to a new
one, and after `renders_per_browser` the whole browser does, each time with the successor ready
first. A page that hangs is closed, or its browser killed; a browser that dies is replaced.
Nobody who waits for a page pays for this, and a cancelled render leaves nothing behind.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from playwright.async_api import Error as PlaywrightError

from resumepair_renderer.browser import Browser
from resumepair_renderer.errors import BrowserUnavailable, RenderTimeout
from resumepair_renderer.warm_page import WarmPage

T = TypeVar("T")

logger = logging.getLogger("resumepair_renderer")

RENDERS_PER_PAGE: Final = 250
RENDERS_PER_BROWSER: Final = 2_500
FINISH_SECONDS: Final = 2.0
IDLE_SECONDS: Final = 0.1

_ATTEMPTS: Final = 3


class PagePool:
    """At most `size` prints at a time, each on a page of its own; `browser_version` is the latest browser's."""

    def __init__(
        self,
        chromium_path: Path,
        size: int,
        *,
        renders_per_page: int = RENDERS_PER_PAGE,
        renders_per_browser: int = RENDERS_PER_BROWSER,
    ) -> None:
        self._chromium_path = chromium_path
        self._size = size
        self._renders_per_page = renders_per_page
        self._renders_per_browser = renders_per_browser
        self._slots = asyncio.Semaphore(size)
        self._idle: deque[WarmPage] = deque()
        self._busy: set[WarmPage] = set()
        self._browser: Browser | None = None
        self._browsers: set[Browser] = set()
        self._renders = 0
        self._refilling = asyncio.Lock()
        self._chores: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self.browser_version = ""

    async def __aenter__(self) -> Self:
        try:
            await self._refill()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def use(self, html: str, work: Callable[[WarmPage], Awaitable[T]], timeout_seconds: float) -> T:
        """Load `html` as soon as a page is free, and do `work` on it.

        Raises:
            RenderTimeout: loading and work took longer than `timeout_seconds`.
            BrowserUnavailable: the page or its browser died, or none can be started.
        """
        await self._slots.acquire()
        try:
            page = await self._take()
        except BaseException:
            self._slots.release()
            raise
        working = asyncio.create_task(_load_and(work, page, html))
        try:
            async with asyncio.timeout(timeout_seconds):
                result = await asyncio.shield(working)  # a page is never left half-way
        except TimeoutError:
            self._do(self._recover(page, working, patience=0))
            raise RenderTimeout(f"not printed within {timeout_seconds:g} seconds") from None
        except PlaywrightError as error:
            self._do(self._recover(page, working, patience=0))
            raise BrowserUnavailable(error.message.partition("\n")[0]) from error
        except BaseException:
            self._do(self._recover(page, working, patience=FINISH_SECONDS))
            raise
        self._do(self._give_back(page))
        return result

    async def close(self) -> None:
        """End every browser. Renders that still run fail with BrowserUnavailable."""
        self._is_closed = True
        async with self._refilling:
            browsers, self._browsers, self._browser = self._browsers, set(), None
        await asyncio.gather(*(browser.close() for browser in browsers))
        while self._chores:
            await asyncio.wait(self._chores)

    # Taking a page

    async def _take(self) -> WarmPage:
        for _ in range(_ATTEMPTS):
            if page := self._pop_idle():
                self._busy.add(page)
                return page
            await asyncio.shield(self._do(self._refill()))
        raise BrowserUnavailable("Chromium loses its pages as soon as they are open")

    def _pop_idle(self) -> WarmPage | None:
        while self._idle:
            page = self._idle.popleft()
            if page.is_usable and page.browser is self._browser:
                return page
        return None

    async def _refill(self) -> None:
        """See to it that a browser runs and that its pages are open."""
        async with self._refilling:
            if self._is_closed:
                raise BrowserUnavailable("the renderer is closed")
            if self._browser is None or not self._browser.alive:
                self._idle.clear()
                self._browser = await self._launch()
            while len(self._idle) + len(self._busy_in(self._browser)) < self._size:
                self._idle.append(await self._open(self._browser))

    async def _launch(self) -> Browser:
        browser = await Browser.launch(self._chromium_path)
        self.browser_version = browser.version
        browser.on_death(lambda: self._bury(browser))
        self._browsers.add(browser)
        self._renders = 0
        return browser

    async def _open(self, browser: Browser) -> WarmPage:
        try:
            return await WarmPage.open(browser)
        except PlaywrightError as error:
            browser.kill()  # a browser that opens no pages is of no use
            raise BrowserUnavailable(error.message.partition("\n")[0]) from error

    def _bury(self, browser: Browser) -> None:
        """Clean up after a browser that died, and start the next before somebody asks."""
        if self._is_closed:
            return
        logger.warning("Chromium died")
        self._browsers.discard(browser)
        self._do(browser.close())
        if browser is self._browser:
            self._do(self._refill())

    # Giving a page back; the slot stays taken until the page is clean

    async def _give_back(self, page: WarmPage) -> None:
        """Offer a page that printed well to the next, who will overwrite what is on it."""
        self._busy.discard(page)
        self._renders += 1
        if self._is_worn(page):
            await page.close()
        else:
            self._idle.append(page)
        self._slots.release()
        if page.browser is not self._browser:
            await self._end_if_deserted(page.browser)
        elif self._renders >= self._renders_per_browser:
            self._renders = 0
            await self._replace_browser()
        elif page.renders >= self._renders_per_page:
            await self._replace_page(page)
        else:
            await self._blank_when_idle(page)

    async def _blank_when_idle(self, page: WarmPage) -> None:
        """Take the document off a page as soon as nobody is in a hurry: it costs a tenth of a print."""
        renders = page.renders
        await asyncio.sleep(IDLE_SECONDS)
        if page.renders == renders:
            async with self._slots:
                if page.renders == renders and page in self._idle:
                    self._idle.remove(page)
                    self._busy.add(page)
                    await self._keep(page)
                    self._busy.discard(page)

    async def _recover(self, page: WarmPage, working: asyncio.Task[T], *, patience: float) -> None:
        """Wait for work nobody wants any more; a page that does not finish is thrown away."""
        working.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            done, _ = await asyncio.wait({working}, timeout=patience)
            if done and not working.cancelled() and working.exception() is None:
                await self._keep(page)
            else:
                await page.close()
        finally:
            self._busy.discard(page)
            self._slots.release()
        await self._refill()

    async def _keep(self, page: WarmPage) -> None:
        """Put a page back among the idle ones, blank; or away, if its time is over."""
        if self._is_worn(page) or page.renders >= self._renders_per_page:
            await page.close()
            return
        try:
            async with asyncio.timeout(FINISH_SECONDS):
                await page.clear()
        except (PlaywrightError, TimeoutError):
            await page.close()
        else:
            self._idle.append(page)

    def _is_worn(self, page: WarmPage) -> bool:
        return page.browser is not self._browser or page.is_superseded

    # Replacing what has served long enough

    async def _replace_page(self, page: WarmPage) -> None:
        page.is_superseded = True
        successor = await self._open(page.browser)
        if page not in self._idle and page not in self._busy:
            await successor.close()  # the page went meanwhile, and its place has been filled
            return
        self._idle.append(successor)
        if page in self._idle:
            self._idle.remove(page)
            await page.close()

    async def _replace_browser(self) -> None:
        async with self._refilling:
            if self._is_closed:
                return
            successor = await self._launch()
            pages = [await self._open(successor) for _ in range(self._size)]
            predecessor, self._browser = self._browser, successor
            self._idle = deque(pages)
        if predecessor is not None:
            await self._end_if_deserted(predecessor)

    async def _end_if_deserted(self, browser: Browser) -> None:
        if browser in self._browsers and not self._busy_in(browser):
            self._browsers.discard(browser)
            await browser.close()

    def _busy_in(self, browser: Browser) -> list[WarmPage]:
        return [page for page in self._busy if page.browser is browser]

    def _do(self, chore: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run `chore` on its own, so that no cancelled caller takes it along."""
        task = asyncio.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._chores.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self._is_closed:
            logger.warning("keeping pages warm failed: %s", error)


async def _load_and(work: Callable[[WarmPage], Awaitable[T]], page: WarmPage, html: str) -> T:
    await page.load(html)
    return await work(page)
