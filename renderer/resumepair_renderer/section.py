"""What templates see of one section: everything already worded, nothing decided about its looks.

A section is `prose` (paragraphs and bullets), `entries` (things with a head), `facts` (a name and
its values on one line) or `quotes`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from resumepair_renderer.link import Anchor
from resumepair_renderer.text import columns

_LETTERS_PER_LINE: Final = 95
_LINES_KEPT_TOGETHER: Final = 14
_SHARE: Final = re.compile(r"([0-5](?:\.\d+)?)/(5)")


@dataclass(frozen=True)
class Block:
    """Running text, or one bullet."""

    text: str
    is_bullet: bool = False


@dataclass(frozen=True)
class Entry:
    """A thing with a head: what, with whom, where, when; then what there is to say about it."""

    title: Anchor
    subtitle: tuple[Anchor, ...] = ()
    dates: str = ""
    notes: tuple[str, ...] = ()
    bullets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    is_compact: bool = False
    """Little is said about it, its head fits on one line."""

    @property
    def is_long(self) -> bool:
        """Whether keeping it on one page would leave an ugly hole on the page before."""
        texts = (*self.notes, *self.bullets, ", ".join(self.tags))
        return sum(1 + len(text) // _LETTERS_PER_LINE for text in texts) > _LINES_KEPT_TOGETHER


@dataclass(frozen=True)
class Item:
    """One of several, and how far it goes, in words or as `4/5`; either may be missing."""

    name: str
    level: str = ""

    @property
    def share(self) -> int:
        """How much of the whole its level is, in percent; 0 when it is in words."""
        match = _SHARE.fullmatch(self.level)
        return round(100 * float(match[1]) / int(match[2])) if match else 0

    def __str__(self) -> str:
        """Both on one line: `Rust (4/5)`."""
        return f"{self.name} ({self.level})" if self.name and self.level else self.name or self.level


@dataclass(frozen=True)
class Fact:
    """A name and what belongs to it; either may be missing."""

    name: str
    items: tuple[Item, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """The items as plain text."""
        return tuple(map(str, self.items))


@dataclass(frozen=True)
class Quote:
    """What somebody said, and who."""

    paragraphs: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class Section:
    """One section; only the field of its kind is filled."""

    key: str
    title: str
    kind: Literal["prose", "entries", "facts", "quotes"]
    prose: tuple[Block, ...] = ()
    entries: tuple[Entry, ...] = ()
    facts: tuple[Fact, ...] = ()
    quotes: tuple[Quote, ...] = ()

    @property
    def widths(self) -> tuple[int, ...]:
        """The letters of each of its lines or longer runs of text, in halves of an em where they are Chinese."""
        return tuple(map(columns, self._lines()))

    @property
    def item_widths(self) -> tuple[int, ...]:
        """The same where everything has a line of its own."""
        return tuple(map(columns, self._items()))

    def _lines(self) -> Iterator[str]:
        yield self.title
        yield from (block.text for block in self.prose)
        for entry in self.entries:
            yield entry.title.text
            if entry.subtitle and not entry.is_compact:
                yield " · ".join(part.text for part in entry.subtitle)
            yield from (*entry.notes, *entry.bullets)
            if entry.tags:
                yield ", ".join(entry.tags)
        yield from (f"{fact.name}: {', '.join(fact.values)}" for fact in self.facts)
        yield from (text for quote in self.quotes for text in (*quote.paragraphs, quote.name))

    def _items(self) -> Iterator[str]:
        yield self.title
        for entry in self.entries:
            yield from (part.text for part in (entry.title, *entry.subtitle))
            yield from filter(None, (entry.dates, *entry.notes, *entry.bullets))
        for fact in self.facts:
            yield from filter(None, (fact.name, *fact.values))

    def __bool__(self) -> bool:
        """Whether there is anything to print."""
        return bool(self.prose or self.entries or self.facts or self.quotes)
