"""The pool: what happens to pages and browsers when renders are cancelled, hang, crash or wear out."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resumepair_renderer import (
    BrowserUnavailable,
    Renderer,
    RendererSettings,
    RenderTimeout,
    parse_document,
    render_html,
)
from resumepair_renderer.options import RenderOptions
from resumepair_renderer.pages import PagePool
from resumepair_renderer.warm_page import WarmPage

Documents = Callable[[str], dict[str, Any]]
Pages = Callable[[bytes], list[str]]

NEXT = "<p>Next one"


@pytest.fixture(scope="module")
def slow(document: Documents) -> str:
    """HTML that takes long enough to be interrupted."""
    return render_html(parse_document(document("extreme")), RenderOptions())


async def begin(pool: PagePool, html: str) -> asyncio.Task[bytes]:
    """A print that has its page and is under way."""
    task = asyncio.create_task(pool.use(html, WarmPage.to_pdf, 10))
    while not pool._busy:  # noqa: ASYNC110  (the pool is not to know that it is watched)
        await asyncio.sleep(0)
    return task


async def settled(pool: PagePool) -> None:
    while pool._chores:
        await asyncio.wait(pool._chores)


def browser_pid(pool: PagePool) -> int:
    assert pool._browser is not None
    assert pool._browser.pid is not None
    return pool._browser.pid


async def test_a_killed_browser_costs_the_render_on_it_and_no_other(
    chromium_path: Path, slow: str, pages_of: Pages
) -> None:
    async with PagePool(chromium_path, 2) as pool:
        printing = await begin(pool, slow)
        os.kill(browser_pid(pool), signal.SIGKILL)
        with pytest.raises(BrowserUnavailable):
            await printing
        assert pages_of(await pool.use(NEXT, WarmPage.to_pdf, 10)) == ["Next one"]


async def test_a_browser_killed_between_renders_costs_none(chromium_path: Path, pages_of: Pages) -> None:
    async with PagePool(chromium_path, 1) as pool:
        assert pool._browser is not None
        gone = asyncio.Event()
        pool._browser._chromium.on("disconnected", lambda _: gone.set())
        os.kill(browser_pid(pool), signal.SIGKILL)
        await gone.wait()
        assert pages_of(await pool.use(NEXT, WarmPage.to_pdf, 10)) == ["Next one"]


@pytest.mark.parametrize("turns", [0, 1, 3, 10, 40])
async def test_a_cancelled_render_leaves_a_clean_page(
    chromium_path: Path, slow: str, pages_of: Pages, turns: int
) -> None:
    async with PagePool(chromium_path, 1) as pool:
        printing = await begin(pool, slow)
        for _ in range(turns):
            await asyncio.sleep(0)
        printing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await printing
        assert pages_of(await pool.use(NEXT, WarmPage.to_pdf, 10)) == ["Next one"]
        await settled(pool)
        assert (len(pool._idle), len(pool._busy)) == (1, 0)


async def test_cancelling_those_who_wait_loses_no_page(chromium_path: Path, slow: str) -> None:
    async with PagePool(chromium_path, 1) as pool:
        printing = await begin(pool, slow)
        waiting = [asyncio.create_task(pool.use(NEXT, WarmPage.to_pdf, 10)) for _ in range(5)]
        await asyncio.sleep(0)
        for task in waiting[:4]:
            task.cancel()
        assert (await printing).startswith(b"%PDF")
        assert (await waiting[4]).startswith(b"%PDF")
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_hung_browser_is_replaced_after_the_time_limit(chromium_path: Path, pages_of: Pages) -> None:
    async with PagePool(chromium_path, 1) as pool:
        hung = browser_pid(pool)
        os.kill(hung, signal.SIGSTOP)
        with pytest.raises(RenderTimeout):
            await pool.use(NEXT, WarmPage.to_pdf, 0.2)
        assert pages_of(await pool.use(NEXT, WarmPage.to_pdf, 10)) == ["Next one"]
        assert browser_pid(pool) != hung


async def test_a_hung_page_costs_one_render_and_not_the_browser(chromium_path: Path, pages_of: Pages) -> None:
    async with PagePool(chromium_path, 1) as pool:
        survivor = browser_pid(pool)
        for process in await renderer_processes(pool):
            os.kill(process, signal.SIGSTOP)
        with pytest.raises(RenderTimeout):
            await pool.use(NEXT, WarmPage.to_pdf, 0.2)
        assert pages_of(await pool.use(NEXT, WarmPage.to_pdf, 10)) == ["Next one"]
        assert browser_pid(pool) == survivor


async def test_a_crashed_page_costs_one_render_and_not_the_browser(
    chromium_path: Path, slow: str, pages_of: Pages
) -> None:
    async with PagePool(chromium_path, 1) as pool:
        survivor = browser_pid(pool)
        victims = await renderer_processes(pool)
        printing = await begin(pool, slow)
        for process in victims:
            os.kill(process, signal.SIGKILL)
        with pytest.raises(BrowserUnavailable):
            await printing
        assert pages_of(await pool.use(NEXT, WarmPage.to_pdf, 10)) == ["Next one"]
        assert browser_pid(pool) == survivor


async def renderer_processes(pool: PagePool) -> list[int]:
    assert pool._browser is not None
    session = await pool._browser._chromium.new_browser_cdp_session()
    answer = await session.send("SystemInfo.getProcessInfo")
    await session.detach()
    return [int(process["id"]) for process in answer["processInfo"] if process["type"] == "renderer"]


async def test_worn_pages_and_browsers_are_replaced_while_printing_goes_on(
    chromium_path: Path, pages_of: Pages
) -> None:
    async with PagePool(chromium_path, 2, renders_per_page=3, renders_per_browser=10) as pool:
        first = browser_pid(pool)
        for round_ in range(15):
            printed = await asyncio.gather(*(pool.use(f"<p>Print {round_}.{n}", WarmPage.to_pdf, 10) for n in range(2)))
            assert [pages_of(content) for content in printed] == [[f"Print {round_}.{n}"] for n in range(2)]
        await settled(pool)
        assert browser_pid(pool) != first
        assert len(pool._browsers) == 1
        assert len(pool._idle) == 2
        assert not process_exists(first)


async def test_a_page_wears_out_by_cancelled_renders_too(chromium_path: Path, slow: str) -> None:
    async with PagePool(chromium_path, 1, renders_per_page=2) as pool:
        first = pool._idle[0]
        await pool.use(NEXT, WarmPage.to_pdf, 10)
        printing = await begin(pool, slow)
        printing.cancel()
        await asyncio.gather(printing, return_exceptions=True)
        await settled(pool)
        await pool.use(NEXT, WarmPage.to_pdf, 10)
        await settled(pool)
        assert first.page.is_closed()
        assert (len(pool._idle), len(pool._busy)) == (1, 0)


async def test_leaving_ends_the_browser_even_in_mid_render(chromium_path: Path, slow: str) -> None:
    async with PagePool(chromium_path, 1) as pool:
        pid = browser_pid(pool)
        printing = await begin(pool, slow)
    with contextlib.suppress(BrowserUnavailable):
        await printing
    assert not process_exists(pid)
    with pytest.raises(BrowserUnavailable, match="closed"):
        await pool.use(NEXT, WarmPage.to_pdf, 10)


async def test_a_missing_browser_is_said_at_once(tmp_path: Path) -> None:
    renderer = Renderer(RendererSettings(tmp_path / "no-such-chromium"))
    with pytest.raises(BrowserUnavailable, match="did not start"):
        await renderer.__aenter__()


def process_exists(pid: int) -> bool:
    """Whether a process runs; the dead that nobody has buried yet do not count."""
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
