"""Dates, labels, languages and file names."""

import pytest

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
