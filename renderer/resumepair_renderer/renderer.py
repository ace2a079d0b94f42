"""The library's front: a document goes in, a file comes out; PDFs have been read back and judged."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from resumepair_renderer.compose import BROWSERLESS, compose
from resumepair_renderer.draft import Draft
from resumepair_renderer.expectation import expect
from resumepair_renderer.finding import FindingCode
from resumepair_renderer.finish import Metadata, finish
from resumepair_renderer.fit import FitReport, print_fitted
from resumepair_renderer.formats import png
from resumepair_renderer.options import Format, RenderOptions
from resumepair_renderer.pages import PagePool
from resumepair_renderer.proof import judge
from resumepair_renderer.reading import read
from resumepair_renderer.rendered import Rendered
from resumepair_renderer.version import renderer_version


class RenderStage(StrEnum):
    """Where a render has got to."""

    RENDERING = "rendering"
    """The document is valid and laid out as HTML, it is about to be printed."""

    VERIFYING = "verifying"
    """It is printed and about to be read back."""


_MISREAD: Final = frozenset({FindingCode.BROKEN_WORDS, FindingCode.TEXT_OUT_OF_ORDER, FindingCode.MISSING_TEXT})
OnStage = Callable[[RenderStage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RendererSettings:
    """`pages` print at the same time; a print may take `timeout_seconds`."""

    chromium_path: Path
    pages: int = 2
    timeout_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class _Printed:
    """What came off a page."""

    content: bytes
    fit: FitReport | None


class Renderer:
    """Renders while it is entered: `async with Renderer(settings) as renderer`.

    Raises:
        BrowserUnavailable: on entering, when Chromium does not start.
    """

    def __init__(self, settings: RendererSettings) -> None:
        self._settings = settings
        self._pages = PagePool(settings.chromium_path, settings.pages)

    async def __aenter__(self) -> Self:
        await self._pages.__aenter__()
        await asyncio.to_thread(renderer_version, self._pages.browser_version)  # so that nobody waits for it later
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._pages.close()

    @property
    def version(self) -> str:
        """The same version makes the same file of the same document and options; with the browser that is in use."""
        return renderer_version(self._pages.browser_version)

    async def render(
        self,
        data: Mapping[str, object],
        options: RenderOptions | None = None,
        on_stage: OnStage | None = None,
    ) -> Rendered:
        """Render `data`, a canonical document or JSON Resume 1.x, to the format that `options` name.

        `on_stage` is awaited at every stage of a format that is printed; if it raises, the render ends
        with its error.

        Raises:
            RenderError: one of its subclasses, each of which says whether to try again.
        """
        options = options or RenderOptions()
        if options.format in BROWSERLESS:
            return await asyncio.to_thread(compose, data, options)
        draft, html = await asyncio.to_thread(_drafted, data, options)
        await _tell(on_stage, RenderStage.RENDERING)
        printed = await self._print(draft, html)
        await _tell(on_stage, RenderStage.VERIFYING)
        rendered = await asyncio.to_thread(_finished, draft, printed)
        if _is_misread(rendered):
            narrowed = draft.narrowed()
            printed = await self._print(narrowed, narrowed.html("print"))
            return max(rendered, await asyncio.to_thread(_finished, narrowed, printed), key=_score)
        return rendered

    async def _print(self, draft: Draft, html: str) -> _Printed:
        work = partial(print_fitted, sheet=draft.sheet, fit=draft.options.fit)
        content, fit = await self._pages.use(html, work, self._settings.timeout_seconds)
        return _Printed(content, fit)


def _drafted(data: Mapping[str, object], options: RenderOptions) -> tuple[Draft, str]:
    draft = Draft.of(data, options)
    return draft, draft.html("print")


def _is_misread(rendered: Rendered) -> bool:
    """Whether readers of PDF lose texts: they may have taken a page for vertical writing."""
    return rendered.proof is not None and any(finding.code in _MISREAD for finding in rendered.proof.findings)


def _score(rendered: Rendered) -> int:
    return rendered.proof.score if rendered.proof else 0


def _finished(draft: Draft, printed: _Printed) -> Rendered:
    """What is handed out: the PDF with its metadata, read back and judged; or a picture of it."""
    language, title = draft.page.language, draft.page.title
    printed_order = [section.key for section in draft.page.sections]
    expected = expect(draft.document, draft.wording, title=title, section_order=printed_order)
    pdf = finish(printed.content, Metadata.of(draft.document, title, language), expected.letters)
    proof = judge(expected, read(pdf))
    content = png.first_page(pdf) if draft.options.format is Format.PNG else pdf
    return Rendered(
        content=content,
        format=draft.options.format,
        template=draft.template.name,
        file_name=draft.file_name,
        title=title,
        byte_size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        page_count=proof.page_count,
        proof=proof,
        fit=printed.fit,
        warnings=draft.warnings,
    )


async def _tell(on_stage: OnStage | None, stage: RenderStage) -> None:
    if on_stage is not None:
        await on_stage(stage)
