"""How densely a document is set: made to end on one page if asked, and never with a page of two lines.

Everything happens on the page where the document is loaded: custom properties of the root element
carry what may change (see print.css), and the height is measured before anything is printed anew.
The search is bounded: at most eight measurements and ten prints, and mostly it is one print.
"""

import asyncio
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from typing import Final, Protocol

from resumepair_renderer.options import Fit
from resumepair_renderer.tail import pages_and_last_lines

LEAST_SPACING: Final = 0.5
LEAST_MARGIN: Final = 12.0
"""Millimetres; more than any printer needs, and still a margin."""

LEAST_FONT_SIZE: Final = 8.0
"""Points. The legibility floor: smaller print is for footnotes."""

LEAST_LINE_HEIGHT: Final = 1.15
LEAST_LINE_HEIGHT_OF_TALL_SCRIPTS: Final = 1.3
TAIL_LINES: Final = 10
"""A last page with no more lines than this, its footer not counted, is pulled onto the page before."""

_STEPS: Final = 40
_PRINTS: Final = 3
_GENTLE: Final = (3, 8, 12)
_LESS_GENTLE: Final = (*_GENTLE, 16, 20)
_LOOSER: Final = 1.25
_PIXELS: Final = 96 / 25.4
_SIZE_GRID: Final = 3 / 16  # points: a quarter of a pixel
_SLACK_PIXELS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Density:
    """Spacing between blocks (1 is what the template says), line height, font size in points, margin in millimetres."""

    spacing: float
    line_height: float
    font_size: float
    margin: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is set on the first page, in millimetres, and the density that was designed for it.

    `margins` says how many margins the width and the height are short of the paper's: none where a
    template sets its text to the edge and makes room itself.
    """

    width: float
    height: float
    margins: tuple[int, int]
    density: Density
    is_tall_script: bool = False
    is_dense: bool = False
    """Made to hold much: less space is no blemish."""

    wishes: frozenset[str] = frozenset()
    """The fields of the density that the document itself asks for: kept unless it is to be fitted."""

    def area(self, density: Density) -> tuple[float, float]:
        """Width and height in CSS pixels, in this density."""
        gained = self.density.margin - density.margin
        across, down = self.margins
        return (self.width + across * gained) * _PIXELS, (self.height + down * gained) * _PIXELS


@dataclass(frozen=True, slots=True)
class FitReport:
    """What was asked, whether the document now ends where it should, and the density it is printed in.

    What could not be fitted is printed as if nothing had been asked.
    """

    requested: Fit
    fitted: bool
    density: Density

    def to_json(self) -> dict[str, object]:
        """What it says, ready for JSON, with the names of the API."""
        return {
            "requested": self.requested.value,
            "fitted": self.fitted,
            "spacing": self.density.spacing,
            "lineHeight": self.density.line_height,
            "fontSize": self.density.font_size,
            "margin": self.density.margin,
        }


class Loaded(Protocol):
    """A page that has the document loaded."""

    async def measure(self, width: float, density: Density) -> float:
        """The height in pixels of the whole document, set in a column of this width."""
        ...

    async def set_density(self, density: Density) -> None:
        """Set the document anew."""
        ...

    async def to_pdf(self) -> bytes:
        """Print it as it is set."""
        ...


async def print_fitted(page: Loaded, sheet: Sheet, fit: Fit) -> tuple[bytes, FitReport | None]:
    """Print what is loaded; the report is None when nothing was asked and nothing changed."""
    if fit is Fit.ONE_PAGE:
        return await _on_one_page(page, sheet)
    return await _without_tail(page, sheet)


async def _on_one_page(page: Loaded, sheet: Sheet) -> tuple[bytes, FitReport]:
    step = await _loosest_step(page, sheet)
    if step is not None:
        tighter = dict.fromkeys(_density(sheet, tried) for tried in range(step, _STEPS + 1))
        for density in islice(tighter, _PRINTS):
            await page.set_density(density)
            content = await page.to_pdf()
            if (await _pages_of(content))[0] == 1:
                return content, FitReport(Fit.ONE_PAGE, fitted=True, density=density)
    await page.set_density(sheet.density)
    content, report = await _without_tail(page, sheet)
    return content, FitReport(Fit.ONE_PAGE, fitted=False, density=report.density if report else sheet.density)


async def _loosest_step(page: Loaded, sheet: Sheet) -> int | None:
    """The first step whose measured height fits; None when not even the tightest does."""

    async def fits(step: int) -> bool:
        density = _density(sheet, step)
        width, height = sheet.area(density)
        return await page.measure(width, density) <= height + _SLACK_PIXELS

    if await fits(0):
        return 0
    if not await fits(_STEPS):
        return None
    too_loose, fitting = 0, _STEPS
    while fitting - too_loose > 1:
        middle = (too_loose + fitting) // 2
        if await fits(middle):
            fitting = middle
        else:
            too_loose = middle
    return fitting


async def _without_tail(page: Loaded, sheet: Sheet) -> tuple[bytes, FitReport | None]:
    """Print; if the last page holds next to nothing, print a little tighter, or looser if that is not enough."""
    content = await page.to_pdf()
    pages, lines = await _pages_of(content)
    if pages == 1 or lines > TAIL_LINES:
        return content, None
    looser = replace(sheet.density, spacing=_LOOSER)
    steps = _LESS_GENTLE if sheet.is_dense else _GENTLE
    for density in (*(_kept(sheet, _density(sheet, step)) for step in steps), looser):
        await page.set_density(density)
        other = await page.to_pdf()
        other_pages, other_lines = await _pages_of(other)
        if other_pages < pages or (other_pages == pages and other_lines > TAIL_LINES):
            return other, FitReport(Fit.NONE, fitted=True, density=density)
    return content, None


def _density(sheet: Sheet, step: int) -> Density:
    """Step 0 is the design; the first half of the steps takes out space, the second half shrinks the type."""
    designed = sheet.density
    least_leading = LEAST_LINE_HEIGHT_OF_TALL_SCRIPTS if sheet.is_tall_script else LEAST_LINE_HEIGHT
    half = _STEPS / 2
    air, type_ = min(step / half, 1), max(step / half - 1, 0)
    return Density(
        spacing=round(1 - air * (1 - LEAST_SPACING), 3),
        line_height=_towards(designed.line_height, least_leading, air),
        font_size=_on_grid(_towards(designed.font_size, LEAST_FONT_SIZE, type_)) if type_ else designed.font_size,
        margin=_towards(designed.margin, LEAST_MARGIN, air),
    )


def _kept(sheet: Sheet, density: Density) -> Density:
    """`density` with what the document itself asks for."""
    return replace(density, **{field: getattr(sheet.density, field) for field in sheet.wishes})


def _on_grid(points: float) -> float:
    """The least size that is set as it stands (see `print.css`) and not below `points`."""
    return ceil(points / _SIZE_GRID) * _SIZE_GRID


def _towards(value: float, floor: float, part: float) -> float:
    return round(value - max(value - floor, 0) * part, 3)


async def _pages_of(content: bytes) -> tuple[int, int]:
    return await asyncio.to_thread(pages_and_last_lines, content)
