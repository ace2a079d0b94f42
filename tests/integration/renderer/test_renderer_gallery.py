"""The gallery: a page with every template and every sample, whose links lead somewhere."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dev.gallery import Sample, make
from resumepair_renderer import RenderOptions

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
