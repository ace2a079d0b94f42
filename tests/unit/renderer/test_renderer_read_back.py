"""Reading back: what is no PDF, or not the one that was printed, is not handed out."""

from io import BytesIO

import pikepdf
import pytest

from resumepair_renderer import DocumentTooLarge, InvalidPdf
from resumepair_renderer.pdf import MAX_BYTES, read_back, without_dates


def pdf(pages: int, title: str = "Bo") -> bytes:
    with pikepdf.new() as made:
        for _ in range(pages):
            made.add_blank_page()
        made.docinfo["/Title"] = title
        written = BytesIO()
        made.save(written)
    return written.getvalue()


def test_pages_and_bytes_are_counted() -> None:
    content = pdf(3)
    facts = read_back(content, "Bo")
    assert (facts.page_count, facts.byte_size, len(facts.sha256)) == (3, len(content), 64)


@pytest.mark.parametrize("content", [b"", b"<html>", b"%PDF-1.4 and then nothing", pdf(0)])
def test_what_is_no_pdf_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidPdf):
        read_back(content, "Bo")


def test_the_pdf_of_another_document_is_refused() -> None:
    with pytest.raises(InvalidPdf, match="the title 'Mallory'"):
        read_back(pdf(1, "Mallory"), "Bo")


def test_too_many_pages_or_bytes_are_refused() -> None:
    with pytest.raises(DocumentTooLarge, match="51 pages"):
        read_back(pdf(51), "Bo")
    with pytest.raises(DocumentTooLarge, match="bytes"):
        read_back(b"%PDF-" + bytes(MAX_BYTES), "Bo")


def test_dates_are_blanked_without_moving_anything() -> None:
    content = b"<< /CreationDate (D:20260102030405+00'00') /Title (/ModDate \\(D:2026\\)) >>"
    blanked = without_dates(content)
    assert len(blanked) == len(content)
    assert b"CreationDate" not in blanked
    assert b"/Title (/ModDate \\(D:2026\\))" in blanked
