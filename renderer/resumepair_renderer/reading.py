"""A finished PDF as others find it: its text, page by page, and what it says about itself.

The text is PDFium's (Chrome's own reader); the structure is read with qpdf, which trusts nothing
that the file says.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Final, NamedTuple

import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from resumepair_renderer.errors import DocumentTooLarge, InvalidPdf
from resumepair_renderer.pdfium_lock import PDFIUM
from resumepair_renderer.unicode_maps import characters

MAX_PAGES: Final = 50
MAX_BYTES: Final = 20_000_000

_MAX_OUTLINE: Final = 2_000
_MAX_DEPTH: Final = 6
_FAR: Final = 1_000_000.0


class Font(NamedTuple):
    """A font in use. `name` is PostScript's, without the mark of a subset; `kind` is the PDF's subtype."""

    name: str
    kind: str
    is_embedded: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found. The lines of `pages` end with a line feed."""

    pages: tuple[str, ...]
    off_page: tuple[str, ...]
    """What stands beside the paper, of each page."""

    fonts: tuple[Font, ...]
    letters: frozenset[str]
    """What the fonts say that their glyphs are. PDFium forgives them some of it, other readers do not."""

    links: tuple[str, ...]
    outline: tuple[str, ...]
    title: str
    language: str
    is_tagged: bool
    has_pictures: bool
    byte_size: int

    @property
    def page_count(self) -> int:
        """How many pages there are."""
        return len(self.pages)


def read(content: bytes) -> Reading:
    """Read `content` as a stranger would. Takes milliseconds of a CPU: call it in a thread.

    Raises:
        InvalidPdf: it cannot be read, or has no page.
        DocumentTooLarge: it has more than 50 pages or 20 MB.
    """
    with _opened(content) as pdf:
        found, has_pictures = _resources(pdf)
        fonts = tuple(sorted({_font(font) for font in found}))
        letters = frozenset[str]().union(*(_letters(font) for font in found))
        facts, root = pdf.docinfo, pdf.Root
        links = tuple(dict.fromkeys(_links(pdf)))
        outline = tuple(_outline(root))
        title, language = str(facts.get("/Title", "")), str(root.get("/Lang", ""))
        is_tagged = "/StructTreeRoot" in root and bool(_within(root, "/MarkInfo", "/Marked"))
    pages, off_page = _text(content)
    return Reading(
        pages=pages,
        off_page=off_page,
        fonts=fonts,
        letters=letters,
        links=links,
        outline=outline,
        title=title,
        language=language,
        is_tagged=is_tagged,
        has_pictures=has_pictures,
        byte_size=len(content),
    )


def check_size(content: bytes) -> None:
    """Whether somebody may want that many bytes.

    Raises:
        DocumentTooLarge: it has more than 20 MB.
    """
    if len(content) > MAX_BYTES:
        raise DocumentTooLarge(f"{len(content)} bytes, at most {MAX_BYTES} are possible")


@contextmanager
def _opened(content: bytes) -> Generator[pikepdf.Pdf]:
    """`content`, open, when it is a PDF of a size that somebody may want.

    Raises:
        InvalidPdf: it cannot be read, or has no page.
        DocumentTooLarge: it has more than 50 pages or 20 MB.
    """
    check_size(content)
    try:
        with pikepdf.open(BytesIO(content), attempt_recovery=False, suppress_warnings=True) as pdf:
            page_count = len(pdf.pages)
            if page_count > MAX_PAGES:
                raise DocumentTooLarge(f"{page_count} pages, at most {MAX_PAGES} are possible")
            if page_count == 0:
                raise InvalidPdf("the PDF has no page")
            yield pdf
    except (pikepdf.PdfError, pikepdf.DataDecodingError) as error:
        raise InvalidPdf(f"the PDF cannot be read: {error}") from error


def _links(pdf: pikepdf.Pdf) -> Iterator[str]:
    for page in pdf.pages:
        for note in _items(page.obj, "/Annots"):
            address = _within(note, "/A", "/URI")
            if address is not None:
                yield str(address)


