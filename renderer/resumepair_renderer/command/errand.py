"""Everything that was asked for on one command line, and doing it."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from resumepair_renderer.command.press import OUTPUT_CLOSED, Failure, Outcome, Press, open_press
from resumepair_renderer.command.report import Report
from resumepair_renderer.command.task import DASH, Place, Task, UsageProblem, is_empty_folder, plan
from resumepair_renderer.command.watch import saved_files, touched
from resumepair_renderer.compose import BROWSERLESS
from resumepair_renderer.options import Fit, Format, RenderOptions

FAILED: Final = 1
HUNG_UP: Final = 141
"""What the shell says of a program that wrote to a closed pipe: 128 and the number of SIGPIPE."""

_BINARY: Final = frozenset({Format.PDF, Format.PNG, Format.DOCX})
_WITHOUT_PAPER: Final = frozenset({Format.TXT, Format.JSON})


@dataclass(frozen=True)
class Errand:
    """What to render, how, and where to."""

    sources: tuple[Path, ...]
    output: Place | None
    options: RenderOptions
    photo: str
    pages: int
    needs_pass: bool
    is_watching: bool

    def check(self, *, reports_to_stdout: bool) -> None:
        """Refuse what cannot work before anything is started.

        Raises:
            UsageProblem: it cannot.
        """
        if not self.sources:
            raise UsageProblem("name a document, a folder of them, or - for standard input; --help says more")
        if self.is_watching and DASH in self.sources:
            raise UsageProblem("standard input cannot be watched")
        tasks = self.plan()
        if any(task.target == DASH for task in tasks):
            if reports_to_stdout:
                raise UsageProblem("the document and --json cannot both go to standard output; use -o")
            if self.options.format in _BINARY and sys.stdout.isatty():
                raise UsageProblem(f"a {self.options.format} does not belong on a terminal; use -o")

    def plan(self) -> tuple[Task, ...]:
        """The tasks as the files are now."""
        return plan(self.sources, self.output, self.options.format)

    def ignored(self) -> Iterator[str]:
        """What was asked for and makes no difference, in words."""
        options, format_ = self.options, self.options.format
        if format_ in BROWSERLESS and self.needs_pass:
            yield f"--proof is ignored: only a pdf or png is read back and judged, not a {format_}"
        if format_ in BROWSERLESS and options.fit is not Fit.NONE:
            yield f"--fit is ignored: only a pdf or png is fitted, not a {format_}"
        if format_ in _WITHOUT_PAPER and options.page_size is not None:
            yield f"--page-size is ignored: a {format_} has no pages"
        if format_ is Format.JSON and options.template is not None:
            yield "--template is ignored: a json has no design"
        if format_ is Format.TXT and self.photo:
            yield "--photo is ignored: a txt has no pictures"
        for source in self.sources:
            if is_empty_folder(source):
                yield f"{source}: there is no .json in it"

    async def run(self, report: Report) -> int:
        """Do it, and go on doing it when watching; the exit status."""
        tally = _Tally(needs_pass=self.needs_pass)
        _end_well_on_sigterm()

        def hear(outcome: Outcome) -> None:
            if tally.count(outcome):
                try:
                    report.hear(outcome)
                except BrokenPipeError:  # nobody reads on; the other files are still wanted
                    tally.has_hung_up = True

        async with contextlib.AsyncExitStack() as stack:
            saved = await stack.enter_async_context(saved_files(self.sources)) if self.is_watching else None
            press = await stack.enter_async_context(open_press(self.options, self.pages, self.photo))
            stack.enter_context(report)
            await _render(self.plan(), press, report, hear)
            if tally.heard > 1:
                report.say(tally.in_words())
            if saved is not None:
                report.say(f"watching {', '.join(map(str, self.sources))} and the templates; Ctrl-C ends it")
                while True:
                    paths = await saved.get()
                    await _render(touched(self._plan_or_nothing(), paths), press, report, hear)
        return tally.status()

    def _plan_or_nothing(self) -> tuple[Task, ...]:
        """While files come and go, a plan may not work out; the next change will bring another."""
        try:
            return self.plan()
        except UsageProblem:
            return ()


@dataclass
class _Tally:
    """How many went how."""

    needs_pass: bool
    written: int = 0
    failed: int = 0
    unproven: int = 0
    has_hung_up: bool = False

    def count(self, outcome: Outcome) -> bool:
        """Whether there is anything to tell about it."""
        result = outcome.result
        if not isinstance(result, Failure):
            self.written += 1
            self.unproven += self.needs_pass and result.proof is not None and not result.proof.passed
            return True
        if result.code == OUTPUT_CLOSED:
            self.has_hung_up = True
            return False
        self.failed += 1
        return True

    @property
    def heard(self) -> int:
        return self.written + self.failed

    def in_words(self) -> str:
        counts = (
            (self.written, "written"),
            (self.unproven, "of them did not pass the proof"),
            (self.failed, "failed"),
        )
        return ", ".join(f"{count} {words}" for count, words in counts if count)

    def status(self) -> int:
        if self.failed or self.unproven:
            return FAILED
        return HUNG_UP if self.has_hung_up else 0


async def _render(tasks: Sequence[Task], press: Press, report: Report, hear: Callable[[Outcome], None]) -> None:
    report.expect(len(tasks))
    await press.run(tasks, hear)


def _end_well_on_sigterm() -> None:
    """So that the browser is closed and its folder removed, as they are on Ctrl-C."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
