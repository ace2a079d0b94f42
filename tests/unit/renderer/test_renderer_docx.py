"""Word documents, read back with the library that parsers of résumés use."""

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import docx
import pytest
from docx.document import Document
from docx.enum.text import WD_TAB_ALIGNMENT
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.ns import qn
from PIL import Image

from resumepair_renderer import Format, RenderOptions, compose
from resumepair_renderer.formats.docx_text import by_direction
from resumepair_renderer.options import PageSize

DOCUMENTS = sorted((Path(__file__).parents[2] / "documents").glob("*.json"))
BARE: dict[str, Any] = {"profile": {"fullName": "Bo"}, "work": [], "education": [], "skills": []}
ADA: dict[str, Any] = {
    "profile": {"fullName": "Ada", "headline": "Analyst", "links": [{"url": "https://ada.example"}]},
    "work": [
        {
            "role": "Programmer",
            "company": "Engines",
            "startDate": "1842",
            "endDate": "1843",
            "descriptionBullets": ["Wrote Note G", "Found a bug"],
        }
    ],
    "education": [],
    "skills": [{"category": "Mathematics", "items": ["Algebra", "Analysis"]}],
    "settings": {"locale": "en", "pageSize": "A4"},
}


def content_of(data: dict[str, Any], page_size: PageSize | None = None) -> bytes:
    return compose(data, RenderOptions(format=Format.DOCX, page_size=page_size)).content


def opened(data: dict[str, Any], page_size: PageSize | None = None) -> Document:
    return docx.Document(io.BytesIO(content_of(data, page_size)))


def lines(document: Document) -> list[tuple[str, str]]:
    return [(paragraph.style.name or "", paragraph.text) for paragraph in document.paragraphs if paragraph.style]


def test_structure_is_said_in_styles_that_parsers_know() -> None:
    assert lines(opened(ADA)) == [
        ("Title", "Ada"),
        ("Subtitle", "Analyst"),
        ("Contacts", "ada.example"),
        ("Heading 1", "Experience"),
        ("Heading 2", "Programmer\t1842 – 1843"),
        ("Entry Details", "Engines"),
        ("List Bullet", "Wrote Note G"),
        ("List Bullet", "Found a bug"),
        ("Heading 1", "Skills"),
        ("Body Text", "Mathematics: Algebra, Analysis"),
    ]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_it_says_what_the_plain_text_says(path: Path) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    text = "\n".join(text for _, text in lines(opened(data)))
    for line in compose(data, RenderOptions(format=Format.TXT)).content.decode().splitlines():
        for part in line.removeprefix("- ").split(" · "):
            shown = part.split(" (http")[0].removeprefix("https://").removeprefix("http://").removeprefix("www.")
            assert shown.removesuffix("/") in text or not shown.strip("-"), part


def test_links_are_live() -> None:
    document = opened(ADA)
    links = [link for paragraph in document.paragraphs for link in paragraph.hyperlinks]
    assert [(link.text, link.address) for link in links] == [("ada.example", "https://ada.example")]


def test_nothing_but_links_points_out_of_the_file() -> None:
    document = opened({**ADA, "work": [{"company": "Co", "link": "javascript:alert(1)"}]})
    outside = [relation for relation in document.part.rels.values() if relation.is_external]
    assert {relation.reltype for relation in outside} == {RELATIONSHIP_TYPE.HYPERLINK}
    assert {relation.target_ref for relation in outside} == {"https://ada.example"}


def test_it_knows_what_it_is() -> None:
    about = opened(ADA).core_properties
    assert (about.title, about.author, about.subject) == ("Ada – Résumé", "Ada", "Analyst")
    assert (about.keywords, about.language, about.comments) == ("Algebra, Analysis", "en", "")


@pytest.mark.parametrize(("size", "millimetres"), [("A4", (210, 297)), ("Letter", (216, 279))])
def test_paper_and_margins_are_those_of_the_document(size: PageSize, millimetres: tuple[int, int]) -> None:
    section = opened({**ADA, "appearance": {"margin": 25}}, size).sections[0]
    assert section.page_width is not None
    assert section.page_height is not None
    assert section.left_margin is not None
    assert (round(section.page_width.mm), round(section.page_height.mm)) == millimetres
    assert round(section.left_margin.mm) == 25


def test_colours_sizes_and_fonts_are_those_of_the_document() -> None:
    looks = {"theme": {"primary": "#7a1f1f"}, "typography": {"fontSize": 12, "fontFamily": "Times New Roman"}}
    document = opened({**ADA, "appearance": looks})
    styles: Any = document.styles
    assert str(styles["Heading 1"].font.color.rgb) == "7A1F1F"
    assert styles["Normal"].font.size.pt == 12
    fonts = next(document.styles.element.iter(qn("w:rFonts")))
    assert fonts.get(qn("w:ascii")) == "Times New Roman"


def test_a_dark_page_stays_dark() -> None:
    document = opened({**ADA, "appearance": {"theme": {"background": "#101010", "text": "#eeeeee"}}})
    background = document.element.find(qn("w:background"))
    assert background is not None
    assert background.get(qn("w:color")) == "101010"
    assert document.settings.element.find(qn("w:displayBackgroundShape")) is not None


