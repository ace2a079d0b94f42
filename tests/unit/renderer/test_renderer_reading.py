"""Reading back: what is found in a PDF, and that what is none is not handed out."""

from io import BytesIO

import pikepdf
import pytest

from resumepair_renderer import DocumentTooLarge, InvalidPdf
from resumepair_renderer.reading import MAX_BYTES, Font, read

Name = pikepdf.Name


def pdf(pages: int, *, made: pikepdf.Pdf | None = None) -> bytes:
    with made or pikepdf.new() as file:
        for _ in range(pages):
            file.add_blank_page(page_size=(595, 842))
        written = BytesIO()
        file.save(written)
    return written.getvalue()


def test_pages_and_bytes_are_told() -> None:
    content = pdf(3)
    reading = read(content)
    assert (reading.page_count, reading.byte_size) == (3, len(content))
    assert reading.pages == ("",) * 3


def test_a_pdf_that_says_nothing_about_itself_is_read_as_such() -> None:
    reading = read(pdf(1))
    assert (reading.title, reading.language) == ("", "")
    assert (reading.links, reading.outline, reading.fonts) == ((), (), ())
    assert not reading.is_tagged


def written(content: bytes) -> bytes:
    made = pikepdf.new()
    page = made.add_blank_page(page_size=(200, 100))
    helvetica = pikepdf.Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=helvetica))
    page.Contents = made.make_stream(b"BT /F1 12 Tf %b ET" % content)
    return pdf(0, made=made)


@pytest.mark.parametrize(
    ("content", "beside"),
    [
        (b"10 50 Td (within) Tj", ""),
        (b"190 50 Td (WWW) Tj", "WWW"),
        (b"10 -40 Td (below the) Tj 0 70 Td (paper) Tj", "below the"),
        (b"10 150 Td (above) Tj", "above"),
        (b"-300 50 Td (left) Tj", "left"),
    ],
)
def test_text_that_runs_off_the_paper_is_told(content: bytes, beside: str) -> None:
    assert read(written(content)).off_page == (beside,)


def test_a_page_that_cannot_be_loaded_makes_an_invalid_pdf() -> None:
    made = pikepdf.new()
    made.add_blank_page()
    made.pages[0].obj.Type = Name.Pages  # qpdf counts it, PDFium does not find it
    with pytest.raises(InvalidPdf):
        read(pdf(0, made=made))


def test_text_and_fonts_are_found_on_pages_and_in_forms() -> None:
    made = pikepdf.new()
    page = made.add_blank_page()
    helvetica = pikepdf.Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    shapes = pikepdf.Dictionary(Type=Name.Font, Subtype=Name.Type3)
    form = made.make_stream(b"", Type=Name.XObject, Subtype=Name.Form)
    form.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F2=made.make_indirect(shapes)))
    page.Resources = pikepdf.Dictionary(
        Font=pikepdf.Dictionary(F1=made.make_indirect(helvetica)), XObject=pikepdf.Dictionary(X1=form)
    )
    page.Contents = made.make_stream(b"BT /F1 12 Tf 72 700 Td (Hello) Tj 0 -20 Td (World) Tj ET")
    reading = read(pdf(0, made=made))
    assert reading.pages == ("Hello\nWorld",)
    assert set(reading.fonts) == {Font("Helvetica", "Type1", False), Font("", "Type3", True)}


def test_links_outline_language_and_tags_are_found() -> None:
    made = pikepdf.new()
    page = made.add_blank_page()
    for address in ("https://example.org/", "mailto:bo@example.org", "https://example.org/"):
        action = pikepdf.Dictionary(S=Name.URI, URI=address)
        note = pikepdf.Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=[0, 0, 9, 9], A=action)
        page.Annots = pikepdf.Array([*page.get("/Annots", ()), note])
    with made.open_outline() as outline:
        parent = pikepdf.OutlineItem("Experience", 0)
        parent.children.append(pikepdf.OutlineItem("Engineer", 0))
        outline.root += [parent, pikepdf.OutlineItem("Skills", 0)]
    made.Root.Lang = "pt-BR"
    made.Root.MarkInfo = pikepdf.Dictionary(Marked=True)
    made.Root.StructTreeRoot = pikepdf.Dictionary(Type=Name.StructTreeRoot)
    reading = read(pdf(0, made=made))
    assert reading.links == ("https://example.org/", "mailto:bo@example.org")
    assert reading.outline == ("Experience", "Engineer", "Skills")
    assert reading.language == "pt-BR"
    assert reading.is_tagged


@pytest.mark.parametrize("content", [b"", b"<html>", b"%PDF-1.4 and then nothing", pdf(1)[:-60], pdf(0)])
def test_what_is_no_pdf_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidPdf):
        read(content)


def test_too_many_pages_or_bytes_are_refused() -> None:
    with pytest.raises(DocumentTooLarge, match="51 pages"):
        read(pdf(51))
    with pytest.raises(DocumentTooLarge, match="bytes"):
        read(b"%PDF-" + bytes(MAX_BYTES))
