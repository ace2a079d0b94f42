"""The library's front: a document goes in, a PDF that has been read back comes out."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from resumepair_renderer.errors import DocumentTooLarge
from resumepair_renderer.file_name import file_name
from resumepair_renderer.html import render_html, template_of
from resumepair_renderer.intake import parse_document
from resumepair_renderer.options import RenderOptions
from resumepair_renderer.page_view import document_title
from resumepair_renderer.pages import PagePool
from resumepair_renderer.pdf import PdfFacts, read_back, without_dates

MAX_HTML: Final = 4_000_000


class RenderStage(StrEnum):
    """Where a render has got to."""

    RENDERING = "rendering"
    """The document is valid and laid out as HTML, it is about to be printed."""

    VERIFYING = "verifying"
    """It is printed and about to be read back."""


OnStage = Callable[[RenderStage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RendererSettings:
    """`pages` print at the same time; a print may take `timeout_seconds`."""

    chromium_path: Path
    pages: int = 2
    timeout_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class RenderedPdf:
    """A finished PDF. `sha256` is hexadecimal; the same document gives the same one."""

    content: bytes
    template: str
    page_count: int
    byte_size: int
    sha256: str
    file_name: str
    title: str


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
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._pages.close()

    async def render(
        self,
        data: Mapping[str, object],
        options: RenderOptions | None = None,
        on_stage: OnStage | None = None,
    ) -> RenderedPdf:
        """Render `data`, a canonical document or JSON Resume 1.x.

        `on_stage` is awaited at every stage; if it raises, the render ends with its error.

        Raises:
            RenderError: one of its subclasses, each of which says whether to try again.
        """
        prepared = await asyncio.to_thread(_prepare, data, options or RenderOptions())
        await _tell(on_stage, RenderStage.RENDERING)
        printed = await self._pages.print(prepared.html, self._settings.timeout_seconds)
        await _tell(on_stage, RenderStage.VERIFYING)
        content, facts = await asyncio.to_thread(_finish, printed, prepared.title)
        return RenderedPdf(
            content=content,
            template=prepared.template,
            page_count=facts.page_count,
            byte_size=facts.byte_size,
            sha256=facts.sha256,
            file_name=prepared.file_name,
            title=prepared.title,
        )


@dataclass(frozen=True, slots=True)
class _Prepared:
    html: str
    template: str
    title: str
    file_name: str


def _prepare(data: Mapping[str, object], options: RenderOptions) -> _Prepared:
    document = parse_document(data)
    html = render_html(document, options)
    if len(html) > MAX_HTML:
        raise DocumentTooLarge(f"{len(html)} characters of HTML, at most {MAX_HTML} are possible")
    template = template_of(document.appearance, options).name
    return _Prepared(html, template, document_title(document), file_name(document.profile.full_name))


def _finish(printed: bytes, title: str) -> tuple[bytes, PdfFacts]:
    content = without_dates(printed)
    return content, read_back(content, title)


async def _tell(on_stage: OnStage | None, stage: RenderStage) -> None:
    if on_stage is not None:
        await on_stage(stage)
