"""What stands beside the rest, in templates with two columns, by estimate: it is asked before anything is laid out.

Two columns on a first page that is not filled leave a wide empty band, and are misread: see PageView.
Where the estimate is wrong, the proof finds out, and the renderer prints once more without them.
"""

from typing import Final

from resumepair_renderer.document import ResumeDocument
from resumepair_renderer.section import Section
from resumepair_renderer.templates import Template
from resumepair_renderer.typeface import chosen, letter_width

_PAPER_WIDTH: Final = 210
_POINT: Final = 0.353
_WIDE: Final = 0.72
_FIRST_LINES: Final = 25
_SIDEBAR_WIDTH: Final = 66
_SIDEBAR_LINES: Final = 54
_SIDEBAR_LETTERS: Final = 28
_SIDEBAR_WIDE: Final = 20
_HEADER_LINES: Final = 9
_MOST_MARGIN: Final = 20
"""Millimetres; it is taken out of the sidebar's width as well."""


def sections_beside(
    made: tuple[Section, ...], document: ResumeDocument, template: Template
) -> tuple[Section, ...] | None:
    """The sections that stand beside the others: as many as the first page has room for, by estimate.

    None when the text of the first page might leave a band empty between the two (see PageView), or
    margins leave the sidebar too little.
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
    wide = _WIDE * _letters_a_line(document, template)
    has_room = (document.appearance.margin or template.margin) <= _MOST_MARGIN
    is_safe = has_room and beside >= _SIDEBAR_WIDE and max(first_lines, default=0) >= wide
    return tuple(taken) if is_safe else None


def _sidebar_lines(section: Section) -> int:
    return 2 + sum(1 + width // _SIDEBAR_LETTERS for width in section.item_widths)


def _letters_a_line(document: ResumeDocument, template: Template) -> int:
    """How many letters a line holds beside the sidebar."""
    appearance, typography = document.appearance, document.appearance.typography
    family, _ = chosen(typography.font_family, template.font_family)
    letter = (typography.font_size or template.font_size) * letter_width(family) * _POINT
    return round((_PAPER_WIDTH - _SIDEBAR_WIDTH - 2 * (appearance.margin or template.margin)) / letter)
