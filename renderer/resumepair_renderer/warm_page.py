"""One page that is used again and again: loading, measuring, printing, clearing, closing."""

import asyncio
import logging
from base64 import b64decode
from dataclasses import dataclass
from typing import Final, Self, cast

from playwright.async_api import CDPSession, Page
from playwright.async_api import Error as PlaywrightError

from resumepair_renderer.browser import Browser
from resumepair_renderer.fit import Density
from resumepair_renderer.html import POLICY
from resumepair_renderer.typeface import SANS, SERIF

logger = logging.getLogger("resumepair_renderer")

CLOSE_SECONDS: Final = 2.0

# Documents come and go inside it; its policy stays, and holds for all of them.
_SHELL: Final = f"""<!doctype html><meta http-equiv="Content-Security-Policy" content="{POLICY}"><title></title>"""
_WARMING: Final = f"""<!doctype html><p style='font: 10pt "{SERIF}"'>Ready
<b>to</b> <i>print</i> <span style='font: 10pt "{SANS}"'>pages.</span>"""

_PRINTING: Final = {
    "preferCSSPageSize": True,
    "printBackground": True,
    "generateTaggedPDF": True,
    "generateDocumentOutline": True,
}

# Scripts of documents are off; these are ours, and run from outside.
#
# To exchange the document's tree inside the shell is cheaper than to load a new document, and gives the
# same PDF. A tree made by DOMParser has scripts that never run; http-equiv could lead elsewhere.
_SHOW: Final = """async html => {
  if (!window.isShell) return false;
  const tree = new DOMParser().parseFromString(html, "text/html").documentElement;
  for (const meta of tree.querySelectorAll("meta[http-equiv]")) meta.remove();
  document.documentElement.replaceWith(document.adoptNode(tree));
  await Promise.allSettled(Array.from(document.images, image => image.decode()));
  return true;
}"""
_SET_DENSITY: Final = """([spacing, lineHeight, fontSize, margin]) => {
  const style = document.documentElement.style;
  style.setProperty("--space", spacing);
  style.setProperty("--leading", lineHeight);
  style.setProperty("--size", `${fontSize}pt`);
  style.setProperty("--margin", `${margin}mm`);
  for (const rule of document.styleSheets[0].cssRules)
    if (rule instanceof CSSPageRule)
      for (const side of ["margin-top", "margin-right", "margin-bottom", "margin-left"])
        if (parseFloat(rule.style.getPropertyValue(side))) rule.style.setProperty(side, `${margin}mm`);
}"""
_MEASURE: Final = """width => {
  const style = document.documentElement.style;
  style.width = `${width}px`;
  const height = document.body.getBoundingClientRect().height;
  style.width = "";
  return height;
}"""


@dataclass(eq=False, slots=True)
class WarmPage:
    """A page with the browser it lives in."""

    page: Page
    browser: Browser
    devtools: CDPSession
    renders: int = 0
    is_superseded: bool = False
    """Another page has taken its place."""

    _shows_print: bool = False

    @classmethod
    async def open(cls, browser: Browser) -> Self:
        """A page that has printed once, so that its first document finds everything loaded.

        Raises:
            PlaywrightError: the browser is gone.
        """
        opened = await browser.open_page()
        page = cls(opened, browser, await opened.context.new_cdp_session(opened))
        await page.clear()
        await page.load(_WARMING)
        await page.to_pdf()
        await page.clear()
        page.renders = 0
        return page

    @property
    def is_usable(self) -> bool:
        """Whether it can still print."""
        return self.browser.alive and not self.page.is_closed()

    async def load(self, html: str) -> None:
        """Replace what is on the page by `html`."""
        self.renders += 1
        if self._shows_print:
            await self.page.emulate_media(media="null")
            self._shows_print = False
        if not await self._show(html):
            await self.clear()
            if not await self._show(html):
                raise PlaywrightError("the page does not keep its shell")

    async def _show(self, html: str) -> bool:
        """Put `html` into the shell; False if there is none, or the document before leads somewhere else just now."""
        try:
            is_shown: bool = await self.page.evaluate(_SHOW, html)
        except PlaywrightError:
            if self.page.is_closed() or not self.browser.alive:
                raise
            return False
        return is_shown

    async def measure(self, width: float, density: Density) -> float:
        """The height in pixels of the whole document in a column of `width` pixels, set in `density`."""
        if not self._shows_print:
            await self.page.emulate_media(media="print")
            self._shows_print = True
        await self.set_density(density)
        height: float = await self.page.evaluate(_MEASURE, width)
        return height

    async def set_density(self, density: Density) -> None:
        """Set the document anew, in `density`."""
        values = [density.spacing, density.line_height, density.font_size, density.margin]
        await self.page.evaluate(_SET_DENSITY, values)

    async def to_pdf(self) -> bytes:
        """Print on the paper that the document's own stylesheet names.

        As `page.pdf` does, but that asks for the file piece by piece.
        """
        answer = cast("dict[str, str]", await self.devtools.send("Page.printToPDF", _PRINTING))  # pyright: ignore[reportUnknownMemberType]
        return b64decode(answer["data"])

    async def clear(self) -> None:
        """Forget the document, and all that it may have left behind."""
        await self.page.set_content(_SHELL, wait_until="commit")
        await self.page.evaluate("window.isShell = true")

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
