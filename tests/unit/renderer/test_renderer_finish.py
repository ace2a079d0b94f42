"""Finishing: what a PDF says about itself, and that the same input gives the same bytes."""

import re
from io import BytesIO
from xml.etree import ElementTree as ET

import pikepdf
import pytest

from resumepair_renderer import DocumentTooLarge, InvalidPdf, parse_document
from resumepair_renderer.finish import Metadata, finish
from resumepair_renderer.reading import MAX_BYTES

METADATA = Metadata("Ada – <Résumé>", "Ada & Co", ("C++", "R&D"), "Engineer", "en-GB")
NAMES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "pdf": "http://ns.adobe.com/pdf/1.3/",
    "pdfuaid": "http://www.aiim.org/pdfua/ns/id/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}


def printed(title: str = METADATA.title, *, packed: bool = False) -> bytes:
    mode = pikepdf.ObjectStreamMode.generate if packed else pikepdf.ObjectStreamMode.disable
    with pikepdf.new() as made:
        page = made.add_blank_page()
        note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9])
        note.A = pikepdf.Dictionary(S=pikepdf.Name.URI, URI="https://example.org/(a)\\b")
        page.Annots = made.make_indirect(pikepdf.Array([made.make_indirect(note)]))
        made.docinfo["/Title"] = title
        made.docinfo["/CreationDate"] = "D:20260102030405Z"
        written = BytesIO()
        made.save(written, object_stream_mode=mode, static_id=True)
    return written.getvalue()


def tagged(content: bytes, *, packed: bool = False) -> bytes:
    """A page of `content` in a list item, as libraries write it."""
    mode = pikepdf.ObjectStreamMode.generate if packed else pikepdf.ObjectStreamMode.disable
    kind = {"/Type": pikepdf.Name.StructElem}
    with pikepdf.open(BytesIO(printed())) as made:
        page = made.pages[0].obj
        page.Contents = made.make_stream(content)
        root = made.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.StructTreeRoot))
        item = made.make_indirect(pikepdf.Dictionary(kind | {"/S": pikepdf.Name.LI, "/P": root}))
        part = kind | {"/S": pikepdf.Name.NonStruct}
        # Words of the author that look like PDF, where a reader of bytes may stumble over them.
        words = "<</Type /StructElem /S /NonStruct /P 1 0 R /Contents 1 0 R /Type /Page >> /K [ ("
        body = pikepdf.Dictionary(part | {"/P": item, "/Alt": words, "/K": 0, "/Pg": page})
        other = pikepdf.Dictionary(part | {"/P": root, "/Alt": "/S /LI /P 1 0 R"})
        item.K, root.K = made.make_indirect(body), pikepdf.Array([item, made.make_indirect(other)])
        made.Root.StructTreeRoot, made.Root.MarkInfo = root, pikepdf.Dictionary(Marked=True)
        with made.open_outline() as outline:
            outline.root.append(pikepdf.OutlineItem(words, 0))
        written = BytesIO()
        made.save(written, object_stream_mode=mode, static_id=True)
    return written.getvalue()


CONTENT = b"0 0 9 9 re f /P <</MCID 0>> BDC BT 1 0 0 1 0 0 Tm ET EMC 0 0 5 5 re f "


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("space", [b" ", b"\n"])
def test_tags_are_completed_however_the_file_is_spelled(packed: bool, space: bytes) -> None:
    content = finish(tagged(CONTENT.replace(b" ", space), packed=packed), METADATA)
    with pikepdf.open(BytesIO(content)) as pdf:
        assert not pdf.check_pdf_syntax()
        tree = pdf.Root.StructTreeRoot
        assert "/RoleMap" in tree
        assert [str(tag.S) for tag in tree.K] == ["/LI", "/NonStruct"]
        assert tree.K[0].K.S == "/LBody"
        assert str(tree.K[0].K.Alt).startswith("<</Type /StructElem /S /NonStruct /P 1 0 R")
        page = pdf.pages[0].obj
        assert page.Annots[0].Contents == page.Annots[0].A.URI
        marks = [str(mark.operator) for mark in pikepdf.parse_content_stream(pdf.pages[0])]
    assert marks == ["BMC", "re", "f", "EMC", "BDC", "BT", "Tm", "ET", "EMC", "BMC", "re", "f", "EMC"]


