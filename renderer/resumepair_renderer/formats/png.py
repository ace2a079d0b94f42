"""A picture of a PDF's first page, for previews."""

import io
from typing import Final, cast

import pypdfium2 as pdfium

from resumepair_renderer.pdfium_lock import PDFIUM

WIDTH: Final = 1_000


def first_page(pdf: bytes, width: int = WIDTH) -> bytes:
    """Page one of `pdf` as a PNG of `width` pixels; the same PDF gives the same bytes.

    Takes tens of milliseconds of a CPU: call it in a thread.
    """
    with PDFIUM:
        document = pdfium.PdfDocument(pdf)
        try:
            page = document[0]
            bitmap = cast("pdfium.PdfBitmap", page.render(scale=width / page.get_width()))  # pyright: ignore[reportUnknownMemberType]
            image = bitmap.to_pil().convert("RGB")  # pyright: ignore[reportUnknownMemberType]
            bitmap.close()  # pyright: ignore[reportUnknownMemberType]
        finally:
            document.close()
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
