"""The PDFs: what a reader, a parser and a portal find in them."""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any, Literal

import pikepdf
import pypdfium2 as pdfium
import pytest

from resumepair_renderer import (
    DocumentTooLarge,
    InvalidDocument,
    Renderer,
    RenderOptions,
    RenderStage,
)
from resumepair_renderer.typeface import families

pytestmark = pytest.mark.asyncio(loop_scope="session")

Documents = Callable[[str], dict[str, Any]]
Pages = Callable[[bytes], list[str]]

EXACT = ["ada", "otto-json-resume", "eleni-greek", "ivan-russian", "lin-chinese", "haruka-japanese", "minseo-korean"]
FOLDED = ["layla-arabic", "noa-hebrew", "meera-hindi"]
WRAPPED_BETWEEN_IDEOGRAPHS = re.compile("(?<=[\u2e80-\uffdc])\n(?=[\u2e80-\uffdc])")
LIGATURES = re.compile("[\ufb00-\ufb06]")


def folded(text: str) -> str:
    """Text without white space, joiners and bidirectional controls."""
    return re.sub(r"[\s\u200b-\u200f\u202a-\u202e\u2066-\u2069]", "", text)


def values(data: dict[str, Any]) -> list[str]:
    """Names, employers, bullets: what has to be there, in reading order."""
    work = [
        value
        for entry in data["work"]
        for value in (
            entry.get("role") or entry["position"],
            entry.get("company") or entry["name"],
            *(entry.get("descriptionBullets") or entry["highlights"]),
        )
    ]
    schools = [entry.get("school") or entry["institution"] for entry in data["education"]]
    profile = data.get("profile") or {"fullName": data["basics"]["name"], "headline": data["basics"]["label"]}
    return [profile["fullName"], profile["headline"], *work, *schools]


@pytest.mark.parametrize("name", EXACT)
async def test_text_comes_back_exactly_and_in_order(
    renderer: Renderer, document: Documents, pages_of: Pages, name: str
) -> None:
    data = document(name)
    pdf = await renderer.render(data)
    text = "\n".join(pages_of(pdf.content))
    on_one_line = WRAPPED_BETWEEN_IDEOGRAPHS.sub("", text).replace("\n", " ")
    position = 0
    for value in values(data):
        position = on_one_line.find(value, position)
        assert position >= 0, value
    assert not LIGATURES.search(text)


@pytest.mark.parametrize("name", FOLDED)
async def test_complex_scripts_come_back_but_for_spaces(
    renderer: Renderer, document: Documents, pages_of: Pages, name: str
) -> None:
    data = document(name)
    pdf = await renderer.render(data)
    text = folded("\n".join(pages_of(pdf.content)))
    for value in (data["profile"]["fullName"], data["work"][0]["role"], data["work"][0]["company"]):
        assert folded(value) in text


@pytest.mark.parametrize(("page_size", "points"), [("A4", (595, 842)), ("Letter", (612, 792))])
async def test_paper_has_the_size_that_was_asked_for(
    renderer: Renderer, document: Documents, page_size: Literal["A4", "Letter"], points: tuple[int, int]
) -> None:
    pdf = await renderer.render(document("ada"), RenderOptions(page_size=page_size))
    with pdfium.PdfDocument(pdf.content) as opened:
        sizes = {tuple(round(side) for side in page.get_size()) for page in opened}
    assert sizes == {points}
    assert (pdf.page_count or 0) > 1


@pytest.mark.parametrize("name", [*EXACT, *FOLDED, "extreme"])
async def test_every_font_is_one_of_ours_and_embedded_as_truetype(
    renderer: Renderer, document: Documents, name: str
) -> None:
    pdf = await renderer.render(document(name))
    ours = tuple(family.replace(" ", "") for family in families())
    with pikepdf.open(BytesIO(pdf.content)) as opened:
        fonts = [object_ for object_ in opened.objects if is_font(object_)]
        assert fonts
        for font in fonts:
            assert font.Subtype == "/CIDFontType2"
            assert "/FontFile2" in font.FontDescriptor
            assert str(font.BaseFont).partition("+")[2].startswith(ours)


