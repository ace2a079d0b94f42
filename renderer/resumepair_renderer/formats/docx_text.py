"""Runs of text in a Word document: their direction, and the links among them."""

import unicodedata
from collections.abc import Iterator
from typing import Final, cast

from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.text.run import CT_R
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from resumepair_renderer.formats.docx_xml import Element, element
from resumepair_renderer.link import Anchor

HYPERLINK: Final = "Hyperlink"

_RIGHT_TO_LEFT: Final = frozenset({"R", "AL"})


def add_text(paragraph: Paragraph, text: str, *, is_right_to_left: bool, style: str | None = None) -> list[Run]:
    """Append `text`, in one run for each direction it is written in: Word wants to be told."""
    runs: list[Run] = []
    for part, is_reversed in by_direction(text, is_right_to_left=is_right_to_left):
        run = paragraph.add_run(part, style)
        run.font.rtl = is_reversed or None
        runs.append(run)
    return runs


def add_anchor(paragraph: Paragraph, anchor: Anchor, *, is_right_to_left: bool) -> None:
    """Append `anchor`, as a link that works if it leads anywhere."""
    if not anchor.href:
        add_text(paragraph, anchor.text, is_right_to_left=is_right_to_left)
        return
    relationship = paragraph.part.relate_to(anchor.href, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    hyperlink = element("w:hyperlink", {"r:id": relationship})
    cast("Element", paragraph._p).append(hyperlink)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    # Addresses and numbers are never turned around: +971 4 555 starts with its plus.
    is_turned = is_right_to_left and any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in anchor.text)
    for part, is_reversed in by_direction(anchor.text, is_right_to_left=is_turned):
        link = element("w:r")
        hyperlink.append(link)
        run = Run(cast("CT_R", link), paragraph)
        run.text, run.style, run.font.rtl = part, HYPERLINK, is_reversed or None


def by_direction(text: str, *, is_right_to_left: bool) -> Iterator[tuple[str, bool]]:
    """`text` in pieces with whether each is written from right to left.

    What has no direction of its own goes with its neighbours where they agree, else with the
    paragraph (UAX 9, rules N1 and N2).
    """
    piece, undecided, current = "", "", is_right_to_left
    for letter in text:
        direction = unicodedata.bidirectional(letter)
        if direction != "L" and direction not in _RIGHT_TO_LEFT:
            undecided += letter
            continue
        is_reversed = direction in _RIGHT_TO_LEFT
        if is_reversed == current:
            piece += undecided + letter
        else:
            kept, given = (undecided, "") if current == is_right_to_left else ("", undecided)
            if piece + kept:
                yield piece + kept, current
            piece, current = given + letter, is_reversed
        undecided = ""
    if current == is_right_to_left or not undecided:
        piece, undecided = piece + undecided, ""
    if piece:
        yield piece, current
    if undecided:
        yield undecided, is_right_to_left
