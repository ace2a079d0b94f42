"""What templates see of one section: everything already worded, nothing decided about its looks.

A section is `prose` (paragraphs and bullets), `entries` (things with a head), `facts` (a name and
its values on one line) or `quotes`.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from resumepair_renderer.link import Anchor

_LETTERS_PER_LINE: Final = 95
_LINES_KEPT_TOGETHER: Final = 14
_FULL_WIDTH: Final = re.compile("[\u2e80-\uffdc]")


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
class Fact:
    """A name and its values; either may be missing."""

    name: str
    values: tuple[str, ...] = ()


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
    def width(self) -> int:
        """The letters of its longest run of text, in halves of an em where it is Chinese."""
        texts = (
            *(block.text for block in self.prose),
            *(text for entry in self.entries for text in (*entry.notes, *entry.bullets)),
            *(", ".join(fact.values) for fact in self.facts),
            *(text for quote in self.quotes for text in quote.paragraphs),
        )
        return max((len(text) + len(_FULL_WIDTH.findall(text)) for text in texts), default=0)

    def __bool__(self) -> bool:
        """Whether there is anything to print."""
        return bool(self.prose or self.entries or self.facts or self.quotes)