def is_font(item: pikepdf.Object) -> bool:
    """Whether it is a font, other than the envelope of another one."""
    return isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/Font" and item.get("/Subtype") != "/Type0"


async def test_a_line_is_written_in_one_piece_but_for_kerning(renderer: Renderer, document: Documents) -> None:
    pdf = await renderer.render(document("ada"))
    with pikepdf.open(BytesIO(pdf.content)) as file:
        shown = [
            len(bytes(instruction.operands[0])) // 2
            for instruction in pikepdf.parse_content_stream(file.pages[0])
            if isinstance(instruction, pikepdf.ContentStreamInstruction) and str(instruction.operator) == "Tj"
        ]
    assert sum(shown) / len(shown) > 3


async def test_links_language_title_and_structure_are_there(renderer: Renderer, document: Documents) -> None:
    pdf = await renderer.render(document("ada"))
    with pikepdf.open(BytesIO(pdf.content)) as opened:
        links = {str(note.A.URI) for page in opened.pages for note in page.get("/Annots", []) if "/A" in note}
        assert {"mailto:ada@quillfeather.example", "tel:+442079460018", "https://github.com/quillfeather"} <= links
        assert str(opened.Root.Lang) == "en-GB"
        assert bool(opened.Root.MarkInfo.Marked)
        assert "/Outlines" in opened.Root
        assert str(opened.docinfo.Title) == pdf.title == "Ada Quillfeather – CV"


async def test_the_same_document_gives_the_same_bytes(renderer: Renderer, document: Documents) -> None:
    first = await renderer.render(document("ada"))
    await renderer.render(document("lin-chinese"))
    again = await renderer.render(document("ada"))
    assert first.sha256 == again.sha256
    assert first.content == again.content


async def test_what_is_told_about_the_pdf_is_true(renderer: Renderer, document: Documents, pages_of: Pages) -> None:
    pdf = await renderer.render(document("ada"))
    assert pdf.page_count == len(pages_of(pdf.content))
    assert pdf.byte_size == len(pdf.content) < 200_000
    assert pdf.file_name == "ada-quillfeather-resume.pdf"


async def test_page_numbers_begin_on_the_second_page(renderer: Renderer, document: Documents, pages_of: Pages) -> None:
    first, second, *_ = pages_of((await renderer.render(document("ada"))).content)
    assert "1 / 2" not in first
    assert "2 / 2" in second


async def test_no_entry_is_cut(renderer: Renderer, pages_of: Pages) -> None:
    pdf = await renderer.render(with_work([entry(n, bullets=4) for n in range(30)]))
    pages = pages_of(pdf.content)
    assert len(pages) > 2
    for n in range(30):
        holding = [page for page in pages if f"E{n:02}" in page]
        assert len(holding) == 1, n
        assert holding[0].count(f"E{n:02}") == 6


@pytest.mark.parametrize("numbers", [None, True, False])
@pytest.mark.parametrize("summary", ["", "A summary that goes all the way to the right edge of the page, and on. " * 3])
async def test_pages_of_short_lines_are_read_line_by_line(
    renderer: Renderer, pages_of: Pages, numbers: bool | None, summary: str
) -> None:
    data = with_work([entry(n, bullets=n % 3) for n in range(30)], summary)
    data["profile"]["email"] = "bo@example.org"
    data["appearance"] = {"showPageNumbers": numbers}
    lines = "\n".join(pages_of((await renderer.render(data)).content)).split("\n")
    assert {f"Company E{n:02}" for n in range(30)} <= set(lines)


@pytest.mark.parametrize(
    "name", ["\U0001f600 Bo", "\ufeffBo", "B\xa0o", "\\ (x) Bo", "\U0001d56d", "B\u200bo", "\u061cبو"]
)
async def test_titles_survive_any_name(renderer: Renderer, name: str) -> None:
    pdf = await renderer.render({**with_work([]), "profile": {"fullName": name}})
    assert pdf.title.endswith("Résumé") or pdf.title.endswith("السيرة الذاتية")


