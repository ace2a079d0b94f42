"""`python -m dev.glyph_coverage`: write down what the packaged fonts can draw, from their own tables.

Two files: the code points that have a glyph, and those that share theirs with a lower one, in which families.
"""

import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont

import resumepair_renderer

_PACKAGE: Final = Path(resumepair_renderer.__file__).parent
COVERAGE: Final = _PACKAGE / "glyph_coverage.txt"
TWINS: Final = _PACKAGE / "glyph_twins.txt"
_ASCII: Final = 0x7F
_POSTSCRIPT_NAME: Final = 6  # of the name table (OpenType)


def tables(fonts: Path = _PACKAGE / "fonts") -> tuple[str, str]:
    """Every code point that one of `fonts` has a glyph for, as ranges; and pairs with the same glyph, and where."""
    points: set[int] = set()
    twins: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    for file in sorted(fonts.glob("*.ttf")):
        with TTFont(file, lazy=True) as font:
            characters: dict[int, str] = font.getBestCmap() or {}
            family = str(font["name"].getDebugName(_POSTSCRIPT_NAME)).partition("-")[0]
        points.update(characters)
        for pair in _twins(characters):
            twins[pair].add(family)
    return (
        "".join(f"{_range(first, last)}\n" for first, last in _ranges(sorted(points))),
        "".join(f"{lower:X} {point:X} {' '.join(sorted(names))}\n" for (lower, point), names in sorted(twins.items())),
    )


def main() -> None:
    """Write the files anew."""
    for file, table in zip((COVERAGE, TWINS), tables(), strict=True):
        file.write_text(table, encoding="ascii")
        sys.stdout.write(f"{file}: {len(table)} bytes\n")


def _twins(characters: dict[int, str]) -> Iterator[tuple[int, int]]:
    """Code points with the lowest that has the same glyph, where documents can hold them: they are in NFC.

    Spaces and hyphens of all kinds are left out: what searches want of them is that of ASCII.
    """
    lowest: dict[str, int] = {}
    for point, glyph in sorted(characters.items()):
        lower = lowest.setdefault(glyph, point)
        if (
            _ASCII < lower != point
            and unicodedata.category(chr(point)) != "Co"
            and unicodedata.is_normalized("NFC", chr(point))
        ):
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
