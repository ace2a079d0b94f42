"""`python -m dev.glyph_coverage`: write down what the packaged fonts can draw, from their own tables.

Two files: the code points that have a glyph, and those that share theirs with a lower one.
"""

import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont

import resumepair_renderer

_PACKAGE: Final = Path(resumepair_renderer.__file__).parent
COVERAGE: Final = _PACKAGE / "glyph_coverage.txt"
TWINS: Final = _PACKAGE / "glyph_twins.txt"


def tables(fonts: Path = _PACKAGE / "fonts") -> tuple[str, str]:
    """Every code point that one of `fonts` has a glyph for, as ranges; and pairs with the same glyph."""
    points: set[int] = set()
    twins: set[tuple[int, int]] = set()
    for file in sorted(fonts.glob("*.ttf")):
        with TTFont(file, lazy=True) as font:
            characters: dict[int, str] = font.getBestCmap() or {}
        points.update(characters)
        twins.update(_twins(characters))
    return (
        "".join(f"{_range(first, last)}\n" for first, last in _ranges(sorted(points))),
        "".join(f"{lower:X} {point:X}\n" for lower, point in sorted(twins)),
    )


def main() -> None:
    """Write the files anew."""
    for file, table in zip((COVERAGE, TWINS), tables(), strict=True):
        file.write_text(table, encoding="ascii")
        sys.stdout.write(f"{file}: {len(table)} bytes\n")


def _twins(characters: dict[int, str]) -> Iterator[tuple[int, int]]:
    """Code points with the lowest that has the same glyph, where documents can hold them: they are in NFC."""
    lowest: dict[str, int] = {}
    for point, glyph in sorted(characters.items()):
        lower = lowest.setdefault(glyph, point)
        if lower != point and unicodedata.category(chr(point)) != "Co" and unicodedata.is_normalized("NFC", chr(point)):
            yield lower, point


def _ranges(points: Iterable[int]) -> Iterator[tuple[int, int]]:
    start = last = -1
    for point in points:
        if point != last + 1:
            if start >= 0:
                yield start, last
            start = point
        last = point
    if start >= 0:
        yield start, last


def _range(first: int, last: int) -> str:
    return f"{first:X}" if first == last else f"{first:X}-{last:X}"


if __name__ == "__main__":
    main()
