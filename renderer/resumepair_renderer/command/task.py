"""What the command has to do: which files to read, and where each result goes."""

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from resumepair_renderer.options import Format

DASH: Final = Path("-")
"""Standard input as a source, standard output as a target."""

_OTHER_EXTENSIONS: Final = {"htm": Format.HTML, "text": Format.TXT}


class UsageProblem(Exception):
    """The command line asks for what cannot be done; the message says so to a person."""


@dataclass(frozen=True, slots=True)
class Task:
    """One file to read and one to write; either may be DASH."""

    source: Path
    target: Path

    @property
    def title(self) -> str:
        """The source, in words."""
        return "standard input" if self.source == DASH else str(self.source)


def format_for(output: Path | None, asked: Format | None) -> Format:
    """The format that was asked for, else the one of the output's extension, else PDF.

    Raises:
        UsageProblem: no format has that extension.
    """
    if asked is not None:
        return asked
    extension = "" if output is None or output.is_dir() else output.suffix.removeprefix(".").casefold()
    if not extension:
        return Format.PDF
    if extension in _OTHER_EXTENSIONS:
        return _OTHER_EXTENSIONS[extension]
    if extension not in set(Format):
        raise UsageProblem(f"{output}: no format has this extension; name one of {', '.join(Format)} with --format")
    return Format(extension)


def plan(sources: Sequence[Path], output: Path | None, chosen: Format) -> tuple[Task, ...]:
    """A task for every source, and for every .json of a source that is a folder.

    One file goes to `output`, several go into it; without it, each goes beside its source, and
    standard input to standard output.

    Raises:
        UsageProblem: a source is not there, or a file would be written twice or over its source.
    """
    files = list(dict.fromkeys(file for source in sources for file in _files(source)))
    into_folder = len(files) != 1 or any(source.is_dir() for source in sources)
    if output is not None and output != DASH and not into_folder:
        into_folder = output.is_dir() or str(output).endswith(os.sep)
    if into_folder and output is not None and (output == DASH or output.is_file()):
        raise UsageProblem(f"{output}: several documents need a folder to go to")
    tasks = tuple(Task(file, _target(file, output, chosen, into_folder=into_folder)) for file in files)
    _check(tasks)
    return tasks


def _files(source: Path) -> list[Path]:
    if source == DASH:
        return [source]
    if source.is_dir():
        return sorted(path for path in source.glob("*.json") if path.is_file() and not path.name.startswith("."))
    if not source.exists():
        raise UsageProblem(f"{source}: there is no such file or folder")
    return [source]


def _target(source: Path, output: Path | None, chosen: Format, *, into_folder: bool) -> Path:
    if output is not None and not into_folder:
        return output
    if source == DASH:
        return DASH if output is None else output / f"resume.{chosen}"
    return (source.parent if output is None else output) / f"{source.stem}.{chosen}"


def _check(tasks: Sequence[Task]) -> None:
    for target, count in Counter(task.target for task in tasks).items():
        if count > 1:
            raise UsageProblem(f"{target}: {count} documents would go there; rename them or render them one by one")
    sources = {task.source.resolve() for task in tasks if task.source != DASH}
    for task in tasks:
        if task.target != DASH and task.target.resolve() in sources:
            raise UsageProblem(f"{task.target}: the result would go over its source; name another place with -o")


def write(target: Path, content: bytes) -> None:
    """Put `content` where it belongs: all of it or nothing, whatever stood there before.

    Raises:
        OSError: it cannot be written there.
    """
    if target == DASH:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    if target.exists() and not target.is_file():  # a device or a pipe is written to, not replaced
        target.write_bytes(content)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name[:40]}-", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            Path(file.name).chmod(0o666 & ~_umask())
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _umask() -> int:
    """The mode bits that new files do not get; it can only be read by setting it."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask
