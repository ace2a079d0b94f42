"""`make gallery`: every template with every sample document, as PDFs and pictures, and a page to look at them.

More samples: `python -m dev.gallery FOLDER...`; elsewhere: `--out FOLDER`.
"""

import argparse
import asyncio
import base64
import io
import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import pypdfium2 as pdfium
from jinja2 import Environment, FileSystemLoader, select_autoescape
from PIL import Image, ImageDraw

from dev.state import PROJECT
from resumepair_renderer import TEMPLATES, Renderer, RenderError, RendererSettings, RenderOptions
from resumepair_renderer.chromium import find_chromium
from resumepair_renderer.command.input import with_photo
from resumepair_renderer.pdfium_lock import PDFIUM
from resumepair_renderer.rendered import Rendered

SAMPLES: Final = PROJECT / "tests" / "documents"
INDEX: Final = "index.html"
OUT: Final = PROJECT / ".local" / "gallery"
WIDTH: Final = 760
MOST_PICTURES: Final = 6
"""Of one PDF: nobody looks at the fortieth page of sixty jobs."""

_AT_ONCE: Final = 4
_LAST: Final = frozenset({"bare", "extreme"})
_WITH_PHOTO: Final = frozenset({"haruka-japanese"})
"""Where a résumé is expected to have one; kept out of the documents, which people read."""


@dataclass(frozen=True)
class Sample:
    """A document of the gallery."""

    name: str
    data: dict[str, Any]

    @property
    def person(self) -> str:
        """Whose it is."""
        about = cast("dict[str, Any]", self.data.get("profile") or self.data.get("basics") or {})
        return str(about.get("fullName") or about.get("name") or self.name)

    def with_photo(self) -> "Sample":
        """The same person with a face."""
        return replace(self, data=with_photo(self.data, _avatar()))


@dataclass(frozen=True)
class Exhibit:
    """One document in one template: file names relative to the page, and what is known about them."""

    template: str
    pdf: str = ""
    pictures: tuple[str, ...] = ()
    page_count: int = 0
    kilobytes: int = 0
    score: int = 0
    problem: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the gallery."""
    parser = argparse.ArgumentParser(prog="python -m dev.gallery", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="folders with more documents (*.json)")
    parser.add_argument("--out", type=Path, default=OUT, help="where to (%(default)s)")
    parser.add_argument("--page-size", choices=("A4", "Letter"), help="instead of each document's own")
    parser.add_argument("--template", choices=tuple(TEMPLATES), action="append", help="this one only (repeatable)")
    chosen = parser.parse_args(arguments)
    chromium = find_chromium()
    if chromium is None:
        print("the gallery needs a headless Chromium: set CHROMIUM_PATH", file=sys.stderr)
        return 1
    samples = [sample for folder in (SAMPLES, *chosen.folders) for sample in _samples(folder)]
    options = [RenderOptions(name, chosen.page_size) for name in chosen.template or TEMPLATES]
    if chosen.out.exists() and not (chosen.out / INDEX).is_file() and any(chosen.out.iterdir()):
        print(f"{chosen.out} holds something else than a gallery: name another folder", file=sys.stderr)
        return 1
    shutil.rmtree(chosen.out, ignore_errors=True)
    chosen.out.mkdir(parents=True)
    page = asyncio.run(make(chromium, samples, options, chosen.out))
    print(f"{len(samples)} documents in {len(options)} templates: file://{page.resolve()}")
    return 0


async def make(chromium: Path, samples: Sequence[Sample], options: Sequence[RenderOptions], out: Path) -> Path:
    """Write PDFs, pictures and `index.html` into `out`; return the page's path."""
    turn = asyncio.Semaphore(_AT_ONCE)
    async with Renderer(RendererSettings(chromium)) as renderer:

        async def exhibit(sample: Sample, choice: RenderOptions) -> Exhibit:
            async with turn:
                return await _exhibit(renderer, sample, choice, out)

        rows = await asyncio.gather(
            *(asyncio.gather(*(exhibit(sample, choice) for choice in options)) for sample in samples)
        )
    return _write_page(out, samples, [TEMPLATES[str(choice.template)] for choice in options], rows)


async def _exhibit(renderer: Renderer, sample: Sample, choice: RenderOptions, out: Path) -> Exhibit:
    template = str(choice.template)
    try:
        rendered = await renderer.render(sample.data, choice)
    except RenderError as error:
        return Exhibit(template, problem=str(error))
    return await asyncio.to_thread(_keep, rendered, f"{sample.name}-{template}", out)


def _keep(rendered: Rendered, name: str, out: Path) -> Exhibit:
    (out / f"{name}.pdf").write_bytes(rendered.content)
    pictures: list[str] = []
    for number, picture in enumerate(_pictures(rendered.content), start=1):
        pictures.append(f"{name}-{number}.png")
        (out / pictures[-1]).write_bytes(picture)
    findings = rendered.proof.findings if rendered.proof else ()
    return Exhibit(
        template=rendered.template,
        pdf=f"{name}.pdf",
        pictures=tuple(pictures),
        page_count=rendered.page_count or 0,
        kilobytes=round(rendered.byte_size / 1024),
        score=rendered.proof.score if rendered.proof else 0,
        problem="; ".join(finding.message for finding in findings[:3]),
    )


def _pictures(content: bytes) -> Iterable[bytes]:
    """The first pages as PNGs."""
    with PDFIUM:
        document = pdfium.PdfDocument(content)
        try:
            images = [_picture(document[index]) for index in range(min(len(document), MOST_PICTURES))]
        finally:
            document.close()
    return images


def _picture(page: pdfium.PdfPage) -> bytes:
    bitmap = cast("pdfium.PdfBitmap", page.render(scale=WIDTH / page.get_width()))  # pyright: ignore[reportUnknownMemberType]
    file = io.BytesIO()
    bitmap.to_pil().convert("RGB").quantize(128).save(file, "PNG")  # pyright: ignore[reportUnknownMemberType]
    return file.getvalue()


def _samples(folder: Path) -> Iterable[Sample]:
    for path in sorted(folder.glob("*.json"), key=lambda path: (path.stem in _LAST, path.stem)):
        sample = Sample(path.stem, json.loads(path.read_text(encoding="utf-8")))
        yield sample.with_photo() if folder == SAMPLES and path.stem in _WITH_PHOTO else sample


def _avatar() -> str:
    """Nobody's face, as a data: URI of a JPEG: a head and shoulders before a wall."""
    image = Image.new("RGB", (1200, 1200), "#c9d3da")
    pen = ImageDraw.Draw(image)
    pen.ellipse((180, 810, 1020, 1700), fill="#33475b")
    pen.rounded_rectangle((505, 640, 695, 900), radius=95, fill="#d9a98a")
    pen.ellipse((370, 210, 830, 640), fill="#2b2422")
    pen.ellipse((410, 290, 790, 760), fill="#e6bb9d")
    pen.chord((395, 240, 805, 560), 185, 355, fill="#2b2422")
    file = io.BytesIO()
    image.reduce(3).save(file, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _write_page(out: Path, samples: Sequence[Sample], templates: Sequence[Any], rows: Sequence[Any]) -> Path:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape(default=True), trim_blocks=True
    )
    page = out / INDEX
    rendered = environment.get_template("gallery.html.j2").render(
        templates=templates, rows=list(zip(samples, rows, strict=True))
    )
    page.write_text(rendered, encoding="utf-8")
    return page


if __name__ == "__main__":
    sys.exit(main())
