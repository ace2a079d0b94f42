"""PDFs per second: ours against the ways of printing with Chromium, and against other engines.

The ways take turns in several rounds, and the ratios are those of one round, so that what else
happens on the machine meets all of them alike; printed is the median of the rounds.
"""

import asyncio
import json
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from dev.bench.engines import EngineMissing, typst, weasyprint
from dev.bench.ways import LANES, Work, browser_per_pdf, context_per_pdf, ours, print_only, warm_pages
from resumepair_renderer import RenderOptions, parse_document, render_html

DOCUMENT: Final = Path(__file__).parents[2] / "tests" / "documents" / "ada.json"
ROUNDS: Final = 5
IN_FLIGHT: Final = 2 * LANES
OURS: Final = "ours: document to verified bytes"
WARM: Final = "set_content + pdf on warm pages"
CONTEXT: Final = "a new context per PDF"
BROWSER: Final = "a browser per PDF"

# What has to hold of ours, by the way it is compared with.
GOALS: Final = {WARM: 0.8, CONTEXT: 3.0, BROWSER: 8.0}


@dataclass
class Way:
    """One way of making PDFs and what it reached, in PDFs per second, round by round."""

    name: str
    work: Work
    lanes: int = LANES
    rates: list[float] = field(default_factory=list[float])


async def compare_renderers(chromium: Path, seconds: float) -> None:
    """Print a table; every way works `seconds` in each of five rounds."""
    data = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    options = RenderOptions(page_size="A4")
    document = parse_document(data)
    html = render_html(document, options)
    on_screen = html.replace("display: none", "display: block").replace("display:none", "display:block")
    console = Console()
    async with AsyncExitStack() as stack:
        ways: list[Way] = []

        async def add(name: str, way: AbstractAsyncContextManager[Work], lanes: int = LANES) -> None:
            try:
                ways.append(Way(name, await stack.enter_async_context(way), lanes))
            except EngineMissing as error:
                console.print(f"{name}: not measured: {error}")

        await add(OURS, ours(chromium, data), IN_FLIGHT)
        await add("the same, with no more documents than pages", ours(chromium, data))
        await add("print only (the ceiling)", print_only(chromium, html))
        await add(WARM, warm_pages(chromium, on_screen))
        await add("the same, with ours that no screen shows", warm_pages(chromium, html))
        await add(CONTEXT, context_per_pdf(chromium, on_screen))
        await add(BROWSER, browser_per_pdf(chromium, on_screen))
        await add("WeasyPrint (same HTML)", weasyprint(html))
        await add("Typst (same texts)", typst(document))
        for _ in range(ROUNDS):
            for way in ways:
                way.rates.append(await _rate(way, seconds))
    console.print(_table(ways))


async def _rate(way: Way, seconds: float) -> float:
    """PDFs per second with every lane busy."""
    await asyncio.gather(*(way.work(lane) for lane in range(way.lanes)))
    begun = time.perf_counter()
    made = 0

    async def lane_works(lane: int) -> None:
        nonlocal made
        while time.perf_counter() - begun < seconds:
            await way.work(lane)
            made += 1

    await asyncio.gather(*(lane_works(lane) for lane in range(way.lanes)))
    return made / (time.perf_counter() - begun)


def _table(ways: list[Way]) -> Table:
    mine = next(way for way in ways if way.name == OURS)
    table = Table(
        title=f"one two-page résumé, printed {LANES} at a time, median of {ROUNDS} rounds",
        caption=f"ours has {IN_FLIGHT} documents in flight on {LANES} pages, as the worker has; rivals print the HTML "
        "as any page is, laid out for the screen, too",
    )
    for heading in ("way", "PDFs/s", "ours is", "goal"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for way in ways:
        ratio = median(ours_ / theirs for ours_, theirs in zip(mine.rates, way.rates, strict=True))
        table.add_row(
            way.name, f"{median(way.rates):.1f}", "" if way is mine else f"{ratio:.2f} ×", _verdict(way, ratio)
        )
    return table


def _verdict(way: Way, ratio: float) -> str:
    goal = GOALS.get(way.name)
    return "" if goal is None else f"≥ {goal:g} × {'met' if ratio >= goal else 'MISSED'}"
