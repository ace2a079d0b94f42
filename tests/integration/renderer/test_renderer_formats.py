"""One model, one call, six formats."""

import asyncio
import base64
import hashlib
import io
import json
from collections.abc import Callable
from typing import Any

import pypdfium2 as pdfium
import pytest
from PIL import Image

from resumepair_renderer import Format, InvalidOptions, Renderer, RenderOptions, compose
from resumepair_renderer.compose import BROWSERLESS
from resumepair_renderer.formats.png import first_page

pytestmark = pytest.mark.asyncio(loop_scope="session")

STARTS = {
    Format.PDF: b"%PDF-",
    Format.PNG: b"\x89PNG\r\n",
    Format.HTML: b"<!doctype html>",
    Format.TXT: b"Ada Quillfeather\n",
    Format.DOCX: b"PK\x03\x04",
    Format.JSON: b"{\n",
}
Documents = Callable[[str], dict[str, Any]]


def photo() -> str:
    file = io.BytesIO()
    Image.radial_gradient("L").resize((600, 800)).convert("RGB").save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def with_photo(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "profile": {**data["profile"], "photo": photo()}}


@pytest.mark.parametrize("wanted", list(Format))
async def test_every_format_comes_from_the_same_call(renderer: Renderer, document: Documents, wanted: Format) -> None:
    rendered = await renderer.render(document("ada"), RenderOptions(format=wanted))
    assert rendered.content.startswith(STARTS[wanted])
    assert rendered.format is wanted
    assert rendered.file_name == f"ada-quillfeather-resume.{wanted}"
    assert rendered.sha256 == hashlib.sha256(rendered.content).hexdigest()
    assert rendered.byte_size == len(rendered.content)
    assert (rendered.page_count is None) == (wanted in BROWSERLESS)


@pytest.mark.parametrize("wanted", list(Format))
async def test_the_same_document_gives_the_same_bytes(renderer: Renderer, document: Documents, wanted: Format) -> None:
    options = RenderOptions(format=wanted)
    data = with_photo(document("ada"))
    first, second = [await renderer.render(data, options) for _ in range(2)]
    assert first.sha256 == second.sha256


@pytest.mark.parametrize("wanted", [Format.PDF, Format.PNG])
async def test_what_needs_a_browser_is_not_composed(document: Documents, wanted: Format) -> None:
    with pytest.raises(InvalidOptions, match="needs a browser"):
        compose(document("ada"), RenderOptions(format=wanted))


async def test_the_picture_is_of_the_first_page(renderer: Renderer, document: Documents) -> None:
    data = document("ada")
    pdf = (await renderer.render(data)).content
    picture = await renderer.render(data, RenderOptions(format=Format.PNG))
    assert picture.content == await asyncio.to_thread(first_page, pdf)
    with Image.open(io.BytesIO(picture.content)) as image, pdfium.PdfDocument(pdf) as opened:
        width, height = opened[0].get_size()
        assert image.mode == "RGB"
        assert image.width == 1_000
        assert abs(image.height - 1_000 * height / width) <= 1
        assert image.convert("L").getextrema() != (255, 255)


async def test_a_photo_is_in_the_pdf_once_and_small(renderer: Renderer, document: Documents) -> None:
    plain = await renderer.render(document("ada"))
    rendered = await renderer.render(with_photo(document("ada")))
    assert rendered.warnings == plain.warnings
    assert rendered.byte_size - plain.byte_size < 45_000
    with pdfium.PdfDocument(rendered.content) as pdf:
        images = [thing for page in pdf for thing in page.get_objects() if isinstance(thing, pdfium.PdfImage)]
        assert [image.get_px_size() for image in images] == [(400, 400)]


@pytest.mark.parametrize("wanted", [Format.PDF, Format.HTML, Format.TXT])
async def test_a_photo_that_is_left_out_is_a_warning(renderer: Renderer, document: Documents, wanted: Format) -> None:
    data = document("otto-json-resume")
    data["basics"]["image"] = "https://127.0.0.1/otto.jpg"
    rendered = await renderer.render(data, RenderOptions(format=wanted))
    assert [warning.path for warning in rendered.warnings] == ["basics.image"]
    assert b"127.0.0.1" not in rendered.content


async def test_json_resume_renders_to_the_same_page_as_what_it_was_made_from(
    renderer: Renderer, document: Documents, pages_of: Callable[[bytes], list[str]]
) -> None:
    data = document("ada")
    written = compose(data, RenderOptions(format=Format.JSON)).content
    there, back = [await renderer.render(version) for version in (data, json.loads(written))]
    assert pages_of(there.content) == pages_of(back.content)
