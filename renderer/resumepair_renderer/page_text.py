"""The text of a PDF's pages, made to be searched for values of the document it was made from.

Readers break lines where the page does, and rightly; all other white space has to be as in the
document. So values are looked for without their white space, and then it is checked that the
words begin and end where they should. Positions count letters without white space.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from enum import Enum, auto
from itertools import accumulate
from typing import Final, NamedTuple

from resumepair_renderer.text import without_ignorables

# Scripts that readers of PDF put together in ways of their own: they add spaces between letters and
# turn around words next to Latin ones. Hebrew to Arabic, Indic, Thai to Burmese, Khmer, presentation forms;
# and pictographs, beside which they lose spaces.
_COMPLEX: Final = re.compile("[\u0590-\u109f\u1780-\u17ff\u2600-\u27bf\ufb1d-\ufdff\ufe70-\ufefe\U0001f000-\U0001faff]")
_PUNCTUATION: Final = re.compile("[\\s!-/:-@[-`{-~\u00a1-\u00bf\u060c\u061b\u061f\u066a-\u066d\u2010-\u205e]+")
_FULL_WIDTH: Final = "\u2e80"
# U+FFFE is PDFium's mark of a hyphen at the end of a line, which it joins to the next.
_HYPHENS: Final = {0x2010: "-", 0x2011: "-", 0xFFFE: "-\n"}
_FULL_WORD: Final = 7  # letters: a word is broken only when it is too long for a line of its own
_FULL_LINE: Final = 4  # in scripts that break anywhere
_BREAKING: Final = ("-", "/", "@")  # after these, columns that are narrow may go on in the next line
_FOOTER: Final = 240
_PROBE: Final = 12
_NEARBY: Final = 400
_ATTEMPTS: Final = 200  # a short value may begin many words
_PAGES: Final = 40


class Match(Enum):
    """How a value was found."""

    EXACT = auto()
    OTHER_SPACES = auto()
    """Its letters are there, its words are not."""

    NONE = auto()


class Found(NamedTuple):
    """`end` is where the value ends; without a match it is where the search began."""

    match: Match
    end: int


class PageText:
    """The text of all pages."""

    def __init__(self, pages: Iterable[str]) -> None:
        words: list[str] = []
        self._spaces: list[int] = []
        self._full_lines: set[int] = set()
        self._page_ends: list[int] = []
        end = 0
        for page in pages:
            for line in _plain(page).split("\n"):
                on_line = line.split()
                for word in on_line:
                    words.append(word)
                    end += len(word)
                    self._spaces.append(end)
                if on_line and _may_break(on_line):
                    self._full_lines.add(end)
            self._page_ends.append(end)
        self._letters = "".join(words)
        self._space_set = {0, *self._spaces}

    def find(self, text: str, start: int = 0, end: int | None = None) -> Found:
        """The first place between `start` and `end` where `text` stands."""
        words = _plain(text).split()
        if is_complex(text):
            return self._find_complex(words, start, end)
        letters = "".join(words)
        almost: Found | None = None
        first = self._letters.find(letters[:_PROBE], start, end)
        if first < 0:
            return Found(Match.NONE, start)
        at = first - 1
        for _ in range(_ATTEMPTS):
            at = self._letters.find(letters, at + 1, end)
            if at < 0:
                break
            stop = at + len(letters)
            if self._is_apart(at, stop) and self._has_words(words, at, stop):
                return Found(Match.EXACT, stop)
            almost = almost or Found(Match.OTHER_SPACES, stop)
        stop = self._across_pages(letters, first, end)
        if stop >= 0:
            return Found(Match.EXACT, stop)
        return almost or Found(Match.NONE, start)

    def _find_complex(self, words: list[str], start: int, end: int | None) -> Found:
        """Without regard to white space; words that were turned round may stand before those that were not."""
        letters = "".join(words)
        at = self._letters.find(letters, start, end)
        stop = at + len(letters) if at >= 0 else end
        near = self._words_nearby(words, start, stop)
        if near < 0 and at < 0:
            near = self._across_pages(letters, start, end)
        if near < 0 and at < 0:
            return Found(Match.NONE, start)
        return Found(Match.EXACT, near if near >= 0 else at + len(letters))

    def _is_apart(self, start: int, stop: int) -> bool:
        """Whether what stands there is not a part of other words."""
        return self._is_edge(start) and self._is_edge(stop)

    def _is_edge(self, at: int) -> bool:
        if at in self._space_set or at >= len(self._letters):
            return True
        before, after = self._letters[at - 1], self._letters[at]
        return not (_is_letter(before) and _is_letter(after))

    def _has_words(self, words: list[str], start: int, stop: int) -> bool:
        """Whether white space is where it is between `words`, but for the ends of full lines."""
        found = self._spaces[bisect_right(self._spaces, start) : bisect_left(self._spaces, stop)]
        expected = list(accumulate(map(len, words[:-1]), initial=start))[1:]
        if found == expected:
            return True
        others = set(found).difference(expected)
        return len(found) == len(expected) + len(others) and others <= self._full_lines

    def _across_pages(self, letters: str, start: int, stop: int | None) -> int:
        """Where `letters` end if a page ends among them, else -1; they begin between `start` and `stop`."""
        probe = letters[:_PROBE]
        at = self._letters.find(probe, start, stop)
        for _ in range(_PAGES):
            if at < 0:
                break
            page = bisect_right(self._page_ends, at)
            end = self._page_ends[page]
            if end - at < len(letters) and self._letters.startswith(letters[: end - at], at):
                found = self._continued(letters[end - at :], page + 1)
                if found >= 0:
                    return found
            at = self._letters.find(probe, max(at + 1, end - len(letters)), stop)
        return -1

    def _continued(self, rest: str, page: int) -> int:
        """Where `rest` ends if it begins on top of `page`, after no more than a running header or footer."""
        while page < len(self._page_ends):
            start, end = self._page_ends[page - 1], self._page_ends[page]
            at = self._letters.find(rest[:_PROBE], start, start + _FOOTER)
            if at < 0:
                return -1
            if self._letters.startswith(rest, at):
                return at + len(rest)
            if not self._letters.startswith(rest[: end - at], at):
                return -1
            rest, page = rest[end - at :], page + 1
        return -1

    def _words_nearby(self, words: list[str], start: int, end: int | None) -> int:
        """Where the last of `words` ends if all stand near each other in any order, else -1."""
        text = " ".join(words)
        near = start + 3 * len(text) + _NEARBY
        limit = near if end is None else min(near, end)
        last = -1
        for word in _PUNCTUATION.split(text):
            at = self._letters.find(word, start, limit)
            if at < 0:
                return -1
            last = max(last, at + len(word))
        return last


def is_complex(text: str) -> bool:
    """Whether readers put some of `text` together from more than the letters they find."""
    return not text.isascii() and _COMPLEX.search(text) is not None


def _plain(text: str) -> str:
    """`text` without what leaves no trace, and with one hyphen for all: fonts have no more glyphs for them."""
    return text if text.isascii() else without_ignorables(text).translate(_HYPHENS)


def _may_break(line: list[str]) -> bool:
    """Whether the last word of `line` may go on in the next one: it is all there is on a line that it fills.

    Where lines break anywhere, the line has to be one.
    """
    last = line[-1]
    if last[-1] >= _FULL_WIDTH:
        return sum(map(len, line)) >= _FULL_LINE
    return (len(line) == 1 and len(last) >= _FULL_WORD) or last.endswith(_BREAKING)


def _is_letter(letter: str) -> bool:
    return letter.isalnum() and letter < _FULL_WIDTH
