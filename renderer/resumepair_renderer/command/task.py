"""What the command has to do: which files to read, and where each result goes."""

import errno
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

_EXTENSIONS: Final = {**{format_.value: format_ for format_ in Format}, "htm": Format.HTML, "text": Format.TXT}
_SEPARATORS: Final = tuple(filter(None, (os.sep, os.altsep)))


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


@dataclass(frozen=True, slots=True)
class Place:
    """Where results are to go: a folder if it is one, or if its name was given with a slash at the end."""

    path: Path
    has_slash: bool = False

    @classmethod
    def of(cls, name: str) -> "Place":
        """The place called `name`: a Path alone forgets the slash."""
        return cls(Path(name), name.endswith(_SEPARATORS))

    @property
    def is_folder(self) -> bool:
        """Whether results go into it."""
        return self.has_slash or self.path.is_dir()

    @property
    def extension(self) -> str:
        """What a file's name ends in, in small letters and without the dot; nothing for a folder."""
        return "" if self.is_folder else self.path.suffix.removeprefix(".").casefold()


def format_for(output: Place | None) -> Format:
    """The format of the output's extension, else PDF.

    Raises:
        UsageProblem: no format has that extension.
    """
    extension = output.extension if output else ""
    if not extension:
        return Format.PDF
    if output is not None and extension not in _EXTENSIONS:
        raise UsageProblem(
            f"{output.path}: no format has this extension; name one of {', '.join(Format)} with --format"
        )
    return _EXTENSIONS[extension]


def plan(sources: Sequence[Path], output: Place | None, chosen: Format) -> tuple[Task, ...]:
    """A task for every source, and for every .json of a source that is a folder.

    One file goes to `output`, several go into it; without it, each goes beside its source, and
    standard input to standard output. A source that is not there is a task too, which will fail.

    Raises:
        UsageProblem: there is nothing to read, several would go to one file, or a file would be
            written twice, over its source or under the name of another format.
    """
    files = list(dict.fromkeys(file for source in sources for file in _files(source)))
    if not files:
        raise UsageProblem(f"{_listed(sources)}: there is no .json in {'it' if len(sources) == 1 else 'them'}")
    if not any(file == DASH or file.exists() for file in files):
        raise UsageProblem(f"{_listed(files)}: there is no such file or folder")
    into_folder = len(files) != 1 or any(source.is_dir() for source in sources)
    if output is not None and into_folder:
        _check_folder(output)
    if output is not None and not into_folder and output.path != DASH:
        into_folder = output.is_folder
        _check_name(output, chosen)
    place = output.path if output else None
    tasks = tuple(Task(file, _target(file, place, chosen, into_folder=into_folder)) for file in files)
    _check(tasks)
    return tasks


def is_empty_folder(source: Path) -> bool:
    """Whether it is a folder without any document."""
    return source.is_dir() and not _files(source)


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths))


def _check_folder(output: Place) -> None:
    """Refuse as a folder what is a file, or has a file's name."""
    if output.path == DASH or output.path.is_file():
        raise UsageProblem(f"{output.path}: several documents need a folder to go to")
    if output.extension in _EXTENSIONS:
        raise UsageProblem(
            f"{output.path}: several documents need a folder to go to; if it is to be one, write {output.path}{os.sep}"
        )


def _check_name(output: Place, chosen: Format) -> None:
    """Refuse what would not be found in a file of that name."""
    if output.has_slash and output.path.is_file():
        raise UsageProblem(f"{output.path}: is a file, not a folder")
    if _EXTENSIONS.get(output.extension, chosen) is not chosen:
        raise UsageProblem(f"{output.path}: not the name of a {chosen}; change it, or the --format")


def _files(source: Path) -> list[Path]:
    if source == DASH:
        return [source]
    if source.is_dir():
        return sorted(path for path in source.glob("*.json") if path.is_file() and not path.name.startswith("."))
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
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name[:40]}-", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            Path(file.name).chmod(0o666 & ~_UMASK)
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _umask() -> int:
    """The mode bits that new files do not get; it can only be read by setting it, and so by one thread alone."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


_UMASK: Final = _umask()
