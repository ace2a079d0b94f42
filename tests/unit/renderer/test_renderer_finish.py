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
