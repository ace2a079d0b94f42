"""What the command says: lines and a progress bar for people, a line of JSON a file for programs.

People are told on standard error, so that standard output is free for documents.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from resumepair_renderer.command.press import Failure, Outcome
from resumepair_renderer.command.task import DASH
from resumepair_renderer.errors import Problem
from resumepair_renderer.options import Fit, Format
from resumepair_renderer.proof import Proof
from resumepair_renderer.rendered import Rendered

_KILOBYTE: Final = 1_000
_GOOD, _BAD, _ODD = "green", "bold red", "yellow"


class Report(Protocol):
    """Hears of every outcome, between being entered and left."""

    def expect(self, count: int) -> None:
        """So many files are about to be rendered."""
        ...

    def hear(self, outcome: Outcome) -> None:
        """One of them is done."""
        ...

    def say(self, text: str) -> None:
        """A word to a person."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class JsonReport:
    """A JSON object a line, on standard output."""

    def expect(self, count: int) -> None:
        """Nothing to say yet."""

    def hear(self, outcome: Outcome) -> None:
        """Write the line."""
        sys.stdout.write(json.dumps(_as_json(outcome), ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def say(self, text: str) -> None:
        """Programs need no words."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass


class PeopleReport:
    """Lines on standard error, below them a bar where there is a terminal and more than one file."""

    def __init__(self, console: Console, *, shows_proof: bool) -> None:
        self._console = console
        self._shows_proof = shows_proof
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._bar: TaskID | None = None

    def expect(self, count: int) -> None:
        """Draw the bar."""
        if self._bar is not None:
            self._progress.remove_task(self._bar)
        self._bar = self._progress.add_task("Rendering", total=count) if count > 1 else None

    def hear(self, outcome: Outcome) -> None:
        """Write the lines and move the bar."""
        result = outcome.result
        if isinstance(result, Failure):
            self._line("✗", _BAD, outcome.task.title)
            self._problems(result.problems, _BAD)
        else:
            self._success(outcome, result)
        if self._bar is not None:
            self._progress.advance(self._bar)

    def say(self, text: str) -> None:
        """Write it."""
        self._line(" ", "", text)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def _success(self, outcome: Outcome, rendered: Rendered) -> None:
        if outcome.task.target != DASH:
            self._line("✓", _GOOD, f"{outcome.task.title} → {outcome.task.target}  {_size(rendered)}")
        self._problems(rendered.warnings, _ODD)
        if rendered.fit is not None and rendered.fit.requested is Fit.ONE_PAGE and not rendered.fit.fitted:
            self._problems((Problem("", "does not fit on one page, even in the smallest type that can be read"),), _ODD)
        if self._shows_proof and rendered.proof is not None:
            self._proof(rendered.proof)

    def _proof(self, proof: Proof) -> None:
        self._line(" ", _GOOD if proof.passed else _BAD, f"proof: {proof.score} of 100")
        for finding in proof.findings:
            self._problems((Problem(finding.path, f"{finding.code}: {finding.message}"),), _BAD)

    def _problems(self, problems: Sequence[Problem], style: str) -> None:
        for problem in problems:
            self._line(" ", style, f"  {problem}")

    def _line(self, mark: str, style: str, text: str) -> None:
        """Text goes out as it is, not as markup: file names and documents are anybody's."""
        line = Text.assemble((mark, style), " ", text)
        self._console.print(line, soft_wrap=True, highlight=False)


def _size(rendered: Rendered) -> str:
    pages = rendered.page_count
    if pages is None:
        count = ""
    elif rendered.format is Format.PNG:
        count = f"page 1 of {pages}, "
    else:
        count = f"{pages} page{'' if pages == 1 else 's'}, "
    return f"{count}{rendered.byte_size / _KILOBYTE:.0f} KB"


def _as_json(outcome: Outcome) -> dict[str, object]:
    task, result = outcome.task, outcome.result
    about: dict[str, object] = {"source": str(task.source), "target": str(task.target)}
    if isinstance(result, Failure):
        return {**about, "ok": False, "code": result.code, "problems": [asdict(problem) for problem in result.problems]}
    return {
        **about,
        "ok": True,
        "format": result.format.value,
        "template": result.template,
        "fileName": result.file_name,
        "byteSize": result.byte_size,
        "sha256": result.sha256,
        "pageCount": result.page_count,
        "warnings": [asdict(warning) for warning in result.warnings],
        "fit": result.fit.to_json() if result.fit else None,
        "proof": result.proof.to_json() if result.proof else None,
    }
