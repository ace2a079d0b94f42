"""Memory over many renders: what this process, the browser's driver and the browser hold, as a curve."""

import asyncio
import gc
import json
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console

from dev.bench.rendering import DOCUMENT
from dev.bench.ways import LANES
from resumepair_renderer import Renderer, RendererSettings

POINTS: Final = 10
BAR: Final = 50


async def memory_curve(chromium: Path, renders: int) -> None:
    """Render `renders` times and print the resident memory along the way, in MB."""
    data = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    console = Console()
    console.print(f"\nmemory over {renders} renders")
    async with Renderer(RendererSettings(chromium, pages=LANES)) as renderer:
        held: list[float] = []
        for point in range(POINTS + 1):
            if point:
                await _render(renderer, data, renders // POINTS)
            gc.collect()
            held.append(_megabytes())
            console.print(f"{point * renders // POINTS:6} {held[-1]:7.0f} MB {'█' * round(held[-1] / max(held) * BAR)}")
        # The first tenth fills caches; from then on the curve has to stay where it is.
        console.print(f"last tenth against the first: {held[-1] / held[1]:.2f} ×")


async def _render(renderer: Renderer, data: dict[str, object], count: int) -> None:
    left = iter(range(count))

    async def lane() -> None:
        for _ in left:
            await renderer.render(data)

    await asyncio.gather(*(lane() for _ in range(LANES)))


def _megabytes() -> float:
    """Resident memory of this process and all below it, in 10⁶ bytes; shared pages divided by their users."""
    process = psutil.Process()
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total / 1e6
