"""What the glyphs of a PDF mean, where Chromium guesses wrong.

Fonts draw some characters with one glyph: the apostrophe and a modifier letter, 雨 and the radical of
that shape, the Greek mu and the micro sign. Chromium writes the lowest of them into the file's map
from glyphs to characters; PDFium and Poppler forgive it, other parsers do not, and a search for 雨
finds nothing. Which one was meant is known here: the one that the document holds.
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Final, NamedTuple

from resumepair_renderer.pdf_objects import PdfObjects, stream

_FONT: Final = b"<</Type /Font\n"
_FAMILY: Final = re.compile(rb"/BaseFont /(?:[A-Z]{6}\+)?([A-Za-z0-9]+)")
_MAP: Final = re.compile(rb"/ToUnicode (\d+) 0 R")
_STREAM: Final = re.compile(rb"<<(?:/Filter ?/FlateDecode\s*)?/Length \d+>>\s*stream\r?\n")
_BLOCK: Final = re.compile(rb"\d+ beginbf(char|range)\n(.*?)endbf\1\n", re.DOTALL)
_LINE: Final = re.compile(rb"<([0-9A-F]+)>(?: <([0-9A-F]+)>)? <([0-9A-F]+)>\n")
_PER_BLOCK: Final = 100  # Adobe Technical Note 5411


class _FontMap(NamedTuple):
    """A map as an object of the file; `meanings` has the characters of the document that a doubtful one may be."""

    number: int
    content: bytes
    meanings: Mapping[bytes, list[bytes]]


def correct_maps(objects: PdfObjects, letters: frozenset[str]) -> None:
    """Let every glyph mean a character of the document, which has these `letters`."""
    if letters.isdisjoint(_doubtful_letters()):
        return
    maps = list(_maps(objects, letters))
    certain = _certain(maps)
    for found in maps:
        if found.meanings:
            meant = {written: _best(meanings, certain) for written, meanings in found.meanings.items()}
            corrected = _corrected(found.content, meant)
            if corrected != found.content:
                objects[found.number] = stream(b"", corrected)


def characters(content: bytes) -> set[str]:
    """Every character that the map `content` gives a glyph."""
    blocks = (block[2] for block in _BLOCK.finditer(content))
    found = b"".join(characters for block in blocks for _, characters in _glyphs(block))
    return set(bytes.fromhex(found.decode()).decode("utf-16-be", "replace"))


def _maps(objects: PdfObjects, letters: frozenset[str]) -> Iterator[_FontMap]:
    """Those of all fonts. Names and addresses are not searched: authors may write there whatever they like."""
    for font in objects.values():
        found = _MAP.search(font) if font.startswith(_FONT) else None
        value = objects.get(int(found[1])) if found else None
        start = _STREAM.match(value) if value else None
        if found and value and start:
            packed = value[start.end() :]
            content = zlib.decompress(packed) if b"/FlateDecode" in start[0] else packed.partition(b"\nendstream")[0]
            family = _FAMILY.search(font)
            yield _FontMap(int(found[1]), content, _meanings(family[1].decode() if family else "", letters))


def _meanings(family: str, letters: frozenset[str]) -> dict[bytes, list[bytes]]:
    """What Chromium may have written for glyphs of `family`, with those of `letters` that have this glyph."""
    meanings: dict[bytes, list[bytes]] = {}
    for lower, points in _twins().get(family, {}).items():
        if not letters.isdisjoint(points):
            meanings[_utf16(lower)] = [_utf16(letter) for letter in (lower, *points) if letter in letters]
    return meanings


def _certain(maps: list[_FontMap]) -> set[bytes]:
    """What glyphs mean that leave no choice, if others do: these are rather what no other glyph means."""
    if all(len(meanings) == 1 for found in maps for meanings in found.meanings.values()):
        return set()
    certain: set[bytes] = set()
    for found in maps:
        for block in _BLOCK.finditer(found.content):
            for _, written in _glyphs(block[2]):
                meanings = found.meanings.get(written, [written])
                if len(meanings) == 1:
                    certain.add(meanings[0])
    return certain


def _best(meanings: list[bytes], certain: set[bytes]) -> bytes:
    return next((meaning for meaning in meanings if meaning not in certain), meanings[0])


def _corrected(content: bytes, meant: Mapping[bytes, bytes]) -> bytes:
    """`content`, if it has a wrong character, with all its blocks as one list of single glyphs."""
    blocks = list(_BLOCK.finditer(content))
    glyphs = [glyph for block in blocks for glyph in _glyphs(block[2])]
    if all(meant.get(characters, characters) == characters for _, characters in glyphs):
        return content
    lines = iter([b"<%b> <%b>\n" % (glyph, meant.get(characters, characters)) for glyph, characters in glyphs])
    rewritten: list[bytes] = []
    while block := list(islice(lines, _PER_BLOCK)):
        rewritten.append(b"%d beginbfchar\n%bendbfchar\n" % (len(block), b"".join(block)))
    return content[: blocks[0].start()] + b"".join(rewritten) + content[blocks[-1].end() :]


def _glyphs(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Glyphs and their characters; in a range both are counted up together."""
    for first, last, characters in _LINE.findall(block):
        start, character = int(first, 16), int(characters, 16)
        for step in range(int(last or first, 16) - start + 1):
            yield b"%04X" % (start + step), b"%0*X" % (len(characters), character + step)


def _utf16(letter: str) -> bytes:
    return letter.encode("utf-16-be").hex().upper().encode()


@cache
def _doubtful_letters() -> frozenset[str]:
    return frozenset(letter for twins in _twins().values() for points in twins.values() for letter in points)


@cache
def _twins() -> Mapping[str, Mapping[str, list[str]]]:
    """For every packaged family the characters that stand for others, later ones, drawn in the same way."""
    text = files("resumepair_renderer").joinpath("glyph_twins.txt").read_text(encoding="ascii")
    twins: dict[str, dict[str, list[str]]] = {}
    for line in text.splitlines():
        lower, point, *families = line.split()
        for family in families:
            twins.setdefault(family, {}).setdefault(chr(int(lower, 16)), []).append(chr(int(point, 16)))
    return twins
