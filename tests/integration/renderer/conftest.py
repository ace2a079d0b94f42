"""Real Chromium for the renderer's tests, and readers for what comes out of it."""

import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest
import pytest_asyncio

from resumepair_renderer import Renderer, RendererSettings

DOCUMENTS = Path(__file__).parents[2] / "documents"


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    found = os.environ.get("CHROMIUM_PATH") or shutil.which("chromium-headless-shell")
    assert found, "these tests need chromium-headless-shell, or CHROMIUM_PATH"
    return Path(found)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def renderer(chromium_path: Path) -> AsyncIterator[Renderer]:
    async with Renderer(RendererSettings(chromium_path)) as renderer:
        yield renderer


@pytest.fixture(scope="session")
def document() -> Callable[[str], dict[str, Any]]:
    """A sample document by its name."""

    def load(name: str) -> dict[str, Any]:
        data: dict[str, Any] = json.loads((DOCUMENTS / f"{name}.json").read_text(encoding="utf-8"))
        return data

    return load


@pytest.fixture(scope="session")
def pages_of() -> Callable[[bytes], list[str]]:
    """The text of every page of a PDF, in the order in which a reader finds it."""

    def read(content: bytes) -> list[str]:
        with pdfium.PdfDocument(content) as pdf:
            return [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in pdf]

    return read
