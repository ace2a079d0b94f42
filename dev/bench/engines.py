"""Other engines, for comparison: WeasyPrint on the same HTML, Typst on a source that says the same.

Both work in processes of their own, one for each lane, since they keep a core busy. An engine that
does not run on this machine is left out, with the reason.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing import get_context
from typing import Final

from dev.bench.ways import LANES, Work
from resumepair_renderer import ResumeDocument

_ROUND: Final = re.compile(r"round\(((?:[^()]|\([^()]*\))*), \.25px\)")  # which WeasyPrint does not know


class EngineMissing(Exception):
    """The engine does not run here; the message says why."""


@asynccontextmanager
async def weasyprint(html: str) -> AsyncGenerator[Work]:
    """WeasyPrint, in process.

    Raises:
        EngineMissing: it, or the libraries of the system that it needs, are not there.
    """
    async with _in_processes(partial(_weasyprint, _ROUND.sub(r"\1", html))) as work:
        yield work


@asynccontextmanager
async def typst(document: ResumeDocument) -> AsyncGenerator[Work]:
    """Typst, in process.

    Raises:
        EngineMissing: it is not there.
    """
    async with _in_processes(partial(_typst, typst_source(document).encode())) as work:
        yield work


@asynccontextmanager
async def _in_processes(make: Callable[[], bytes]) -> AsyncGenerator[Work]:
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(LANES, mp_context=get_context("spawn")) as processes:

        async def work(_: int) -> object:
            return await loop.run_in_executor(processes, make)

        try:
            await asyncio.gather(*(work(lane) for lane in range(LANES)))
        except (ImportError, OSError) as error:
            raise EngineMissing(str(error).partition("\n")[0]) from error
        yield work


def _weasyprint(html: str) -> bytes:
    from weasyprint import HTML  # noqa: PLC0415  (loads the system's Pango, which may be missing)

    content: bytes = HTML(string=html).write_pdf()
    return content


def _typst(source: bytes) -> bytes:
    import typst  # noqa: PLC0415  (only `make bench` installs it)

    content: bytes = typst.compile(source)
    return content


def typst_source(document: ResumeDocument) -> str:
    """The document as Typst markup, in a plain layout of one column: what fills its two pages."""
    profile = document.profile
    lines = [
        '#set page(paper: "a4", margin: 19mm)',
        "#set text(size: 10pt)",
        f"= {_quoted(profile.full_name)}",
        _quoted(profile.headline),
        "",
        _quoted(document.summary),
        "== Experience",
    ]
    for work in document.work:
        lines += [f"=== {_quoted(work.role)}", f"{_quoted(work.company)} {_quoted(work.location)}", ""]
        lines += [f"- {_quoted(bullet)}" for bullet in (*work.description_bullets, *work.achievements)]
        lines += [_quoted(", ".join(work.tech_stack))]
    lines.append("== Projects")
    for project in document.projects:
        lines += [f"=== {_quoted(project.name)}", _quoted(project.summary), ""]
        lines += [f"- {_quoted(bullet)}" for bullet in project.bullets]
    lines.append("== Education")
    for school in document.education:
        lines += [f"=== {_quoted(school.school)}", f"{_quoted(school.degree)} {_quoted(school.field)}", ""]
        lines += [f"- {_quoted(detail)}" for detail in school.details]
    lines.append("== Skills")
    lines += [
        f"*{_quoted(group.category)}* {_quoted(', '.join(item.name for item in group.items))}\n"
        for group in document.skills
    ]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """`text` as a Typst expression, so that nothing in it is markup."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'#"{escaped}"' if text else ""
