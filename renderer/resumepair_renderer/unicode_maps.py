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
from typing import Final

from resumepair_renderer.pdf_objects import PdfObjects, stream

_MAP: Final = re.compile(rb"/ToUnicode (\d+) 0 R")
_STREAM: Final = re.compile(rb"<<(?:/Filter ?/FlateDecode\s*)?/Length \d+>>\s*stream\r?\n")
_BLOCK: Final = re.compile(rb"\d+ beginbf(char|range)\n(.*?)endbf\1\n", re.DOTALL)
_LINE: Final = re.compile(rb"<([0-9A-F]+)>(?: <([0-9A-F]+)>)? <([0-9A-F]+)>\n")
_PER_BLOCK: Final = 100  # Adobe Technical Note 5411


def correct_maps(objects: PdfObjects, text: str) -> None:
    """Let every glyph mean a character of `text`, which holds all that were printed."""
    meant = _meant(text)
    if not meant:
        return
    maps = {int(found[1]) for _, value in objects.items() if (found := _MAP.search(value))}
    for number in maps:
        start = _STREAM.match(objects[number])
        if start is not None:
            packed = objects[number][start.end() :]
            content = zlib.decompress(packed) if b"/FlateDecode" in start[0] else packed.partition(b"\nendstream")[0]
            corrected = _corrected(content, meant)
            if corrected != content:
                objects[number] = stream(b"", corrected)


def characters(content: bytes) -> set[str]:
    """Every character that the map `content` gives a glyph."""
    blocks = (block[2] for block in _BLOCK.finditer(content))
    found = b"".join(characters for block in blocks for _, characters in _glyphs(block))
    return set(bytes.fromhex(found.decode()).decode("utf-16-be", "replace"))


def _meant(text: str) -> Mapping[bytes, bytes]:
    """The characters that Chromium may have written, with those that `text` has in their place, as UTF-16."""
    if text.isascii():
        return {}
    letters = set(text)
    lower = _lower_twins()
    return {_utf16(twin): _utf16(letter) for letter in letters for twin in lower.get(letter, ()) if twin not in letters}


def _corrected(content: bytes, meant: Mapping[bytes, bytes]) -> bytes:
    """`content`, if it has a wrong character, with all its blocks as one list of single glyphs."""
    blocks = list(_BLOCK.finditer(content))
    glyphs = [glyph for block in blocks for glyph in _glyphs(block[2])]
    if not any(characters in meant for _, characters in glyphs):
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
def _lower_twins() -> Mapping[str, list[str]]:
    """Characters with those before them that some packaged font draws in the same way."""
    text = files("resumepair_renderer").joinpath("glyph_twins.txt").read_text(encoding="ascii")
    twins: dict[str, list[str]] = {}
    for line in text.splitlines():
        lower, point = (chr(int(code, 16)) for code in line.split())
        twins.setdefault(point, []).append(lower)
    return twins
