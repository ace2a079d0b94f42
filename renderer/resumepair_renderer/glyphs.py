"""Which characters none of the packaged fonts can draw.

What the fonts can draw is kept in `glyph_coverage.txt`, made from them by
`python -m dev.glyph_coverage`: ranges of code points, in hexadecimal, one a line.
"""

from bisect import bisect_right
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from resumepair_renderer.text import is_ignorable


def missing_glyphs(texts: Iterable[str]) -> tuple[str, ...]:
    """The characters of `texts` that are printed as an empty box, in the order of their code points."""
    letters: set[str] = set()
    for text in texts:
        if not text.isascii():
            letters.update(text)
    return tuple(sorted(letter for letter in letters if not _is_drawn(letter)))


def _is_drawn(letter: str) -> bool:
    starts, ends = _coverage()
    point = ord(letter)
    at = bisect_right(starts, point) - 1
    return (at >= 0 and point <= ends[at]) or letter.isspace() or is_ignorable(letter)


@cache
def _coverage() -> tuple[list[int], list[int]]:
    """First and last code points of all ranges, in order."""
    text = files("resumepair_renderer").joinpath("glyph_coverage.txt").read_text(encoding="ascii")
    ranges = [line.partition("-") for line in text.splitlines()]
    return [int(first, 16) for first, _, _ in ranges], [int(last or first, 16) for first, _, last in ranges]
