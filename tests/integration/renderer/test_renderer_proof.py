"""The proof on real prints: every sample in every template passes, and what is broken on purpose is named."""

import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdf
import pytest
import pytest_asyncio

from resumepair_renderer import TEMPLATES, Renderer, RenderOptions
from resumepair_renderer.draft import Draft
from resumepair_renderer.expectation import Value, expect
from resumepair_renderer.finish import Metadata, finish
from resumepair_renderer.page_text import Match, PageText
from resumepair_renderer.pages import PagePool
from resumepair_renderer.proof import Proof, judge
from resumepair_renderer.reading import read
from resumepair_renderer.rendered import Rendered

pytestmark = pytest.mark.asyncio(loop_scope="session")

Documents = Callable[[str], dict[str, Any]]
Change = Callable[[str], str]
Prove = Callable[..., Awaitable[Proof]]

SAMPLES = sorted(file.stem for file in (Path(__file__).parents[2] / "documents").glob("*.json"))
# What pypdf reads as it was written; it adds spaces between Chinese, Japanese and Korean letters, and
# leaves letters from right to left in the order of print.
PLAIN_SCRIPTS = ["ada", "eleni-greek", "extreme", "ines-academic", "ivan-russian", "otto-json-resume"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pool(chromium_path: Path) -> AsyncIterator[PagePool]:
    async with PagePool(chromium_path, 1) as pool:
        yield pool


@pytest.fixture(scope="module")
def prove(pool: PagePool) -> Prove:
    """The verdict on a document whose HTML was tampered with before it was printed."""

    async def prove(data: dict[str, Any], change: Change, *, finished: bool = True, tagged: bool = True) -> Proof:
        draft = Draft.of(data, RenderOptions(template="classic"))
        html = draft.html("print")
        changed = change(html)
        assert changed != html, "the change changed nothing"
        printed = await pool.use(
            changed, lambda page: page.page.pdf(prefer_css_page_size=True, tagged=tagged, outline=tagged), 10
        )
        title, language = draft.page.title, draft.page.language
        order = [section.key for section in draft.page.sections]
        expected = expect(draft.document, draft.wording, title=title, section_order=order)
        metadata = Metadata.of(draft.document, title, language)
        return judge(expected, read(finish(printed, metadata, expected.letters) if finished else printed))

    return prove


def styled(css: str) -> Change:
    return lambda html: html.replace("</style>", f"{css}</style>", 1)


def without(pattern: str) -> Change:
    return lambda html: re.sub(pattern, "", html, count=1, flags=re.DOTALL)


def codes(proof: Proof) -> set[str]:
    return {finding.code.value for finding in proof.findings}


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("name", SAMPLES)
async def test_every_sample_passes_in_every_template(
    renderer: Renderer, document: Documents, name: str, template: str
) -> None:
    proof = (await renderer.render(document(name), RenderOptions(template=template))).proof
    assert proof is not None
    assert proof.findings == ()
    assert proof.score == 100


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("name", PLAIN_SCRIPTS)
async def test_a_second_reader_finds_the_same(
    renderer: Renderer, document: Documents, name: str, template: str
) -> None:
    rendered = await renderer.render(document(name), RenderOptions(template=template))
    text = PageText(page.extract_text() for page in pypdf.PdfReader(BytesIO(rendered.content)).pages)
    for value in values(document(name), rendered):
        assert any(text.find(spelling).match is Match.EXACT for spelling in spellings(value)), value


def values(data: dict[str, Any], rendered: Rendered) -> list[Value]:
    draft = Draft.of(data, RenderOptions(template=rendered.template))
    groups = expect(draft.document, draft.wording, title=rendered.title).groups
    return [value for group in groups for value in (*group.head, *group.body)]


def spellings(value: Value) -> tuple[str, str]:
    """Templates may set names and headings in capitals."""
    return value.text, value.text.upper()


@pytest.mark.skipif(
    not shutil.which("pdftotext"), reason="Poppler is not part of the project: it reads where it is installed"
)
@pytest.mark.parametrize("name", SAMPLES)
async def test_poppler_finds_every_value_too(
    renderer: Renderer, document: Documents, tmp_path: Path, name: str
) -> None:
    """In whatever order: it guesses columns; and without hyphens, which it takes away at ends of lines."""
    rendered = await renderer.render(document(name), RenderOptions(template="classic"))
    file = tmp_path / "resume.pdf"
    file.write_bytes(rendered.content)
    read = subprocess.run(["pdftotext", file, "-"], capture_output=True, check=True, encoding="utf-8").stdout
    text = PageText(page.replace("-", "") for page in read.split("\f"))
    for value in values(document(name), rendered):
        assert any(text.find(spelling.replace("-", "")).match is Match.EXACT for spelling in spellings(value)), value


async def test_a_lost_field_is_named_by_its_path(prove: Prove, document: Documents) -> None:
    proof = await prove(document("ada"), without(r'<span class="with">Tidewater Signalling</span>'))
    assert [(finding.code, finding.path) for finding in proof.findings] == [("MISSING_TEXT", "work[1].company")]


async def test_swapped_bullets_are_named(prove: Prove, document: Documents) -> None:
    def swap(html: str) -> str:
        first, second = re.findall(r"<li>.*?</li>", html)[:2]
        return html.replace(first, "X").replace(second, first).replace("X", second, 1)

    proof = await prove(document("ada"), swap)
    assert [(finding.code, finding.path) for finding in proof.findings] == [
        ("TEXT_OUT_OF_ORDER", "work[0].descriptionBullets[1]")
    ]


async def test_swapped_sections_are_named(prove: Prove, document: Documents) -> None:
    def move_first_to_end(html: str) -> str:
        found = re.search(r'<section class="skills.*?</section>', html, re.DOTALL)
        assert found
        return html.replace(found[0], "", 1).replace("<main>", f"<main>{found[0]}", 1)

    proof = await prove(document("ada"), move_first_to_end)
    assert codes(proof) == {"TEXT_OUT_OF_ORDER"}
    assert all(finding.path.startswith("skills") for finding in proof.findings)


async def test_ligatures_are_named(prove: Prove, document: Documents) -> None:
    proof = await prove(document("ada"), lambda html: html.replace("verification", "veri\ufb01cation"))
    assert codes(proof) == {"LIGATURE"}


@pytest.mark.parametrize("css", ["h2 { letter-spacing: .4em }", "li { letter-spacing: 5pt }"])
async def test_letters_set_apart_are_named(prove: Prove, document: Documents, css: str) -> None:
    assert "BROKEN_WORDS" in codes(await prove(document("ada"), styled(css)))


async def test_fonts_drawn_as_shapes_are_named(prove: Prove, document: Documents) -> None:
    # A made-up bold of a face that has none.
    proof = await prove(document("lin-chinese"), styled("* { font-synthesis: weight !important; font-weight: 900 }"))
    assert "TYPE3_FONT" in codes(proof)


async def test_a_lost_link_is_named(prove: Prove, document: Documents) -> None:
    proof = await prove(document("ada"), lambda html: re.sub(r'href="(?:tel|mailto):[^"]*"', "", html))
    assert {(finding.code.value, finding.path) for finding in proof.findings} == {
        ("MISSING_LINK", "profile.email"),
        ("MISSING_LINK", "profile.phone"),
    }


async def test_a_link_that_is_not_safe_is_named(prove: Prove, document: Documents) -> None:
    proof = await prove(document("ada"), lambda html: html.replace("https://quillfeather.example", "javascript:x", 1))
    assert codes(proof) == {"UNSAFE_LINK", "MISSING_LINK"}


async def test_a_lost_title_language_and_structure_are_named(prove: Prove, document: Documents) -> None:
    def forget(html: str) -> str:
        return re.sub(r'<title>.*?</title>| lang="[^"]*"', "", html)

    proof = await prove(document("ada"), forget, finished=False, tagged=False)
    assert codes(proof) >= {"WRONG_TITLE", "WRONG_LANGUAGE", "NOT_TAGGED", "NO_OUTLINE"}


async def test_an_unknown_glyph_is_named_and_so_is_its_place(prove: Prove, document: Documents) -> None:
    data = document("ada")
    data["work"][0]["descriptionBullets"][1] += " \u16a0"
    proof = await prove(data, styled(" "))
    assert ("MISSING_GLYPH", "work[0].descriptionBullets[1]") in [(f.code.value, f.path) for f in proof.findings]
    assert proof.missing_glyphs == ("\u16a0",)


async def test_a_pdf_that_weighs_too_much_is_named(prove: Prove, document: Documents) -> None:
    noise = "".join(f'<path d="M{n % 97} {n % 89}L{n * 7919 % 613} {n * 104729 % 811}"/>' for n in range(30_000))
    drawing = f'<svg width="99" height="99" stroke="red" stroke-width=".1">{noise}</svg>'
    proof = await prove(document("bare"), lambda html: html.replace("</main>", f"{drawing}</main>", 1))
    assert codes(proof) == {"TOO_LARGE"}


async def test_lines_read_as_vertical_writing_are_named(prove: Prove) -> None:
    work = [{"company": "ACME", "role": "Dev", "startDate": "2020-01", "descriptionBullets": ["did things"]}] * 6
    data = {"profile": {"fullName": "X Y"}, "work": work, "education": [], "skills": []}
    proof = await prove(data, lambda html: html.replace(' class="narrow"', "", 1).replace("narrow", "", 1))
    assert codes(proof) & {"BROKEN_WORDS", "MISSING_TEXT", "TEXT_OUT_OF_ORDER"}


async def test_text_that_runs_off_the_paper_is_named(prove: Prove, document: Documents) -> None:
    """Chromium shrinks what is a little too wide, and leaves out letters that are far off."""
    proof = await prove(document("ada"), styled("li { white-space: nowrap; font-size: 60pt }"))
    assert codes(proof) & {"MISSING_TEXT", "OFF_PAGE"}


async def test_text_that_is_hidden_is_not_found(prove: Prove, document: Documents) -> None:
    proof = await prove(document("ada"), styled(".headline { visibility: hidden }"))
    assert ("MISSING_TEXT", "profile.headline") in [(f.code.value, f.path) for f in proof.findings]


EXTREMES: dict[str, dict[str, Any]] = {
    "no work at all": {"work": []},
    "sixty jobs": {
        "work": [
            {
                "role": f"Role {n}.",
                "company": f"Company {n}.",
                "startDate": f"{1960 + n}",
                "descriptionBullets": ["Did it"],
            }
            for n in range(60)
        ]
    },
    "three thousand words": {"summary": " ".join(f"word{n}" for n in range(3_000))},
    "a word of three hundred letters": {"summary": "x" * 300, "work": [{"role": "y" * 300, "company": "z" * 300}]},
    "every field null": {
        "summary": None,
        "work": [{"role": None, "company": None, "startDate": None, "descriptionBullets": None}],
        "projects": None,
        "settings": None,
        "appearance": None,
    },
    "emoji": {"summary": "Ships it \U0001f680 with a smile \U0001f642", "skills": [{"items": ["\U0001f40d Python"]}]},
    "controls": {
        "summary": "be\u0000fore \u0007and\u202e after\u200b it",
        "work": [{"role": "Le\u00adad", "company": "A\u2028B"}],
    },
    "PDF": {
        "profile": {
            "fullName": "/ToUnicode 99999 0 R",
            "links": [{"url": "https://x.example/Contents", "label": "/Contents 7 0 R"}],
        },
        "summary": "’μ",
        "work": [{"role": "<</Type /StructElem /S /NonStruct /P 5 0 R>>", "link": "https://x.example/(/URI(b)"}],
        "extras": [{"title": "endobj 5 0 obj endstream", "content": "<</Type /Page"}],
    },
    "addresses": {
        "profile": {
            "fullName": "Bo",
            "links": [
                {"url": "https://x.example/a|b"},
                {"url": "https://x.example/a\\b"},
                {"url": "https://x.example/{id}?q=[1]`^'#a|b'"},
                {"url": "https://x.example:443/a"},
                {"url": "http://x.example:80"},
                {"url": "https://x.example/a/../b/%2e"},
                {"url": "https://faß.example/ß?ß#ß"},
            ],
        }
    },
    "HTML and Markdown": {"summary": "<b>bold</b> &amp; **bold** [a](javascript:x) `code`\n- # no heading"},
    "typographic marks": {"summary": "The team’s “best” work – at a ½ of the price… naïve café №1 10 µm, 5 Ω, x² ≤ 3"},
    "two directions": {"summary": "Worked in תל אביב and دبي for 3 years"},
}


@pytest.mark.parametrize("name", EXTREMES)
async def test_extreme_documents_pass(renderer: Renderer, name: str) -> None:
    base = {"profile": {"fullName": "Bo Berg", "email": "bo@example.org"}, "work": [], "education": [], "skills": []}
    proof = (await renderer.render(base | EXTREMES[name])).proof
    assert proof is not None
    assert proof.findings == ()


async def test_the_verdict_travels_with_the_result_and_fits_into_json(renderer: Renderer, document: Documents) -> None:
    rendered = await renderer.render(document("ada"))
    assert rendered.proof is not None
    stored = json.loads(json.dumps(rendered.proof.to_json()))
    assert (stored["score"], stored["pageCount"], stored["byteSize"]) == (100, 2, len(rendered.content))
    assert stored["title"] == rendered.title
