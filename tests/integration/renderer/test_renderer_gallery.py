"""The gallery: a page with every template and every sample, whose links lead somewhere."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright

from dev.gallery import Sample, make
from resumepair_renderer import TEMPLATES, RenderOptions

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_every_template_and_document_is_on_the_page(
    chromium_path: Path, document: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    samples = [Sample("ada", document("ada")), Sample("broken", {"profile": 1})]
    page = await make(chromium_path, samples, [RenderOptions("classic"), RenderOptions("sidebar")], tmp_path)
    html = page.read_text(encoding="utf-8")
    linked = set(re.findall(r'(?:href|src)="([^"]+)"', html))
    assert {"ada-classic.pdf", "ada-sidebar.pdf", "ada-classic-1.png", "ada-sidebar-2.png"} <= linked
    assert all((tmp_path / name).stat().st_size for name in linked)
    assert "Ada Quillfeather" in html
    assert "expected an object" in html


async def test_a_sample_may_be_given_a_photo(
    chromium_path: Path, document: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    samples = [Sample("haruka", document("haruka-japanese")).with_photo()]
    await make(chromium_path, samples, [RenderOptions("classic")], tmp_path)
    assert re.search(rb"/Subtype ?/Image", (tmp_path / "haruka-classic.pdf").read_bytes())


async def test_all_templates_are_in_sight_and_their_names_stay(
    chromium_path: Path, document: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    page = await make(
        chromium_path, [Sample("ada", document("ada"))], [RenderOptions(name) for name in TEMPLATES], tmp_path
    )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, chromium_sandbox=False)
        tab = await browser.new_page(viewport={"width": 1440, "height": 300})
        await tab.goto(page.as_uri())
        assert await tab.evaluate("document.documentElement.scrollWidth") == 1440
        top = "window.scrollTo(0, 500), document.querySelector('thead th').getBoundingClientRect().top"
        assert await tab.evaluate(top) == 0
        widths = (
            "[...document.querySelectorAll('tbody td')].map(cell => [...cell.querySelectorAll('img')].at(-1).width)"
        )
        assert min(await tab.evaluate(widths)) >= 80
        await browser.close()
