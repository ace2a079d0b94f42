"""How much a page holds, by estimate: it has to be known before anything is laid out.

What for is told at PageView: PDFium misreads pages whose lines leave a wide band empty. Where the
estimate is wrong, the proof finds out, and the renderer prints once more.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Final

from resumepair_renderer.document import ResumeDocument
from resumepair_renderer.section import Section
from resumepair_renderer.templates import Template
from resumepair_renderer.typeface import chosen, letter_width

_PAPER_WIDTH: Final = 210
_PAPER_HEIGHT: Final = 280
_POINT: Final = 0.353
_WIDE: Final = 0.72
_COVERED: Final = 0.86
"""How much of the width has to hold letters somewhere on a page; PDFium asks for 0.8."""

_DATES: Final = 0.1
_FOOTER_SIZE: Final = 7
_GOOD_PART: Final = 0.75
_FIRST_LINES: Final = 25
_SIDEBAR_WIDTH: Final = 66
_SIDEBAR_LINES: Final = 54
_SIDEBAR_LETTERS: Final = 28
_SIDEBAR_WIDE: Final = 20
_HEADER_LINES: Final = 9


def is_narrow(made: Iterable[Section], document: ResumeDocument, template: Template, footer: str) -> bool:
    """Whether a good part of a page could pass with an empty band between its lines and the dates, by estimate.

    The first page is counted from its top; later ones may begin anywhere, but have a footer.
    """
    letters = _letters(document, template)
    widths = [width for section in made for width in (*section.widths, 0)]
    filled = max(len(footer) * _FOOTER_SIZE / (template.font_size * letters), _DATES)
    is_wide = [width >= (_COVERED - filled) * letters for width in widths]
    runs = (sum(1 for _ in run) for wide, run in groupby(is_wide) if not wide)
    lines = _lines(document, template)
    return max(widths[:_FIRST_LINES], default=0) < (_COVERED - _DATES) * letters or (
        len(widths) > lines / 2 and max(runs, default=0) > _GOOD_PART * lines
    )


def sections_beside(
    made: tuple[Section, ...], document: ResumeDocument, template: Template
) -> tuple[Section, ...] | None:
    """The sections that stand beside the others: as many as the first page has room for, by estimate.

    None when the text of the first page might leave a band empty between the two: see PageView.
    """
    profile = document.profile
    room = _SIDEBAR_LINES - _HEADER_LINES - len(profile.links)
    taken: list[Section] = []
    for section in made:
        if section.key in template.sidebar and (lines := _sidebar_lines(section)) <= room:
            taken.append(section)
            room -= lines
    texts = (profile.headline, profile.email, *(page.label or page.url for page in profile.links))
    beside = max(*map(len, texts), *(width for section in taken for width in section.item_widths), 0)
    first_lines = [width for section in made if section not in taken for width in section.widths][:_FIRST_LINES]
    wide = _WIDE * _letters(document, template, beside=_SIDEBAR_WIDTH)
    is_safe = beside >= _SIDEBAR_WIDE and max(first_lines, default=0) >= wide
    return tuple(taken) if is_safe else None


def _sidebar_lines(section: Section) -> int:
    return 2 + sum(1 + width // _SIDEBAR_LETTERS for width in section.item_widths)


def _letters(document: ResumeDocument, template: Template, *, beside: float = 0) -> int:
    """How many letters a line holds, where `beside` millimetres are taken."""
    appearance, typography = document.appearance, document.appearance.typography
    family, _ = chosen(typography.font_family, template.font_family)
    letter = (typography.font_size or template.font_size) * letter_width(family) * _POINT
    return round((_PAPER_WIDTH - beside - 2 * (appearance.margin or template.margin)) / letter)


def _lines(document: ResumeDocument, template: Template) -> float:
    """How many lines a page holds."""
    appearance, typography = document.appearance, document.appearance.typography
    line = (typography.font_size or template.font_size) * (typography.line_height or template.line_height) * _POINT
    return (_PAPER_HEIGHT - 2 * (appearance.margin or template.margin)) / line