@pytest.mark.parametrize("address", ["https://x.example/Contents", "https://x.example/?/Contents (a)", "é/Contents"])
def test_an_address_that_looks_like_pdf_is_described_all_the_same(address: str) -> None:
    with pikepdf.open(BytesIO(tagged(CONTENT))) as made:
        made.pages[0].obj.Annots[0].A.URI = address
        written = BytesIO()
        made.save(written)
    with pikepdf.open(BytesIO(finish(written.getvalue(), METADATA))) as pdf:
        assert str(pdf.pages[0].obj.Annots[0].Contents) == address


@pytest.mark.parametrize("packed", [False, True])
def test_metadata_stands_in_the_information_dictionary_and_in_xmp(packed: bool) -> None:
    with pikepdf.open(BytesIO(finish(printed(packed=packed), METADATA))) as pdf:
        assert not pdf.check_pdf_syntax()
        facts = {key: str(value) for key, value in pdf.docinfo.items()}
        root = ET.fromstring(pdf.Root.Metadata.read_bytes())
        assert pdf.Root.Lang == "en-GB"
        assert bool(pdf.Root.ViewerPreferences.DisplayDocTitle)
    assert facts["/Title"] == "Ada – <Résumé>"
    assert facts["/Author"] == "Ada & Co"
    assert facts["/Keywords"] == "C++, R&D"
    assert facts["/Subject"] == "Engineer"

    def in_xmp(name: str) -> list[str | None]:
        return [item.text for item in root.iterfind(f".//{name}//rdf:li", NAMES)]

    assert in_xmp("dc:title") == ["Ada – <Résumé>"]
    assert in_xmp("dc:creator") == ["Ada & Co"]
    assert in_xmp("dc:subject") == ["C++", "R&D"]
    assert in_xmp("dc:description") == ["Engineer"]
    assert in_xmp("dc:language") == ["en-GB"]
    assert root.findtext(".//pdf:Keywords", namespaces=NAMES) == "C++, R&D"
    assert root.findtext(".//pdfuaid:part", namespaces=NAMES) == "1"


def test_no_hour_is_left_in_it_and_the_same_input_gives_the_same_bytes() -> None:
    content = finish(printed(), METADATA)
    with pikepdf.open(BytesIO(content)) as pdf:
        assert not {"/CreationDate", "/ModDate"} & set(pdf.docinfo.keys())
    assert not re.search(rb"D:\d{8}", content)
    assert content == finish(printed(), METADATA)


def test_other_metadata_gives_another_identity() -> None:
    identities = set()
    for author in ("Ada", "Bo"):
        with pikepdf.open(BytesIO(finish(printed(), Metadata(METADATA.title, author)))) as pdf:
            identities.add(bytes(pdf.trailer.ID[0]))
    assert len(identities) == 2


def test_what_is_empty_is_left_out() -> None:
    with pikepdf.open(BytesIO(finish(printed(), Metadata(METADATA.title)))) as pdf:
        assert not {"/Author", "/Keywords", "/Subject"} & set(pdf.docinfo.keys())
        assert b"dc:creator" not in pdf.Root.Metadata.read_bytes()


def test_the_pdf_of_another_document_is_refused() -> None:
    with pytest.raises(InvalidPdf, match="the title 'Mallory'"):
        finish(printed("Mallory"), METADATA)


@pytest.mark.parametrize("content", [b"", b"<html>", b"%PDF-1.4 and then nothing", printed()[:-200]])
def test_what_is_no_pdf_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidPdf):
        finish(content, METADATA)


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(DocumentTooLarge):
        finish(b"%PDF-" + bytes(MAX_BYTES), METADATA)


def test_metadata_comes_from_the_document() -> None:
    document = parse_document(
        {
            "profile": {"fullName": "Ada", "headline": "Engineer"},
            "skills": [{"category": "Languages", "items": ["Rust", "C"]}, {"items": ["Rust"]}],
            "work": [],
            "education": [],
        }
    )
    metadata = Metadata.of(document, "Ada – Résumé", "en")
    assert metadata == Metadata("Ada – Résumé", "Ada", ("Languages", "Rust", "C"), "Engineer", "en")
