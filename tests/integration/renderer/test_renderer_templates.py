"""Every template, printed: each honours what a document asks for, and is read in its own order."""

import shutil
import subprocess
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from ctypes import c_uint
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar

import pikepdf
import pypdfium2 as pdfium
import pytest
from PIL import Image
from pypdfium2 import raw

from resumepair_renderer import TEMPLATES, Renderer, RenderOptions, parse_document, render_html
from resumepair_renderer.page_view import page_view, wording_of
from resumepair_renderer.section import Section
from resumepair_renderer.warm_page import WarmPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

Documents = Callable[[str], dict[str, Any]]
Pages = Callable[[bytes], list[str]]
PageSize = Literal["A4", "Letter"]

T = TypeVar("T")

every_template = pytest.mark.parametrize("template", TEMPLATES)
both_sizes = pytest.mark.parametrize("page_size", ["A4", "Letter"])

LINE = "Long enough to come near the right edge of the page, whichever template it is that it is set in, and on. "
POINTS: dict[str, tuple[float, float]] = {"A4": (595.3, 841.9), "Letter": (612, 792)}
MARGIN = 31 * 72 / 25.4
WISHES = {
    "theme": {"background": "#fdf6e3", "text": "#073642", "primary": "#8a1c5c"},
    "typography": {"fontFamily": "Lora", "fontSize": 12, "lineHeight": 1.7},
    "margin": 31,
    "showPageNumbers": True,
}


@dataclass(frozen=True)
class Letter:
    """One letter on a page: points from the left and from the bottom."""

    left: float
    right: float
    base: float
    size: float
    color: str


@every_template
@both_sizes
async def test_wishes_are_honoured(renderer: Renderer, pages_of: Pages, template: str, page_size: PageSize) -> None:
    data = resume(appearance=WISHES)
    pdf = await printed(renderer, data, RenderOptions(template, page_size))
    width, height = POINTS[page_size]
    pages = pages_of(pdf)
    assert f"1 / {len(pages)}" in pages[0]
    assert {name.split("-")[0] for name in font_names(pdf)} == {"Lora"}

    assert "#8a1c5c" in {letter.color for letter in letters(pdf, 0)}
    second = [letter for letter in letters(pdf, 1) if letter.base > MARGIN]  # the footer is below
    assert min(letter.left for letter in second) == pytest.approx(MARGIN, abs=4)
    assert max(letter.right for letter in second) <= width - MARGIN + 1
    assert max(letter.base for letter in second) <= height - MARGIN
    assert commonest(letter.size for letter in second) == pytest.approx(12)
    baselines = sorted({letter.base for letter in second if letter.size == pytest.approx(12)})
    assert commonest(round(upper - lower, 1) for lower, upper in pairwise(baselines)) == pytest.approx(20.4, abs=0.2)
    assert commonest(letter.color for letter in second) == "#073642"
    assert corner(pdf, 1) == "#fdf6e3"


@every_template
async def test_colours_nobody_can_read_are_changed_and_reported(renderer: Renderer, template: str) -> None:
    appearance = {"theme": {"background": "#ffffff", "text": "#fafafa", "primary": "#fffff0"}}
    pdf = await renderer.render(resume(appearance=appearance), RenderOptions(template))
    assert {warning.path for warning in pdf.warnings} == {"appearance.theme.text", "appearance.theme.primary"}
    assert not {"#fafafa", "#fffff0"} & {letter.color for letter in letters(pdf.content, 1)}


@every_template
@pytest.mark.parametrize("name", ["ada", "ines-academic", "otto-json-resume"])
async def test_the_order_on_paper_is_the_order_of_the_document(
    renderer: Renderer, document: Documents, pages_of: Pages, template: str, name: str
) -> None:
    pdf = await renderer.render(document(name), RenderOptions(template))
    assert_in_order(printed_order(document(name), template), "\n".join(pages_of(pdf.content)))


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler is no part of the project's set-up")
@every_template
@pytest.mark.parametrize("name", ["ada", "ines-academic", "otto-json-resume"])
async def test_a_reader_that_looks_for_columns_finds_the_same_order(
    renderer: Renderer, document: Documents, tmp_path: Path, template: str, name: str
) -> None:
    """What pdftotext makes of it; academic's column of dates is read beside the entries, as it should be."""
    file = tmp_path / "resume.pdf"
    file.write_bytes((await renderer.render(document(name), RenderOptions(template))).content)
    read = subprocess.run(["pdftotext", file, "-"], check=True, capture_output=True, text=True, timeout=20)
    assert_in_order(printed_order(document(name), template), read.stdout)


@every_template
async def test_the_sidebar_is_gone_on_later_pages_and_the_column_is_full(renderer: Renderer, template: str) -> None:
    pdf = await renderer.render(resume(), RenderOptions(template))
    widest = max(letter.right for letter in letters(pdf.content, 1)) - min(x.left for x in letters(pdf.content, 1))
    assert widest > 0.7 * POINTS["A4"][0]


@every_template
@pytest.mark.parametrize("name", ["X Y", "Grace Hopper", "李明"])
@both_sizes
async def test_a_short_document_is_not_taken_for_vertical_writing(
    renderer: Renderer, pages_of: Pages, template: str, name: str, page_size: PageSize
) -> None:
    work = [{"company": "ACME", "role": "Dev", "startDate": "2020-01", "descriptionBullets": ["did things"]}]
    skills = [{"category": "All", "items": ["Go", {"name": "C", "level": 3}]}]
    data = {"profile": {"fullName": name}, "work": work, "education": [], "skills": skills}
    (text,) = pages_of((await renderer.render(data, RenderOptions(template, page_size))).content)
    assert name in text
    assert "did things" in text


@every_template
@pytest.mark.parametrize("summary", ["", LINE * 3])
async def test_pages_of_short_lines_are_read_line_by_line(
    renderer: Renderer, pages_of: Pages, template: str, summary: str
) -> None:
    work = [
        {"role": f"Role {n:02}", "company": f"Company {n:02}", "startDate": "2020-01", "descriptionBullets": ["Did it"]}
        for n in range(30)
    ]
    pdf = await renderer.render(resume(summary=summary, work=work), RenderOptions(template))
    text = "\n".join(pages_of(pdf.content))
    assert all(f"Company {n:02}" in text for n in range(30))


@every_template
@pytest.mark.parametrize("lines", range(22, 46, 3))
async def test_no_heading_is_left_alone_at_the_end_of_a_page(
    renderer: Renderer, pages_of: Pages, template: str, lines: int
) -> None:
    data = resume(summary="\n".join(f"Line {n}" for n in range(lines)), work=[job(1)], skills=[], languages=[])
    pages = pages_of((await renderer.render(data, RenderOptions(template))).content)
    assert [("Experience" in page) for page in pages] == [("Role 01" in page) for page in pages]


@every_template
async def test_no_entry_is_cut(renderer: Renderer, pages_of: Pages, template: str) -> None:
    pages = pages_of((await renderer.render(resume(), RenderOptions(template))).content)
    for number in range(18):
        holding = [page for page in pages if f"of job {number}." in page]
        assert len(holding) == 1, number
        assert f"Role {number:02}" in holding[0]


@every_template
async def test_a_photo_is_printed_where_there_is_one(renderer: Renderer, template: str) -> None:
    with_photo = {"fullName": "Bo Rivers", "photo": picture()}
    assert pictures((await renderer.render(resume(profile=with_photo), RenderOptions(template))).content) == 1
    assert pictures((await renderer.render(resume(), RenderOptions(template))).content) == 0


@every_template
async def test_arabic_begins_at_the_right(renderer: Renderer, document: Documents, template: str) -> None:
    pdf = await renderer.render(document("layla-arabic"), RenderOptions(template))
    name = max(letters(pdf.content, 0), key=lambda letter: letter.size)
    assert name.left > POINTS["A4"][0] / 3


# What was printed


async def printed(renderer: Renderer, data: dict[str, Any], options: RenderOptions) -> bytes:
    """The document as the template sets it, not fitted to its pages."""
    return await renderer._pages.use(render_html(parse_document(data), options), WarmPage.to_pdf, 20)


def letters(content: bytes, page: int) -> list[Letter]:
    with pdfium.PdfDocument(content) as pdf:
        text = pdf[page].get_textpage()
        return [letter(text, index) for index in range(text.count_chars()) if is_visible(text, index)]


