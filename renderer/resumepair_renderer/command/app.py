"""`resumepair-render`: documents in, files out, without database or queue."""

import asyncio
import importlib.metadata
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperCommand

from resumepair_renderer.command.choice import (
    FITS,
    FORMATS,
    MOST_PAGES,
    PAGE_SIZES,
    TEMPLATE_NAMES,
    choose,
    choose_pages,
)
from resumepair_renderer.command.errand import FAILED, HUNG_UP, Errand
from resumepair_renderer.command.input import read_photo
from resumepair_renderer.command.report import JsonReport, PeopleReport
from resumepair_renderer.command.task import Place, UsageProblem, format_for
from resumepair_renderer.errors import BrowserUnavailable, InvalidOptions
from resumepair_renderer.options import Fit, RenderOptions
from resumepair_renderer.templates import DEFAULT_TEMPLATE, TEMPLATES

MISUSED: Final = 2
BROKEN: Final = 70
INTERRUPTED: Final = 130
TERMINATED: Final = 143

_PAGES: Final = min(max(os.cpu_count() or 0, 2), 8)
_DISTRIBUTION: Final = "resumepair-export"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def main() -> None:
    """The command. Whatever happens, people get a line and no traceback."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 -- the last one to hear of it
        _complain(f"this is a mistake of ours: {type(error).__name__}: {error}")
        sys.exit(BROKEN)


class _Command(TyperCommand):
    """Says in one line, as everything else does, what typer would say in a paragraph of its own."""

    def main(self, *arguments: Any, **more: Any) -> Any:  # noqa: ANN401 -- as typer has it
        try:
            status = super().main(*arguments, **{**more, "standalone_mode": False})
            sys.stdout.flush()
        except typer.TyperException as error:
            message = " ".join(error.format_message().split()).removesuffix(".")
            _complain(f"{message[:1].lower()}{message[1:]}; --help says more")
            status = MISUSED
        except BrokenPipeError:
            status = HUNG_UP
        except (KeyboardInterrupt, typer.Abort):
            status = INTERRUPTED
        if status == HUNG_UP:
            _forget_stdout()
        sys.exit(status or 0)


def _list_templates(wanted: bool) -> None:
    if wanted:
        table = Table(box=None, pad_edge=False, show_header=False)
        for template in TEMPLATES.values():
            table.add_row(template.name, template.description)
        Console(highlight=False).print(table)
        raise typer.Exit


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"resumepair-render {importlib.metadata.version(_DISTRIBUTION)}")
        raise typer.Exit


# The words of an option are taken as they are and read below: typer's own readers say "Value error", and drop the
# slash at the end of a folder's name.
@app.command(cls=_Command)
def render(  # noqa: PLR0917 -- to typer they are all named
    sources: Annotated[list[str] | None, typer.Argument(metavar="FILE|FOLDER|-", hidden=True)] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="PLACE", help="The file to write, a folder for several, or - for standard output."
        ),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            "--template",
            "-t",
            metavar="NAME",
            help=f"{', '.join(TEMPLATES)}; else the document's, else {DEFAULT_TEMPLATE}.",
        ),
    ] = None,
    chosen: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="NAME",
            help=f"{', '.join(FORMATS)}; else the one of the output's extension, else pdf.",
        ),
    ] = None,
    page_size: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"{', '.join(PAGE_SIZES)}; else the document's, else that of its country."),
    ] = None,
    fit: Annotated[
        str | None, typer.Option(metavar="NAME", help="one-page: as small as can be read, to fit; else none.")
    ] = None,
    photo: Annotated[str | None, typer.Option(metavar="FILE", help="A picture to use as the photo.")] = None,
    pages: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER", help=f"How many to print at the same time, 1 to {MOST_PAGES}; here {_PAGES} if not said."
        ),
    ] = None,
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
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="The version of this program.")
    ] = False,
) -> None:
    """Render résumés as PDF, PNG, HTML, text, DOCX or JSON Resume.

    FILE is a canonical document or JSON Resume, FOLDER has .json files of them, and - is standard input.
    """
    del list_templates, version
    try:
        place = Place.of(output) if output else None
        errand = Errand(
            sources=tuple(Path(source) for source in sources or ()),
            output=place,
            options=RenderOptions(
                template=choose("--template", template, TEMPLATE_NAMES),
                page_size=choose("--page-size", page_size, PAGE_SIZES),
                format=choose("--format", chosen, FORMATS) or format_for(place),
                fit=choose("--fit", fit, FITS) or Fit.NONE,
            ),
            photo=read_photo(Path(photo)) if photo else "",
            pages=choose_pages(pages, _PAGES),
            needs_pass=proof,
            is_watching=watching,
        )
        errand.check(reports_to_stdout=as_json)
        for line in errand.ignored():
            _complain(line)
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


def _complain(message: str) -> None:
    sys.stderr.write(f"resumepair-render: {message}\n")


def _forget_stdout() -> None:
    """Nobody reads it any more: what Python still holds for it goes nowhere, or it would complain at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
