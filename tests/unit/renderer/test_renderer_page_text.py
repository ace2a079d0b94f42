"""Searching pages for values: line ends are forgiven, other white space is not."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resumepair_renderer.page_text import Found, Match, PageText


def match(value: str, *pages: str) -> Match:
    return PageText(pages).find(value).match


@pytest.mark.parametrize(
    ("value", "page"),
    [
        ("Built the tide tables", "Built the\ntide tables"),
        ("東京で設計を担当した", "東京で設計\nを担当した"),
        ("xxxxxxxxxxxx", "xxxxxxx\nxxxxx"),
        ("me@home.example", "me@\nhome.example"),
        ("a well-known case", "a well\ufffeknown case"),
        ("Architect - Professional", "Architect \ufffeProfessional"),
        ("no\u00adne", "none"),
        ("well\u2011known", "well-known"),
        ("🙂 smile", "🙂smile"),
        ("C", "Go, C, Java"),
        ("C", f"{'Coding in Cobol. ' * 50}A, B, C"),
        ("Bo", "Bo"),
    ],
)
def test_a_value_is_found_whatever_the_page_does_to_its_lines(value: str, page: str) -> None:
    assert match(value, f"Before\n{page}\nAfter") is Match.EXACT


@pytest.mark.parametrize(
    ("value", "page"),
    [
        ("EXPERIENCE", "E X P E R I E N C E"),
        ("Germany", "Germ any"),
        ("Germany", "G\ne\nr\nm\na\nn\ny"),
        ("Ada Lovelace", "Ada Lo\nvelace"),
        ("Ada Lovelace", "Ada\nLo\nvelace"),
        ("李明", "李\n明"),
        ("2021, Avatar", "2021,Avatar"),
        ("Interaction Design", "InteractionDesign"),
        ("C", "Cobol"),
        ("Engineer", "EngineerMar 2021"),
    ],
)
def test_words_run_together_or_broken_up_are_told_from_those_that_are_not(value: str, page: str) -> None:
    assert match(value, f"Before\n{page}\nAfter") is Match.OTHER_SPACES


@pytest.mark.parametrize(("value", "page"), [("Office", "Of ice"), ("verification", "veri\ufb01cation"), ("Ada", "")])
def test_lost_letters_are_no_match(value: str, page: str) -> None:
    assert match(value, page) is Match.NONE


def test_a_value_may_go_on_over_the_next_pages_below_their_footers() -> None:
    value = " ".join(f"word{n}" for n in range(60))
    words = value.split()
    pages = (
        f"Head\n{' '.join(words[:20])}",
        f"Ada · ada@example.org · 2 / 3\n{' '.join(words[20:50])}",
        f"Ada · ada@example.org · 3 / 3\n{' '.join(words[50:])}\nNext",
    )
    text = PageText(pages)
    found = text.find(value)
    assert found.match is Match.EXACT
    assert text.find("Next", found.end).match is Match.EXACT
    assert PageText((pages[0], pages[2])).find(value).match is Match.NONE


@pytest.mark.parametrize(
    ("value", "page"),
    [
        ("अनुभव", "अ नु भव"),
        ("لغات البرمجة", "Python، Go، SQL :البرمجة لغات"),
        ("קידוד ב-60%", "קידוד ב60%-"),
    ],
)
def test_complex_scripts_may_be_put_together_in_readers_own_ways(value: str, page: str) -> None:
    assert match(value, page) is Match.EXACT


def test_a_word_missing_from_a_complex_script_is_missed() -> None:
    assert match("لغات البرمجة", "Python، Go، SQL :البرمجة") is Match.NONE


def test_the_search_begins_and_ends_where_it_is_told_to() -> None:
    text = PageText(["one two", "three one"])
    first = text.find("one")
    assert first == Found(Match.EXACT, 3)
    assert text.find("one", first.end) == Found(Match.EXACT, 14)
    assert text.find("one", first.end, 10) == Found(Match.NONE, first.end)


@given(st.lists(st.text("abcdeé東京", min_size=1, max_size=9), min_size=1, max_size=12), st.randoms())
def test_any_text_is_found_however_it_is_wrapped(words: list[str], random: Random) -> None:
    page = "".join(f"{word}{random.choice((' ', chr(10)))}" for word in words)
    assert match(" ".join(words), f"{page}\nend") is Match.EXACT


def test_words_broken_on_a_page_are_not_whole_because_another_page_follows() -> None:
    text = PageText(["Jane\nBuilt the ware house system\nMore\n", "Second page\n"])
    assert text.find("Built the warehouse system").match is Match.OTHER_SPACES
