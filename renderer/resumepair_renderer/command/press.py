"""Renders the command's tasks, several at a time, and says of each how it went."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from resumepair_renderer.chromium import find_chromium
from resumepair_renderer.command.input import read_document, with_photo
from resumepair_renderer.command.task import Task, write
from resumepair_renderer.compose import BROWSERLESS, compose
from resumepair_renderer.errors import BrowserUnavailable, InvalidDocument, Problem, RenderError
from resumepair_renderer.options import RenderOptions
from resumepair_renderer.rendered import Rendered
from resumepair_renderer.renderer import Renderer, RendererSettings

OUTPUT_CLOSED: Final = "OUTPUT_CLOSED"

_ATTEMPTS: Final = 2
_NO_CHROMIUM: Final = (
    "there is no Chromium: set CHROMIUM_PATH to a headless shell, or run `playwright install --only-shell chromium`"
)

Print = Callable[[Mapping[str, object], RenderOptions], Awaitable[Rendered]]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no file: one of the codes of `errors`, FILE_ERROR, OUTPUT_CLOSED or UNEXPECTED."""

    code: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one task went. Of a file that was written, the content is not kept."""

    task: Task
    result: Rendered | Failure


@dataclass(frozen=True, slots=True)
class Press:
    """Renders with the same choices for all; `photo` is a data: URI for all documents, or empty."""

    print: Print
    options: RenderOptions
    photo: str
    at_once: int

    async def run(self, tasks: Sequence[Task], on_outcome: Callable[[Outcome], None]) -> None:
        """Do all `tasks` and tell of them in their order; one that fails does not stop the others."""
        turn = asyncio.Semaphore(self.at_once)

        async def take_turn(task: Task) -> Outcome:
            async with turn:
                made = await self._make(task)
                return Outcome(task, made if isinstance(made, Failure) else await _deliver(task, made))

        async with asyncio.TaskGroup() as group:
            for taken in [group.create_task(take_turn(task)) for task in tasks]:
                on_outcome(await taken)

    async def _make(self, task: Task) -> Rendered | Failure:
        try:
            data = await asyncio.to_thread(read_document, task.source)
        except InvalidDocument as error:
            return Failure(error.code, error.problems)
        except FileNotFoundError:
            return _file_error("there is no such file or folder")
        except OSError as error:
            return _file_error(f"cannot read it: {error.strerror or error}")
        try:
            return await self._render(with_photo(data, self.photo) if self.photo else data)
        except InvalidDocument as error:
            return Failure(error.code, error.problems)
        except RenderError as error:
            return Failure(error.code, (Problem("", str(error)),))
        except Exception as error:  # noqa: BLE001 -- the other files are not to pay for our mistake
            return Failure("UNEXPECTED", (Problem("", f"{type(error).__name__}: {error}"),))

    async def _render(self, data: Mapping[str, object]) -> Rendered:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self.print(data, self.options)
            except RenderError as error:
                if not error.retryable or attempt == _ATTEMPTS:
                    raise
        raise AssertionError  # pragma: no cover -- the last attempt returns or raises


@asynccontextmanager
async def open_press(options: RenderOptions, pages: int, photo: str) -> AsyncGenerator[Press]:
    """A press that is ready; its browser, if the format needs one, runs until it is closed.

    Raises:
        BrowserUnavailable: there is no Chromium, or it does not start.
    """
    if options.format in BROWSERLESS:
        yield Press(_compose, options, photo, pages)
        return
    chromium = find_chromium()
    if chromium is None:
        raise BrowserUnavailable(_NO_CHROMIUM)
    async with Renderer(RendererSettings(chromium, pages)) as renderer:
        # One more than there are pages: the next document is read while the others print.
        yield Press(renderer.render, options, photo, pages + 1)


async def _compose(data: Mapping[str, object], options: RenderOptions) -> Rendered:
    return await asyncio.to_thread(compose, data, options)


async def _deliver(task: Task, rendered: Rendered) -> Rendered | Failure:
    """Write it; what is left is what is known about it."""
    try:
        await asyncio.to_thread(write, task.target, rendered.content)
    except BrokenPipeError:  # whoever read it has enough
        return Failure(OUTPUT_CLOSED, ())
    except OSError as error:  # without the name it has: that may be of the file that is written first
        return _file_error(f"cannot write {task.target}: {error.strerror or error}")
    return replace(rendered, content=b"")


def _file_error(message: str) -> Failure:
    return Failure("FILE_ERROR", (Problem("", message),))
