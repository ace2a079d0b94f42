"""Characters that no packaged font has."""

from dev.glyph_coverage import COVERAGE, TWINS, tables
from resumepair_renderer.glyphs import missing_glyphs


def test_the_tables_are_what_the_fonts_say() -> None:
    written = COVERAGE.read_text(encoding="ascii"), TWINS.read_text(encoding="ascii")
    assert written == tables(), "run python -m dev.glyph_coverage"


def test_the_scripts_we_print_are_covered() -> None:
    texts = [
        "Zażółć gęślą jaźń",
        "Ελληνικά",
        "Українська",
        "العربية",
        "עברית",
        "हिन्दी",
        "ไทย",
        "日本語",
        "한국어",
        "中文",
    ]
    assert missing_glyphs([*texts, "“–…”", "→ ✓ ★ 😀"]) == ()


def test_what_no_font_has_is_named_once_and_in_order() -> None:
    assert missing_glyphs(["\u16a0 rune", "\u16a0 again", "\U00012000"]) == ("\u16a0", "\U00012000")


def test_what_leaves_no_trace_on_paper_is_not_missing() -> None:
    assert missing_glyphs(["soft\u00adhyphen", "a\u200db", "\u2066x\u2069", "\ufe0f", "a\u00a0b\u3000c\u2009d"]) == ()