def _resources(pdf: pikepdf.Pdf) -> tuple[list[pikepdf.Object], bool]:
    """Fonts and whether there are pictures, on pages and in the forms they use."""
    fonts: list[pikepdf.Object] = []
    seen: set[tuple[int, int]] = set()
    has_pictures = False
    waiting = [(page.obj.get("/Resources"), 0) for page in pdf.pages]
    while waiting:
        resources, depth = waiting.pop()
        if resources is None or depth > _MAX_DEPTH:
            continue
        for font in _values(resources, "/Font"):
            if not font.is_indirect or font.objgen not in seen:
                seen.add(font.objgen)
                fonts.append(font)
        for form in _values(resources, "/XObject"):
            has_pictures |= form.get("/Subtype") == "/Image"
            if form.objgen not in seen:
                seen.add(form.objgen)
                waiting.append((form.get("/Resources"), depth + 1))
    return fonts, has_pictures


def _letters(font: pikepdf.Object) -> set[str]:
    table = font.get("/ToUnicode")
    return set() if table is None else characters(table.read_bytes())


def _font(font: pikepdf.Object) -> Font:
    """A composite font is what its only descendant is (ISO 32000-1, 9.7)."""
    if font.get("/Subtype") == "/Type0":
        font = font.DescendantFonts[0]
    name = str(font.get("/BaseFont", "")).removeprefix("/")
    descriptor = font.get("/FontDescriptor", pikepdf.Dictionary())
    kind = str(font.get("/Subtype", "")).removeprefix("/")
    is_embedded = kind == "Type3" or any(file in descriptor for file in ("/FontFile2", "/FontFile", "/FontFile3"))
    return Font(name.partition("+")[2] or name, kind, is_embedded)


def _outline(root: pikepdf.Object) -> Iterator[str]:
    """Titles from top to bottom, those of all levels."""
    waiting = [_within(root, "/Outlines", "/First")]
    count = 0
    while waiting and count < _MAX_OUTLINE:
        item = waiting.pop()
        if item is not None:
            count += 1
            yield str(item.get("/Title", ""))
            waiting += (item.get("/Next"), item.get("/First"))


def _within(item: pikepdf.Object, *names: str) -> pikepdf.Object | None:
    """What is at the end of a path through dictionaries."""
    found: pikepdf.Object | None = item
    for name in names:
        found = None if found is None else found.get(name)
    return found


def _items(item: pikepdf.Object, name: str) -> list[pikepdf.Object]:
    found = item.get(name)
    return [] if found is None else list(found)


def _values(item: pikepdf.Object, name: str) -> list[pikepdf.Object]:
    found = item.get(name)
    return [] if found is None else [value for _, value in found.items()]


def _text(content: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    texts: list[str] = []
    off_page: list[str] = []
    with PDFIUM:
        try:
            document = pdfium.PdfDocument(content)
            try:
                for number in range(len(document)):
                    page = document[number]
                    text_page = page.get_textpage()
                    texts.append(text_page.get_text_range().replace("\r\n", "\n"))
                    off_page.append(_beside(text_page, *page.get_size()))
                    text_page.close()
                    page.close()
            finally:
                document.close()
        except pdfium.PdfiumError as error:
            raise InvalidPdf(f"the PDF cannot be read: {error}") from error
    return tuple(texts), tuple(off_page)


def _beside(text: pdfium.PdfTextPage, width: float, height: float) -> str:
    """The letters on all sides of the page, if any stand wholly outside of it; counting them costs next to nothing."""
    if _count_within(text, 0, 0, width, height) == _count_within(text, -_FAR, -_FAR, _FAR, _FAR):
        return ""
    sides = (
        (-_FAR, -_FAR, 0.0, _FAR),
        (width, -_FAR, _FAR, _FAR),
        (0.0, height, width, _FAR),
        (0.0, -_FAR, width, 0.0),
    )
    return " ".join(word for side in sides for word in _text_within(text, *side).split())


def _text_within(text: pdfium.PdfTextPage, left: float, bottom: float, right: float, top: float) -> str:
    found: str = text.get_text_bounded(left, bottom, right, top)  # pyright: ignore[reportUnknownMemberType]
    return found


def _count_within(text: pdfium.PdfTextPage, left: float, bottom: float, right: float, top: float) -> int:
    found: int = pdfium_c.FPDFText_GetBoundedText(text, left, top, right, bottom, None, 0)
    return found
