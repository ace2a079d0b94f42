"""One page that is used again and again: printing, clearing, closing, each within a time limit."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Final, Self

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from resumepair_renderer.browser import Browser
from resumepair_renderer.typeface import SANS, SERIF

logger = logging.getLogger("resumepair_renderer")

CLOSE_SECONDS: Final = 2.0

_BLANK: Final = "<!doctype html><title></title>"
_WARMING: Final = f"""<!doctype html><p style='font: 10pt "{SERIF}"'>Ready
<b>to</b> <i>print</i> <span style='font: 10pt "{SANS}"'>pages.</span>"""


@dataclass(eq=False, slots=True)
class WarmPage:
    """A page with the browser it lives in."""

    page: Page
    browser: Browser
    renders: int = 0
    is_superseded: bool = False
    """Another page has taken its place."""

    @classmethod
    async def open(cls, browser: Browser) -> Self:
        """A page that has printed once, so that its first document finds everything loaded.

        Raises:
            PlaywrightError: the browser is gone.
        """
        page = cls(await browser.open_page(), browser)
        await page.print(_WARMING)
        await page.clear()
        page.renders = 0
        return page

    @property
    def is_usable(self) -> bool:
        """Whether it can still print."""
        return self.browser.alive and not self.page.is_closed()

    async def print(self, html: str) -> bytes:
        """Load `html` and print it on the paper that its own stylesheet names."""
        self.renders += 1
        await self._load(html)
        return await self.page.pdf(prefer_css_page_size=True, print_background=True, tagged=True, outline=True)

    async def _load(self, html: str) -> None:
        try:
            await self.page.set_content(html, wait_until="load")
        except PlaywrightError:
            # The document before may have been about to lead somewhere else; this one is not to suffer.
            await self.page.set_content(html, wait_until="load")

    async def clear(self) -> None:
        """Forget the document."""
        await self.page.set_content(_BLANK, wait_until="commit")

    async def close(self) -> None:
        """Close the page with its context; one that does not answer takes its browser with it."""
        if not self.is_usable:
            return
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.page.context.close()
        except TimeoutError:
            logger.warning("a page does not close: killing its browser")
            self.browser.kill()
        except PlaywrightError as error:
            logger.info("a page went by itself: %s", error.message.partition("\n")[0])