def is_visible(text: pdfium.PdfTextPage, index: int) -> bool:
    return not chr(raw.FPDFText_GetUnicode(text, index)).isspace()


def letter(text: pdfium.PdfTextPage, index: int) -> Letter:
    left, base, right, _ = text.get_charbox(index, loose=True)
    matrix = raw.FS_MATRIX()
    raw.FPDFText_GetMatrix(text, index, matrix)
    size = raw.FPDFText_GetFontSize(text, index) * abs(matrix.d)
    red, green, blue, opacity = c_uint(), c_uint(), c_uint(), c_uint()
    raw.FPDFText_GetFillColor(text, index, red, green, blue, opacity)
    return Letter(left, right, round(base, 1), round(size, 1), f"#{red.value:02x}{green.value:02x}{blue.value:02x}")


def corner(content: bytes, page: int) -> str:
    with pdfium.PdfDocument(content) as pdf:
        red, green, blue = pdf[page].render(scale=0.2).to_pil().convert("RGB").getpixel((3, 3))
    return f"#{red:02x}{green:02x}{blue:02x}"


def font_names(content: bytes) -> set[str]:
    with pikepdf.open(BytesIO(content)) as pdf:
        return {
            str(item.BaseFont).partition("+")[2]
            for item in pdf.objects
            if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/Font" and "/FontDescriptor" in item
        }


def pictures(content: bytes) -> int:
    with pikepdf.open(BytesIO(content)) as pdf:
        return sum(len(page.get_images()) for page in pdf.pages)


def commonest(values: Iterator[T]) -> T:
    return Counter(values).most_common(1)[0][0]


# What was to be printed


def printed_order(data: dict[str, Any], template: str) -> list[str]:
    """One telling text of the header, and of everything in each section, as the template orders it."""
    resume = parse_document(data)
    page = page_view(resume, wording_of(resume), template=TEMPLATES[template])
    return [page.name, *(text for section in page.sections for text in (section.title, *told(section)))]


def told(section: Section) -> Iterator[str]:
    yield from (block.text for block in section.prose)
    for entry in section.entries:
        yield entry.title.text
        yield from (*entry.notes, *entry.bullets)
    yield from (item.name for fact in section.facts for item in fact.items)
    yield from (text for quote in section.quotes for text in quote.paragraphs)


def assert_in_order(values: list[str], text: str) -> None:
    """Each value is found after the one before. White space and hyphens, which readers drop, do not count."""
    found, position = letters_of(text), 0
    for value in map(letters_of, values):
        at = found.find(value, position)
        assert at >= 0, value
        position = at + len(value)


def letters_of(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


# Documents


def resume(**parts: object) -> dict[str, Any]:
    return {
        "profile": {"fullName": "Bo Rivers", "email": "bo@rivers.example"},
        "summary": LINE * 3,
        "work": [job(number) for number in range(18)],
        "education": [{"school": "College of Rivers", "degree": "BSc", "startDate": "2001", "endDate": "2004"}],
        "skills": [{"category": "Maps", "items": ["Survey", {"name": "Drawing", "level": 4}]}],
        "languages": [{"name": "Welsh", "level": "Native"}],
        **parts,
    }


def job(number: int) -> dict[str, Any]:
    bullets = [f"Bullet {bullet} of job {number}. {LINE * 2}" for bullet in range(3)]
    role, company = f"Role {number:02}", f"Company {number:02}"
    return {"role": role, "company": company, "startDate": "2010-01", "descriptionBullets": bullets}


def picture() -> str:
    written = BytesIO()
    Image.new("RGB", (80, 100), "#557799").save(written, "PNG")
    return f"data:image/png;base64,{b64encode(written.getvalue()).decode()}"


@every_template
async def test_latin_text_in_an_arabic_document_ends_with_its_own_full_stop(renderer: Renderer, template: str) -> None:
    data = {
        "profile": {"fullName": "ليلى المنصوري"},
        "work": [{"role": "مهندسة", "descriptionBullets": ["Reduced cost by 35%.", "قللت التكلفة بنسبة 35%."]}],
        "education": [],
        "skills": [],
        "settings": {"locale": "ar"},
    }
    rendered = await renderer.render(data, RenderOptions(template=template))
    assert rendered.proof is not None
    assert rendered.proof.score == 100
