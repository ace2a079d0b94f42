"""What glyphs mean: corrected by the document, and by nothing else."""

import zlib

import pytest

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


def font_map(*glyphs: str) -> bytes:
    lines = "".join(f"<{number:04X}> <{ord(letter):04X}>\n" for number, letter in enumerate(glyphs, 1))
    return f"{len(glyphs)} beginbfchar\n{lines}endbfchar\n".encode()


def corrected(text: str, *maps: bytes, families: tuple[str, ...] = ("SourceSerif4",)) -> list[bytes]:
    """`maps` of fonts of `families` in a document of `text`."""
    objects = PdfObjects({1: b"<</Type /Catalog>>"}, 1, 1)
    numbers = [objects.add(stream(b"", content)) for content in maps]
    for number, family in zip(numbers, families, strict=True):
        objects.add(b"<</Type /Font\n/BaseFont /AAAAAA+%b-Bold\n/ToUnicode %d 0 R>>" % (family.encode(), number))
    correct_maps(objects, frozenset(text))
    return [zlib.decompress(objects[number].partition(b"stream\n")[2]) for number in numbers]


def test_a_glyph_means_the_character_of_the_document() -> None:
    assert characters(*corrected("雨 ab", MAP, families=("NotoSansJP",))) == set(" \u00b5\u2fab雨\u2fadab")
    assert characters(*corrected("μ", MAP)) == set(" μ\u2fab\u2fac\u2fadab")


def test_characters_that_the_document_holds_are_left_alone() -> None:
    for text in ("µ and μ", "plain", "naïve – ½"):
        assert corrected(text, MAP) == [MAP]


def test_only_fonts_that_have_the_glyph_for_both_are_corrected() -> None:
    content = font_map("\u2fac", "µ")
    assert corrected("雨 μ", content, families=("Lora",)) == [content]
    assert characters(*corrected("雨 μ", content)) == set("\u2facμ")
    assert characters(*corrected("雨 μ", content, families=("NotoSansKR",))) == set("雨µ")


@pytest.mark.parametrize("text", ["戸田と户籍", "户籍と戸田"])
def test_the_same_radical_means_another_letter_in_fonts_of_other_countries(text: str) -> None:
    results = corrected(text, *[font_map("\u2f3e")] * 2, families=("NotoSansJP", "NotoSansSC"))
    assert [characters(content) for content in results] == [{"戸"}, {"户"}]


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_characters_a_glyph_means_the_one_that_no_other_font_has(order: int) -> None:
    maps, families = (font_map("·"), font_map("·")), ("Lora", "NotoSansSC")
    results = corrected("a · b 约翰‧史密斯", *maps[::order], families=families[::order])
    assert [characters(content) for content in results][::order] == [{"·"}, {"‧"}]


@pytest.mark.parametrize("text", ["‧・", "・‧"])
def test_else_it_means_the_first_of_them(text: str) -> None:
    assert characters(*corrected(text, font_map("·"), families=("NotoSansSC",))) == {"‧"}


def test_a_corrected_map_keeps_every_glyph_in_blocks_of_at_most_a_hundred() -> None:
    content = b"1 beginbfrange\n<0000> <00FA> <4E00>\nendbfrange\n1 beginbfchar\n<0100> <2FAC>\nendbfchar\n"
    (result,) = corrected("雨", content, families=("NotoSansJP",))
    assert characters(result) == {chr(0x4E00 + n) for n in range(251)} | {"雨"}
    assert [int(line.split()[0]) for line in result.splitlines() if b"begin" in line] == [100, 100, 52]


def test_words_of_the_author_are_not_taken_for_fonts() -> None:
    title = b"<</Title (/ToUnicode 2 0 R)\n/Dest [3 0 R /XYZ 0 0 0]>>"
    objects = PdfObjects(
        {1: title, 2: b"(<</Type /Font /ToUnicode 99999 0 R)", 4: b"<</Type /Font\n/ToUnicode 9 0 R>>"}, 1, 1
    )
    before = list(objects.items())
    correct_maps(objects, frozenset("’μ"))
    assert list(objects.items()) == before
