# ruff: noqa: D102 -- lxml says what they do
"""The XML under python-docx, where it has no words for a thing: typed here, as lxml is not."""

from collections.abc import Iterator, Mapping
from typing import Protocol, cast

from docx.oxml import OxmlElement, parse_xml  # pyright: ignore[reportUnknownVariableType]
from docx.oxml.ns import qn


class Element(Protocol):
    """What is used of an element; names are qualified by `qn`."""

    tag: str
    text: str | None

    def get(self, name: str) -> str | None: ...
    def set(self, name: str, value: str) -> None: ...
    def append(self, child: "Element") -> None: ...
    def insert(self, index: int, child: "Element") -> None: ...
    def remove(self, child: "Element") -> None: ...
    def replace(self, old: "Element", new: "Element") -> None: ...
    def getparent(self) -> "Element": ...
    def findall(self, path: str) -> list["Element"]: ...
    def iter(self, name: str) -> Iterator["Element"]: ...
    def __iter__(self) -> Iterator["Element"]: ...
    def insert_element_before(self, child: "Element", *successors: str) -> None: ...


def element(tag: str, attributes: Mapping[str, str] | None = None) -> Element:
    """A new element; its name and those of its attributes carry their prefix: `w:bidi`."""
    made = cast("Element", OxmlElement(tag))
    for name, value in (attributes or {}).items():
        made.set(qn(name), value)
    return made


def parsed(source: str) -> Element:
    """The element that `source`, our own XML, describes."""
    return cast("Element", parse_xml(source))


def remove_all(parent: Element, *tags: str) -> None:
    """Take every child of these names out of `parent`."""
    for tag in tags:
        for child in parent.findall(qn(tag)):
            parent.remove(child)
