"""`resumepair-render`: documents in, files out, without database or queue."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from resumepair_renderer.command.input import read_photo
from resumepair_renderer.command.press import Failure, Outcome, Press, open_press
from resumepair_renderer.command.report import JsonReport, PeopleReport, Report
from resumepair_renderer.command.task import DASH, Task, UsageProblem, format_for, plan
from resumepair_renderer.command.watch import saved_files, touched
from resumepair_renderer.errors import BrowserUnavailable, InvalidOptions
from resumepair_renderer.options import Fit, Format, RenderOptions
from resumepair_renderer.templates import DEFAULT_TEMPLATE, TEMPLATES

FAILED: Final = 1
MISUSED: Final = 2
BROKEN: Final = 70
INTERRUPTED: Final = 130
TERMINATED: Final = 143

_PAGES: Final = min(max(os.cpu_count() or 0, 2), 8)
_BINARY: Final = frozenset({Format.PDF, Format.PNG, Format.DOCX})

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class _PageSize(StrEnum):
    A4 = "A4"
    LETTER = "Letter"


class _Fit(StrEnum):
    NONE = "none"
    ONE_PAGE = "one-page"


_FITS: Final = {_Fit.NONE: Fit.NONE, _Fit.ONE_PAGE: Fit.ONE_PAGE}


def main() -> None:
    """The command. Whatever happens, people get a line and no traceback."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 -- the last one to hear of it
        _complain(f"this is a mistake of ours: {type(error).__name__}: {error}")
        sys.exit(BROKEN)


def _list_templates(wanted: bool) -> None:
    if wanted:
        table = Table(box=None, pad_edge=False, show_header=False)
        for template in TEMPLATES.values():
            table.add_row(template.name, template.description)
        Console(highlight=False).print(table)
        raise typer.Exit


@app.command()
def render(  # noqa: PLR0917 -- to typer they are all named
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE|FOLDER|-", help="Documents: .json files, folders of them, or - for standard input."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write, a folder for several, or - for standard output."),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option("--template", "-t", help=f"{', '.join(TEMPLATES)}; else the document's, else {DEFAULT_TEMPLATE}."),
    ] = None,
    chosen: Annotated[
        Format | None,
        typer.Option("--format", "-f", case_sensitive=False, help="Else the one of the output's extension, else pdf."),
    ] = None,
    page_size: Annotated[
        _PageSize | None, typer.Option(case_sensitive=False, help="Else the document's, else that of its country.")
    ] = None,
    fit: Annotated[
        _Fit, typer.Option(case_sensitive=False, help="one-page: as small as can be read, to fit.")
    ] = _Fit.NONE,
    photo: Annotated[Path | None, typer.Option(help="A picture to use as the photo.")] = None,
    pages: Annotated[int, typer.Option(min=1, max=16, help="How many to print at the same time.")] = _PAGES,
    proof: Annotated[
        bool, typer.Option("--proof", help="Say how each PDF was judged; fail if one did not pass.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON, a line for each document.")] = False,
    watching: Annotated[
        bool, typer.Option("--watch", "-w", help="Render again when a document or a template is saved.")
    ] = False,
    list_templates: Annotated[
        bool, typer.Option("--list-templates", is_eager=True, callback=_list_templates, help="The templates there are.")
    ] = False,
) -> None:
    """Render résumés (canonical documents or JSON Resume) as PDF, PNG, HTML, text, DOCX or JSON Resume."""
    del list_templates
    try:
        errand = _Errand(
            sources=tuple(sources or ()),
            output=output,
            options=RenderOptions(
                template=template,
                page_size=page_size.value if page_size else None,
                format=format_for(output, chosen),
                fit=_FITS[fit],
            ),
            photo=read_photo(photo) if photo else "",
            pages=pages,
            needs_pass=proof,
            is_watching=watching,
        )
        errand.check(reports_to_stdout=as_json)
        report = JsonReport() if as_json else PeopleReport(Console(stderr=True), shows_proof=proof)
        status = asyncio.run(errand.run(report))
    except (UsageProblem, InvalidOptions) as problem:
        _complain(str(problem))
        status = MISUSED
    except BrowserUnavailable as problem:
        _complain(str(problem))
        status = FAILED
    except KeyboardInterrupt:
        status = 0 if watching else INTERRUPTED
    except asyncio.CancelledError:
        status = TERMINATED
    raise typer.Exit(status)


@dataclass(frozen=True)
class _Errand:
    """Everything that was asked for."""

    sources: tuple[Path, ...]
    output: Path | None
    options: RenderOptions
    photo: str
    pages: int
    needs_pass: bool
    is_watching: bool

    def check(self, *, reports_to_stdout: bool) -> None:
        """Refuse what cannot work before anything is started."""
        if not self.sources:
            raise UsageProblem("name a document, a folder of them, or - for standard input; --help says more")
        if self.is_watching and DASH in self.sources:
            raise UsageProblem("standard input cannot be watched")
        tasks = self.plan()
        if not tasks:
            raise UsageProblem(f"{', '.join(map(str, self.sources))}: there is no .json in it")
        if any(task.target == DASH for task in tasks):
            if reports_to_stdout:
                raise UsageProblem("the document and --json cannot both go to standard output; use -o")
            if self.options.format in _BINARY and sys.stdout.isatty():
                raise UsageProblem(f"a {self.options.format} does not belong on a terminal; use -o")

    def plan(self) -> tuple[Task, ...]:
        """The tasks as the files are now."""
        return plan(self.sources, self.output, self.options.format)

    async def run(self, report: Report) -> int:
        """Do it, and go on doing it when watching; the exit status."""
        failed = 0
        _end_well_on_sigterm()

        def hear(outcome: Outcome) -> None:
            nonlocal failed
            failed += self._has_failed(outcome)
            report.hear(outcome)

        async with contextlib.AsyncExitStack() as stack:
            saved = await stack.enter_async_context(saved_files(self.sources)) if self.is_watching else None
            press = await stack.enter_async_context(open_press(self.options, self.pages, self.photo))
            stack.enter_context(report)
            await self._render(self.plan(), press, report, hear)
            if saved is not None:
                report.say(f"watching {', '.join(map(str, self.sources))} and the templates; Ctrl-C ends it")
                while True:
                    paths = await saved.get()
                    await self._render(touched(self._plan_or_nothing(), paths), press, report, hear)
        return FAILED if failed else 0

    async def _render(
        self, tasks: Sequence[Task], press: Press, report: Report, hear: Callable[[Outcome], None]
    ) -> None:
        report.expect(len(tasks))
        await press.run(tasks, hear)

    def _has_failed(self, outcome: Outcome) -> bool:
        result = outcome.result
        if isinstance(result, Failure):
            return True
        return self.needs_pass and result.proof is not None and not result.proof.passed

    def _plan_or_nothing(self) -> tuple[Task, ...]:
        """While files come and go, a plan may not work out; the next change will bring another."""
        try:
            return self.plan()
        except UsageProblem:
            return ()


def _end_well_on_sigterm() -> None:
    """So that the browser is closed and its folder removed, as they are on Ctrl-C."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _complain(message: str) -> None:
    sys.stderr.write(f"resumepair-render: {message}\n")