@pytest.mark.parametrize("lines", range(28, 44))
async def test_no_heading_is_left_alone_at_the_end_of_a_page(renderer: Renderer, pages_of: Pages, lines: int) -> None:
    data = with_work([entry(1, bullets=2)], "\n".join(f"Line {n}" for n in range(lines)))
    pages = pages_of((await renderer.render(data)).content)
    assert [("Experience" in page) for page in pages] == [("Role E01" in page) for page in pages]


async def test_an_entry_longer_than_a_page_is_cut_between_bullets(renderer: Renderer, pages_of: Pages) -> None:
    for bullets in range(60, 72):
        data = with_work([entry(1, bullets=3), entry(2, bullets=bullets)])
        pages = [page.count("Bullet") - page.count("E01 ") for page in pages_of((await renderer.render(data)).content)]
        assert all(count >= 2 for count in pages), (bullets, pages)


async def test_an_extreme_document_is_rendered(renderer: Renderer, document: Documents, pages_of: Pages) -> None:
    pages = pages_of((await renderer.render(document("extreme"))).content)
    assert "<b>HTML</b> & entities &amp; too. Controls go." in pages[0]
    assert "Company 59" in "".join(pages)


async def test_too_many_pages_are_refused(renderer: Renderer) -> None:
    data = with_work([], "\n".join(["line"] * 8_000))
    with pytest.raises(DocumentTooLarge, match="pages, at most 50"):
        await renderer.render(data)


async def test_stages_are_told_in_order(renderer: Renderer, document: Documents) -> None:
    stages: list[RenderStage] = []

    async def note(stage: RenderStage) -> None:
        stages.append(stage)

    await renderer.render(document("bare"), on_stage=note)
    assert stages == [RenderStage.RENDERING, RenderStage.VERIFYING]


async def test_an_invalid_document_reaches_no_stage(renderer: Renderer) -> None:
    async def fail(_: RenderStage) -> None:
        pytest.fail("told a stage")

    with pytest.raises(InvalidDocument):
        await renderer.render({}, on_stage=fail)


@pytest.mark.parametrize("stage", list(RenderStage))
async def test_a_stage_that_raises_ends_the_render(
    renderer: Renderer, document: Documents, pages_of: Pages, stage: RenderStage
) -> None:
    async def refuse(told: RenderStage) -> None:
        if told == stage:
            raise LookupError

    with pytest.raises(LookupError):
        await renderer.render(document("ada"), on_stage=refuse)
    assert pages_of((await renderer.render(document("bare"))).content) == ["Bo"]


def with_work(work: list[dict[str, Any]], summary: str = "") -> dict[str, Any]:
    return {"profile": {"fullName": "Bo"}, "summary": summary, "work": work, "education": [], "skills": []}


def entry(number: int, bullets: int) -> dict[str, Any]:
    tag = f"E{number:02}"
    return {
        "role": f"Role {tag}",
        "company": f"Company {tag}",
        "startDate": "2020-01",
        "descriptionBullets": [f"Bullet {n} of {tag} says what was done" for n in range(bullets)],
    }


@pytest.mark.parametrize("name", ["Ada", "X Y", "Jo Ng", "李明", "Grace Hopper"])
@pytest.mark.parametrize("size", ["A4", "Letter"])
async def test_a_short_document_is_not_taken_for_vertical_writing(
    renderer: Renderer, name: str, size: Literal["A4", "Letter"]
) -> None:
    work = [{"company": "ACME", "role": "Dev", "startDate": "2020-01", "descriptionBullets": ["did things"]}]
    data = {"profile": {"fullName": name}, "work": work, "education": [], "skills": []}
    pdf = await renderer.render(data, RenderOptions(page_size=size))
    document = pdfium.PdfDocument(pdf.content)
    try:
        text = document[0].get_textpage().get_text_range()
    finally:
        document.close()
    assert name in text
    assert "did things" in text
