"""Dates, labels, languages and file names."""

import json
import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resumepair_renderer.file_name import file_name
from resumepair_renderer.partial_date import PartialDate
from resumepair_renderer.wording import Wording, guess_language


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2021", PartialDate(2021)),
        ("2021-03", PartialDate(2021, 3)),
        ("2021-03-31", PartialDate(2021, 3, 31)),
    ],
)
def test_dates_may_leave_out_month_and_day(text: str, date: PartialDate) -> None:
    assert PartialDate.parse(text) == date


@pytest.mark.parametrize("text", ["", "21", "2021-13", "2021-02-30", "0000", "2021-03-31T00:00:00Z", "٢٠٢١"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        PartialDate.parse(text)


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en", "Mar 2021 – Present"),
        ("de", "März 2021 – heute"),
        ("fr", "mars 2021 – aujourd’hui"),
        ("ru", "март 2021 – настоящее время"),
        ("zh_CN", "2021年3月 – 至今"),
        ("ar", "مارس 2021 – حتى الآن"),
    ],
)
def test_periods_are_said_in_the_documents_language(locale: str, words: str) -> None:
    assert Wording.of(locale, None, ()).period(PartialDate(2021, 3), "Present") == words


@pytest.mark.parametrize(("date_format", "words"), [("US", "Mar 2021"), ("ISO", "2021-03"), ("EU", "03/2021")])
def test_date_formats(date_format: str, words: str) -> None:
    wording = Wording.of("en", date_format, ())  # type: ignore[arg-type]
    assert wording.date(PartialDate(2021, 3, 9)) == words
    assert wording.date(PartialDate(2021)) == "2021"


def test_equal_ends_are_said_once_and_unknown_ones_not_at_all() -> None:
    wording = Wording.of("en", None, ())
    assert wording.period(PartialDate(2021), PartialDate(2021)) == "2021"
    assert wording.period(None, PartialDate(2021)) == "2021"
    assert wording.period(None, None) == ""


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Ada Quillfeather", "en"),
        ("ليلى المنصوري, Python", "ar"),
        ("گزارش پروژه", "fa"),
        ("נועה ברק", "he"),
        ("Иван Соколов", "ru"),
        ("Олена Ковальчук із Києва", "uk"),
        ("Ελένη", "el"),
        ("林晓雨", "zh"),
        ("組み込みの設計", "ja"),
        ("김민서", "ko"),
        ("मीरा जोशी", "hi"),
        ("12345", "en"),
    ],
)
def test_the_letters_of_a_document_tell_its_language(text: str, language: str) -> None:
    assert guess_language([text]) == language


def test_paper_follows_the_territory() -> None:
    assert Wording.of("en_US", None, ()).page_size == "Letter"
    assert Wording.of("en", None, ()).page_size == "A4"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ada Lovelace", "ada-lovelace-resume.pdf"),
        ("Seán O’Brien", "sean-obrien-resume.pdf"),
        ("Иван Соколов", "ivan-sokolov-resume.pdf"),
        ("林晓雨", "linxiaoyu-resume.pdf"),
        ("../../etc/passwd", "etc-passwd-resume.pdf"),
        ("", "resume.pdf"),
    ],
)
def test_file_names_are_readable_and_safe(name: str, expected: str) -> None:
    assert file_name(name) == expected


def test_file_names_are_never_longer_than_eighty_characters() -> None:
    assert len(file_name("very long name " * 50)) <= 80


LABELS: dict[str, dict[str, str]] = json.loads(
    files("resumepair_renderer").joinpath("labels.json").read_text(encoding="utf-8")
)
VARIANTS = {"pt-PT", "en-GB", "en-IE", "en-NZ", "en-ZA"}
LANGUAGES = sorted(LABELS.keys() - VARIANTS)


def test_there_are_more_languages_than_two_dozen() -> None:
    assert len({name.partition("-")[0] for name in LANGUAGES}) >= 24


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_label(language: str) -> None:
    assert LABELS[language].keys() == LABELS["en"].keys()
    assert all(label == label.strip() != "" for label in LABELS[language].values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_sections_have_the_same_name(language: str) -> None:
    sections = [label for key, label in LABELS[language].items() if key not in {"present", "resume", "grade"}]
    assert len(set(sections)) == len(sections)


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_a_variant_says_only_what_differs(variant: str) -> None:
    whole = LABELS[variant.partition("-")[0]]
    assert all(whole[key] != label for key, label in LABELS[variant].items())


@pytest.mark.parametrize("language", sorted(LABELS))
def test_dates_are_said_in_every_language_and_format(language: str) -> None:
    locale = language.replace("-", "_")
    date = PartialDate(2021, 3, 9)
    own = Wording.of(locale, None, ()).date(date)
    assert "2021" in own
    assert own == Wording.of(locale, "US", ()).date(date)
    assert Wording.of(locale, "ISO", ()).date(date) == "2021-03"
    assert Wording.of(locale, "EU", ()).date(date) == "03/2021"


@pytest.mark.parametrize("language", sorted(LABELS))
def test_months_are_told_apart_in_every_language(language: str) -> None:
    wording = Wording.of(language.replace("-", "_"), None, ())
    assert len({wording.date(PartialDate(2021, month)) for month in range(1, 13)}) == 12


@pytest.mark.parametrize(
    ("locale", "date"),
    [
        ("uk", "бер. 2021"),  # noqa: RUF001 -- Ukrainian
        ("fi", "3/2021"),
        ("lv", "03.2021"),
        ("ca", "març 2021"),
        ("pt_BR", "mar. 2021"),
        ("bg", "март 2021"),
    ],
)
def test_no_word_for_year_stands_in_a_date(locale: str, date: str) -> None:
    assert Wording.of(locale, None, ()).date(PartialDate(2021, 3)) == date


@pytest.mark.parametrize(
    ("locale", "awards", "resume"),
    [
        ("pt_BR", "Prêmios", "Currículo"),
        ("pt_PT", "Prémios", "Currículo"),
        ("pt_AO", "Prémios", "Currículo"),
        ("zh_CN", "获奖", "简历"),
        ("zh_Hant_TW", "獲獎", "履歷"),
        ("sr_Latn_RS", "Nagrade", "Biografija"),
        ("sr_Cyrl_RS", "Награде", "Биографија"),
        ("no", "Priser", "CV"),
        ("en_GB", "Awards", "CV"),
        ("en_US", "Awards", "Résumé"),
        ("fil", "Awards", "Résumé"),
    ],
)
def test_countries_and_scripts_have_their_own_words(locale: str, awards: str, resume: str) -> None:
    wording = Wording.of(locale, None, ())
    assert (wording.label("awards"), wording.label("resume")) == (awards, resume)


@pytest.mark.parametrize("extension", ["pdf", "png", "html", "txt", "docx", "json"])
def test_file_names_end_in_their_format(extension: str) -> None:
    assert file_name("Ada Lovelace", extension) == f"ada-lovelace-resume.{extension}"
    assert len(file_name("very long name " * 50, extension)) <= 80


@given(st.text(st.characters(codec=None)))
def test_any_name_makes_a_safe_file_name(name: str) -> None:
    assert re.fullmatch(r"(?:[a-z0-9-]+-)?resume\.pdf", file_name(name))