def test_dates_stand_at_the_far_edge() -> None:
    styles: Any = opened(ADA).styles
    stop = styles["Heading 2"].paragraph_format.tab_stops[0]
    assert stop.alignment == WD_TAB_ALIGNMENT.RIGHT


def test_headings_are_not_left_alone() -> None:
    document = opened({**ADA, "education": [{"degree": "BSc"}]})
    styles: Any = document.styles
    assert styles["Heading 1"].paragraph_format.keep_with_next
    entries = {paragraph.text: paragraph for paragraph in document.paragraphs}
    assert entries["Engines"].paragraph_format.keep_with_next
    assert entries["BSc"].paragraph_format.keep_with_next is False


def test_bullets_are_a_list_of_the_word_processor() -> None:
    document = opened(ADA)
    assert not any("•" in paragraph.text for paragraph in document.paragraphs)
    levels = document.part.numbering_part.element.iter(qn("w:lvl"))
    bullet = next(
        level for level in levels if [s for s in level.iter(qn("w:pStyle")) if s.get(qn("w:val")) == "ListBullet"]
    )
    assert next(bullet.iter(qn("w:lvlText"))).get(qn("w:val")) == "•"


def test_pages_are_counted_from_the_second_on() -> None:
    section = opened(ADA).sections[0]
    assert section.different_first_page_header_footer
    fields = section.footer.paragraphs[0]._p.iter(qn("w:fldSimple"))
    assert [field.get(qn("w:instr")) for field in fields] == ["PAGE", "NUMPAGES"]
    silent = opened({**ADA, "appearance": {"showPageNumbers": False}}).sections[0]
    assert silent.footer.is_linked_to_previous


def test_the_photo_floats_beside_the_name_and_is_described() -> None:
    file = io.BytesIO()
    Image.new("RGB", (100, 100), "red").save(file, "PNG")
    photo = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    document = opened({**ADA, "profile": {**ADA["profile"], "photo": photo}})
    anchor = next(document.paragraphs[0]._p.iter(qn("wp:anchor")))
    assert next(anchor.iter(qn("wp:docPr"))).get("descr") == "Ada"
    children = [child.tag for child in anchor]
    order = (
        "wp:simplePos",
        "wp:positionH",
        "wp:positionV",
        "wp:extent",
        "wp:effectExtent",
        "wp:wrapSquare",
        "wp:docPr",
    )
    assert children[: len(order)] == [qn(name) for name in order]


def test_the_same_document_gives_the_same_bytes_without_any_date() -> None:
    content = content_of(ADA)
    assert content == content_of(ADA)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        names = file.namelist()
        assert b"dcterms" not in file.read("docProps/core.xml").replace(b"xmlns:dcterms", b"")
    assert not [name for name in names if "thumbnail" in name or "customXml" in name or "WithEffects" in name]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_part_is_well_formed_and_every_relation_leads_somewhere(path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(content_of(json.loads(path.read_text(encoding="utf-8"))))) as file:
        names = set(file.namelist())
        for name in names:
            if name.endswith((".xml", ".rels")):
                ET.fromstring(file.read(name))
        relations = ET.fromstring(file.read("word/_rels/document.xml.rels"))
        inside = [r.get("Target") for r in relations if r.get("TargetMode") != "External"]
        assert {f"word/{target}" for target in inside} <= names


def test_right_to_left_is_said_to_word() -> None:
    data = json.loads((DOCUMENTS[0].parent / "layla-arabic.json").read_text(encoding="utf-8"))
    document = opened(data)
    normal: Any = document.styles["Normal"]
    assert normal.element.pPr.find(qn("w:bidi")) is not None
    name, email = document.paragraphs[0], next(p for p in document.paragraphs if "@" in p.text)
    assert all(run.font.rtl for run in name.runs)
    latin = [run for link in email.hyperlinks for run in link.runs]
    assert [run.text for run in latin] == ["layla@almansouri.example", "+971 4 555 0142"]
    assert not any(run.font.rtl for run in latin)
    language = next(document.styles.element.iter(qn("w:lang")))
    assert str(language.get(qn("w:bidi"))).startswith("ar")


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("plain", [("plain", False)]),
        ("", []),
        ("שלום", [("שלום", True)]),
        ("in שלום עולם now", [("in ", False), ("שלום עולם", True), (" now", False)]),
        ("2021 – 2023", [("2021 – 2023", False)]),
    ],
)
def test_text_is_cut_where_its_direction_changes(text: str, pieces: list[tuple[str, bool]]) -> None:
    assert list(by_direction(text, is_right_to_left=False)) == pieces


def test_in_arabic_what_has_no_direction_goes_with_the_arabic() -> None:
    pieces = list(by_direction("نص (Python) 2021", is_right_to_left=True))
    assert pieces == [("نص (", True), ("Python", False), (") 2021", True)]


def test_markup_and_controls_are_text() -> None:
    evil = "</w:t><w:p/> & <b>bold</b> {{ x }}"
    assert evil in [text for _, text in lines(opened({**BARE, "summary": evil}))]


def test_names_and_headlines_of_any_length_are_taken() -> None:
    data = {"profile": {"fullName": "N" * 900, "headline": "H" * 900}, "work": [], "education": [], "skills": []}
    rendered = compose(data, RenderOptions(format=Format.DOCX))
    assert docx.Document(io.BytesIO(rendered.content)).core_properties.author == "N" * 255
