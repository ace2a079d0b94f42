"""Plain text, for the forms of applicant systems: no tables, no columns, every link spelled out.

A value is one line, however long: forms and programs break lines themselves, and what was broken
for them cannot be told from what the author wrote.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from resumepair_renderer import link
from resumepair_renderer.link import Anchor
from resumepair_renderer.page_view import PageView
from resumepair_renderer.section import Block, Entry, Fact, Quote, Section

_BULLET: Final = "- "
_SEPARATOR: Final = " · "
# What an address is as good without: mail programs and telephones know what it is.
_KNOWN_SCHEMES: Final = ("mailto:", "tel:")


def write(page: PageView) -> str:
    """The text of `page`; sections are a blank line apart and underlined, bullets are dashes."""
    parts = (_header(page), *(_section(section, page.comma) for section in page.sections))
    return "\n\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _header(page: PageView) -> list[str]:
    head = [text for text in (page.name, page.headline) if text]
    contacts = [_SEPARATOR.join(map(_spelled_out, line)) for line in page.contacts]
    return [*head, "", *contacts] if head and contacts else [*head, *contacts]


def _section(section: Section, comma: str) -> list[str]:
    title = [section.title, "-" * _columns(section.title)] if section.title else []
    return [*title, *_body(section, comma)]


def _body(section: Section, comma: str) -> list[str]:
    return [
        *_prose(section.prose),
        *_apart(_entry(entry, comma) for entry in section.entries),
        *(_fact(fact, comma) for fact in section.facts),
        *_apart(_quote(quote) for quote in section.quotes),
    ]


def _prose(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        if block.text:
            yield f"{_BULLET if block.is_bullet else ''}{block.text}"


def _entry(entry: Entry, comma: str) -> list[str]:
    # The address of a title is often in the line below it, where it is all there is.
    is_told = any(part.href == entry.title.href for part in entry.subtitle)
    lines = (
        entry.title.text if is_told else _spelled_out(entry.title),
        _SEPARATOR.join(map(_spelled_out, entry.subtitle)),
        entry.dates,
        *entry.notes,
        *(f"{_BULLET}{bullet}" for bullet in entry.bullets),
        comma.join(entry.tags),
    )
    return [line for line in lines if line]


def _fact(fact: Fact, comma: str) -> str:
    return ": ".join(filter(None, (fact.name, comma.join(fact.values))))


def _quote(quote: Quote) -> list[str]:
    by = [f"— {quote.name}" if quote.paragraphs else quote.name] if quote.name else []
    return [*quote.paragraphs, *by]


def _spelled_out(anchor: Anchor) -> str:
    """The text, and where it leads unless the text says that already."""
    href = anchor.href
    if not href or href.startswith(_KNOWN_SCHEMES):
        return anchor.text
    says_it = link.web(href).text == link.web(anchor.text).text
    return href if says_it else f"{anchor.text} ({href})"


def _apart(groups: Iterable[list[str]]) -> Iterator[str]:
    for number, group in enumerate(groups):
        if number:
            yield ""
        yield from group


def _columns(text: str) -> int:
    """The width of `text` where letters are one column wide and Chinese characters two."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text
    )
