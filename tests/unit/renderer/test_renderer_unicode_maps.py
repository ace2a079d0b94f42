"""What glyphs mean: corrected by the document, and by nothing else."""

import zlib

from resumepair_renderer.pdf_objects import PdfObjects, stream
from resumepair_renderer.unicode_maps import characters, correct_maps

MAP = b"""begincmap
2 beginbfchar
<0001> <0020>
<0002> <00B5>
endbfchar
2 beginbfrange
<0010> <0012> <2FAB>
<0020> <0021> <0061>
endbfrange
endcmap
"""


def corrected(text: str) -> bytes:
    objects = PdfObjects({1: b"<</Type /Font\n/ToUnicode 2 0 R>>", 2: stream(b"", MAP)}, 1, 1)
    correct_maps(objects, text)
    return zlib.decompress(objects[2].partition(b"stream\n")[2])


def test_a_glyph_means_the_character_of_the_document() -> None:
    assert characters(corrected("μ 雨 ab")) == set(" μ\u2fab雨\u2fadab")


def test_characters_that_the_document_holds_are_left_alone() -> None:
    assert corrected("µ and μ") == MAP
    assert corrected("plain") == MAP
    assert corrected("naïve – ½") == MAP


def test_a_corrected_map_keeps_every_glyph_in_blocks_of_at_most_a_hundred() -> None:
    content = b"1 beginbfrange\n<0000> <00FA> <4E00>\nendbfrange\n1 beginbfchar\n<0100> <2FAC>\nendbfchar\n"
    objects = PdfObjects({1: b"<</ToUnicode 2 0 R>>", 2: stream(b"", content)}, 1, 1)
    correct_maps(objects, "雨")
    result = zlib.decompress(objects[2].partition(b"stream\n")[2])
    assert characters(result) == {chr(0x4E00 + n) for n in range(251)} | {"雨"}
    assert [int(line.split()[0]) for line in result.splitlines() if b"begin" in line] == [100, 100, 52]
