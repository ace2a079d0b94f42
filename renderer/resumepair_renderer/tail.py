"""The end of a printed PDF: how many pages there are, and how much is left for the last one."""

from io import BytesIO
from typing import Final

import pikepdf
import pypdfium2 as pdfium

from resumepair_renderer.errors import DocumentTooLarge, InvalidPdf
from resumepair_renderer.pdfium_lock import PDFIUM
from resumepair_renderer.reading import MAX_PAGES

MANY_LINES: Final = 1_000
"""Said of a page that is full enough not to be counted."""

# Bytes of a compressed page. Ten lines take up to three thousand; to read them costs ten times as much as this.
_SHORT_PAGE: Final = 6_000


def pages_and_last_lines(content: bytes) -> tuple[int, int]:
    """The number of pages, and of lines on the last one without its footer, as far as they matter.

    Takes a fraction of a millisecond of a CPU, or a few where the last page is short: call it in a thread.

    Raises:
        InvalidPdf: it cannot be read.
        DocumentTooLarge: it has more than 50 pages.
    """
    try:
        with pikepdf.open(BytesIO(content)) as pdf:
            pages = len(pdf.pages)
            is_short = pages > 1 and _size(pdf.pages[pages - 1].obj) < _SHORT_PAGE
    except pikepdf.PdfError as error:
        raise InvalidPdf(f"the PDF cannot be read: {error}") from error
    if pages > MAX_PAGES:
        raise DocumentTooLarge(f"{pages} pages, at most {MAX_PAGES} are possible")
    return pages, _last_lines(content) if is_short else MANY_LINES


def _size(page: pikepdf.Object) -> int:
    streams = page.Contents
    parts = streams.as_list() if isinstance(streams, pikepdf.Array) else [streams]
    return sum(int(part.Length) for part in parts)


def _last_lines(content: bytes) -> int:
    """Lines of text, without the one that the footer takes."""
    with PDFIUM:
        try:
            document = pdfium.PdfDocument(content)
            try:
                text: str = document[len(document) - 1].get_textpage().get_text_range()
            finally:
                document.close()
        except pdfium.PdfiumError as error:
            raise InvalidPdf(f"the PDF cannot be read: {error}") from error
    return max(len([line for line in text.splitlines() if line.strip()]) - 1, 0)
