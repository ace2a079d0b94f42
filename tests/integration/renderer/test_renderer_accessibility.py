"""What screen readers and parsers rely on (PDF/UA-1, ISO 14289-1), in real prints of every template."""

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pikepdf
import pypdf
import pytest

from resumepair_renderer import TEMPLATES, Renderer, RenderOptions

pytestmark = pytest.mark.asyncio(loop_scope="session")

Documents = Callable[[str], dict[str, Any]]

# Tags of PDF 1.7 (ISO 32000-1, 14.8.4) that a résumé can have.
STANDARD = {
    "Document",
    "Part",
    "Art",
    "Sect",
    "Div",
    "BlockQuote",
    "P",
    "H1",
    "H2",
    "H3",
    "L",
    "LI",
    "Lbl",
    "LBody",
} | {"Span", "Note", "Link", "Figure", "NonStruct"}
PAINTING = re.compile(rb"(?<=[ \n])(?:f|S|B|Do|Tj|TJ)\n")
# Fonts draw each of these like another character, which comes before it.
SHARED_GLYPHS = {
    "en": "The team’s “best” work – a Ω of 5‖",
    "el": "Μικρό μήνυμα",
    "zh": "门马见贝车风长鱼鸟龙青飞食齐麦黄黑齿雨高工人",
    "ja": "門馬見車風長魚鳥竜青飛食高工人",
    "ko": "門馬見 한국어",
    "zh-TW": "約翰‧史密斯",
    "zh-CN": "约翰・史密斯",
    "ja-JP": "戸田と户籍",
}


def elements(pdf: pikepdf.Pdf) -> Iterator[pikepdf.Object]:
    return (
        item
        for item in pdf.objects
        if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == pikepdf.Name.StructElem
    )


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("name", ["ines-academic", "meera-hindi"])
async def test_everything_painted_is_tagged_or_marked_as_decoration(
    renderer: Renderer, document: Documents, name: str, template: str
) -> None:
    rendered = await renderer.render(document(name), RenderOptions(template=template))
    with pikepdf.open(BytesIO(rendered.content)) as pdf:
        for page in pdf.pages:
            content = page.obj.Contents.read_bytes()
            marks = re.split(rb"(^/[^\n]*(?:BDC|BMC)$|^EMC$)", content, flags=re.MULTILINE)
            depth = 0
            for piece in marks:
                if piece.endswith((b"BDC", b"BMC")):
                    depth += 1
                elif piece == b"EMC":
                    depth -= 1
                elif depth == 0:
                    assert not PAINTING.search(piece)
            assert depth == 0
            assert b"/Artifact BMC" in content


@pytest.mark.parametrize("template", TEMPLATES)
async def test_tags_are_those_of_the_standard_or_mapped_to_them(
    renderer: Renderer, document: Documents, template: str
) -> None:
    rendered = await renderer.render(document("ines-academic"), RenderOptions(template=template))
    with pikepdf.open(BytesIO(rendered.content)) as pdf:
        roles = {str(name)[1:]: str(role)[1:] for name, role in pdf.Root.StructTreeRoot.RoleMap.items()}
        used = {str(element.S)[1:] for element in elements(pdf)}
    assert used >= {"Document", "H1", "H2", "H3", "P", "L", "LI", "LBody", "Link"}
    assert {roles.get(name, name) for name in used} <= STANDARD
    assert set(roles.values()) <= STANDARD


async def test_items_of_lists_have_a_label_and_a_body(renderer: Renderer, document: Documents) -> None:
    rendered = await renderer.render(document("ada"))
    with pikepdf.open(BytesIO(rendered.content)) as pdf:
        items = [element for element in elements(pdf) if element.S == pikepdf.Name.LI]
        assert items
        for item in items:
            assert [str(part.S) for part in item.K] == ["/Lbl", "/LBody"]


async def test_links_say_where_they_lead_and_are_reached_in_the_order_of_the_text(
    renderer: Renderer, document: Documents
) -> None:
    data = document("ada")
    data["profile"]["links"] += [{"url": "https://example.org/a(b)\\c"}, {"url": "https://example.org/Contents"}]
    rendered = await renderer.render(data)
    with pikepdf.open(BytesIO(rendered.content)) as pdf:
        for page in pdf.pages:
            assert page.obj.Tabs == pikepdf.Name.S
            for note in page.obj.Annots:
                assert note.Contents == note.A.URI


async def test_metadata_names_the_person_and_their_skills(renderer: Renderer, document: Documents) -> None:
    rendered = await renderer.render(document("ada"))
    with pikepdf.open(BytesIO(rendered.content)) as pdf:
        assert str(pdf.docinfo.Title) == rendered.title
        assert str(pdf.docinfo.Author) == "Ada Quillfeather"
        assert {"Rust", "TLA+", "PostgreSQL"} & set(str(pdf.docinfo.Keywords).split(", "))
        assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf.Root.Metadata.read_bytes()
        assert bool(pdf.Root.ViewerPreferences.DisplayDocTitle)


@pytest.mark.parametrize("template", ["classic", "modern"])
@pytest.mark.parametrize("language", SHARED_GLYPHS)
async def test_characters_that_share_a_glyph_come_out_as_they_were_written(
    renderer: Renderer, language: str, template: str
) -> None:
    """In a reader that believes what the fonts of the file say, as most do."""
    text = SHARED_GLYPHS[language]
    data = {"profile": {"fullName": "Bo"}, "summary": text, "work": [], "education": [], "skills": []}
    rendered = await renderer.render(data | {"settings": {"locale": language}}, RenderOptions(template=template))
    read = "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(rendered.content)).pages)
    assert "".join(text.split()) in "".join(read.split())
    assert rendered.proof is not None
    assert rendered.proof.passed
