"""A printed PDF, read back before anybody gets it: is it one, is it of a sane size, has it its title.

Chromium writes the hour into every file; `without_dates` takes it out, so that the same document
gives the same bytes.
"""

import hashlib
import re
import threading
from dataclasses import dataclass
from typing import Final

import pypdfium2 as pdfium

from resumepair_renderer.errors import DocumentTooLarge, InvalidPdf

MAX_PAGES: Final = 50
MAX_BYTES: Final = 20_000_000

_DATE: Final = re.compile(rb"/(?:CreationDate|ModDate) \(D:[0-9+\-'Z]*\)")
_PDFIUM: Final = threading.Lock()  # PDFium is not made for threads


@dataclass(frozen=True, slots=True)
class PdfFacts:
    """What was found in a file; `sha256` in hexadecimal."""

    page_count: int
    byte_size: int
    sha256: str


def read_back(content: bytes, title: str) -> PdfFacts:
    """Open `content` as a reader would. Takes milliseconds of a CPU: call it in a thread.

    Raises:
        InvalidPdf: it cannot be read, has no page, or another title.
        DocumentTooLarge: it has more than 50 pages or 20 MB.
    """
    if not content.startswith(b"%PDF-"):
        raise InvalidPdf("the browser did not answer with a PDF")
    if len(content) > MAX_BYTES:
        raise DocumentTooLarge(f"{len(content)} bytes, at most {MAX_BYTES} are possible")
    with _PDFIUM:
        page_count, found_title = _open(content)
    if page_count > MAX_PAGES:
        raise DocumentTooLarge(f"{page_count} pages, at most {MAX_PAGES} are possible")
    if page_count == 0 or found_title != title:
        raise InvalidPdf(f"the PDF has {page_count} pages and the title {found_title!r}")
    return PdfFacts(page_count, len(content), hashlib.sha256(content).hexdigest())


def without_dates(content: bytes) -> bytes:
    """`content` with blanks where its dates were; nothing else moves, offsets stay true."""
    return _DATE.sub(lambda date: b" " * len(date[0]), content)


def _open(content: bytes) -> tuple[int, str]:
    try:
        document = pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        raise InvalidPdf(f"the PDF cannot be read: {error}") from error
    try:
        return len(document), document.get_metadata_value("Title")  # pyright: ignore[reportUnknownMemberType]
    finally:
        document.close()
