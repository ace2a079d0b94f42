"""A Word document: real headings, real lists, live links, one column that every parser reads."""

from dataclasses import dataclass
from typing import Final

import docx
from docx.document import Document
from docx.text.paragraph import Paragraph

from resumepair_renderer.formats import docx_style as styles
from resumepair_renderer.formats.docx_file import finish
from resumepair_renderer.formats.docx_parts import add_field, float_picture
from resumepair_renderer.formats.docx_text import add_anchor, add_text
from resumepair_renderer.link import Anchor
from resumepair_renderer.page_view import PageView
from resumepair_renderer.section import Block, Entry, Fact, Quote, Section
from resumepair_renderer.style import Style

_SEPARATOR: Final = " · "


def write(page: PageView, style: Style) -> bytes:
    """`page` as a .docx in the paper, fonts and colours of `style`; the same page gives the same bytes.

    Takes tens of milliseconds of a CPU: call it in a thread.
    """
    document = docx.Document()
    is_right_to_left = page.direction == "rtl"
    styles.set_up(document, style, page.language, is_right_to_left=is_right_to_left)
    writer = _Writer(document, page.comma, is_right_to_left)
    writer.header(page)
    for section in page.sections:
        writer.section(section)
    writer.footer(page.footer, style.page_numbers)
    return finish(document, page)


@dataclass(frozen=True)
class _Writer:
    document: Document
    comma: str
    is_right_to_left: bool

    def header(self, page: PageView) -> None:
        lines: list[Paragraph] = []
        if page.name:
            lines.append(self._paragraph(styles.NAME, page.name))
        if page.headline:
            lines.append(self._paragraph(styles.HEADLINE, page.headline))
        lines.extend(self._anchors(styles.CONTACTS, line) for line in page.contacts)
        if page.photo:
            first = lines[0] if lines else self._paragraph(styles.NAME)
            float_picture(first, page.photo, page.name, is_right_to_left=self.is_right_to_left)

    def section(self, section: Section) -> None:
        if section.title:
            self._paragraph(styles.SECTION, section.title)
        for block in section.prose:
            self._block(block)
        for entry in section.entries:
            self._entry(entry)
        for fact in section.facts:
            self._fact(fact)
        for quote in section.quotes:
            self._quote(quote)

    def footer(self, text: str, page_numbers: str) -> None:
        """Who it is, and the page: on all pages but the first, or on all."""
        if page_numbers == "nowhere":
            return
        section = self.document.sections[0]
        section.different_first_page_header_footer = page_numbers == "later-pages"
        paragraph = section.footer.paragraphs[0]
        self._text(paragraph, f"{text}{_SEPARATOR}" if text else "")
        add_field(paragraph, "PAGE")
        self._text(paragraph, " / ")
        add_field(paragraph, "NUMPAGES")

    def _block(self, block: Block) -> None:
        if block.text:
            self._paragraph(styles.BULLET if block.is_bullet else styles.BODY, block.text)

    def _entry(self, entry: Entry) -> None:
        head = self._paragraph(styles.ENTRY)
        add_anchor(head, entry.title, is_right_to_left=self.is_right_to_left)
        if entry.dates:
            head.add_run("\t")
            # Said here, not in the style: bold upon bold would turn it off (ECMA-376, 17.7.3).
            self._text(head, entry.dates, styles.DATES, bold=False)
        rest = (*entry.notes, *entry.bullets, *entry.tags)
        if not entry.subtitle and not rest:
            head.paragraph_format.keep_with_next = False
        if entry.subtitle:
            where = self._anchors(styles.WHERE, entry.subtitle)
            where.paragraph_format.keep_with_next = bool(rest)
        for note in entry.notes:
            self._paragraph(styles.BODY, note)
        for bullet in entry.bullets:
            self._paragraph(styles.BULLET, bullet)
        if entry.tags:
            self._paragraph(styles.TAGS, self.comma.join(entry.tags))

    def _fact(self, fact: Fact) -> None:
        paragraph = self._paragraph(styles.BODY)
        if fact.name:
            self._text(paragraph, fact.name, styles.STRONG)
        values = self.comma.join(fact.values)
        self._text(paragraph, f": {values}" if fact.name and values else values)

    def _quote(self, quote: Quote) -> None:
        for text in quote.paragraphs:
            self._paragraph(styles.QUOTE, text)
        if quote.name:
            self._paragraph(styles.WHERE, f"— {quote.name}" if quote.paragraphs else quote.name)

    def _paragraph(self, style: str, text: str = "") -> Paragraph:
        paragraph = self.document.add_paragraph(style=style)
        self._text(paragraph, text)
        return paragraph

    def _anchors(self, style: str, anchors: tuple[Anchor, ...]) -> Paragraph:
        paragraph = self._paragraph(style)
        for number, anchor in enumerate(anchors):
            if number:
                self._text(paragraph, _SEPARATOR)
            add_anchor(paragraph, anchor, is_right_to_left=self.is_right_to_left)
        return paragraph

    def _text(self, paragraph: Paragraph, text: str, style: str | None = None, *, bold: bool | None = None) -> None:
        for run in add_text(paragraph, text, is_right_to_left=self.is_right_to_left, style=style):
            run.font.bold = run.font.cs_bold = bold
