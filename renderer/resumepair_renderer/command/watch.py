"""Hears of it when somebody saves a document or a template."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from watchfiles import Change, awatch  # pyright: ignore[reportUnknownVariableType] -- of an event type we do not use

from resumepair_renderer import templates
from resumepair_renderer.command.task import Task

TEMPLATES_FOLDER: Final = Path(templates.__file__).parent

_TEMPLATE_FILES: Final = frozenset({".j2", ".css"})
_SETTLED_MILLISECONDS: Final = 200

Saved = asyncio.Queue[frozenset[Path]]


@asynccontextmanager
async def saved_files(sources: Sequence[Path]) -> AsyncGenerator[Saved]:
    """The files that are saved from now on, in the order in which they are.

    Folders are watched, not files: editors save by putting a new file in the old one's place. A
    folder that is not there is not.
    """
    folders = {TEMPLATES_FOLDER, *filter(Path.is_dir, (_folder(source) for source in sources))}
    saved = Saved()
    listening = asyncio.create_task(_listen(folders, saved))
    await asyncio.sleep(0)  # in its first step the system is asked to tell; nothing is missed from here on
    try:
        yield saved
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


def touched(tasks: Sequence[Task], saved: Collection[Path]) -> tuple[Task, ...]:
    """The tasks to do again: those whose source was saved; all of them when a template was."""
    if any(path.suffix in _TEMPLATE_FILES for path in saved):
        return tuple(tasks)
    return tuple(task for task in tasks if task.source.resolve() in saved)


async def _listen(folders: Collection[Path], saved: Saved) -> None:
    async for seen in awatch(*folders, watch_filter=_matters, debounce=_SETTLED_MILLISECONDS, recursive=False):
        saved.put_nowait(_resolved(path for _, path in seen))


def _resolved(paths: Iterable[str]) -> frozenset[Path]:
    return frozenset(Path(path).resolve() for path in paths)


def _folder(source: Path) -> Path:
    return (source if source.is_dir() else source.parent).resolve()


def _matters(change: Change, path: str) -> bool:
    return change != Change.deleted and Path(path).suffix in {".json", *_TEMPLATE_FILES}
