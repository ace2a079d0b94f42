"""What a caller may choose for one render."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeVar

from resumepair_renderer.errors import InvalidOptions
from resumepair_renderer.templates import TEMPLATES

PageSize = Literal["A4", "Letter"]
T = TypeVar("T")
D = TypeVar("D")

_PAGE_SIZES: Final[Mapping[str, PageSize]] = {"a4": "A4", "letter": "Letter"}


class Format(StrEnum):
    """What a document is rendered to; the value is the file name's extension."""

    PDF = "pdf"
    PNG = "png"
    """A picture of the PDF's first page."""

    HTML = "html"
    TXT = "txt"
    """Plain text, for the forms of applicant systems."""

    DOCX = "docx"
    JSON = "json"
    """JSON Resume 1.x."""

    @property
    def media_type(self) -> str:
        """The type it is served as (RFC 6838)."""
        return _MEDIA_TYPES[self]


class Fit(StrEnum):
    """Whether the document has to end on its first page."""

    NONE = "NONE"
    ONE_PAGE = "ONE_PAGE"


_MEDIA_TYPES: Final[Mapping[Format, str]] = {
    Format.PDF: "application/pdf",
    Format.PNG: "image/png",
    Format.HTML: "text/html; charset=utf-8",
    Format.TXT: "text/plain; charset=utf-8",
    Format.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    Format.JSON: "application/json",
}


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """None leaves the choice to the document, and then to its language.

    Raises:
        InvalidOptions: there is no such template or page size.
    """

    template: str | None = None
    page_size: PageSize | None = None
    format: Format = Format.PDF
    fit: Fit = Fit.NONE

    def __post_init__(self) -> None:
        if self.template is not None and self.template not in TEMPLATES:
            raise InvalidOptions(f"template: not one of {', '.join(TEMPLATES)}: {self.template!r}")
        if self.page_size is not None and self.page_size not in _PAGE_SIZES.values():
            raise InvalidOptions(f"page size: not one of A4, Letter: {self.page_size!r}")

    @classmethod
    def parse(cls, mapping: Mapping[str, object]) -> "RenderOptions":
        """Options from JSON: `{"template": "classic", "pageSize": "A4", "format": "pdf", "fit": "ONE_PAGE"}`.

        Each may be missing or null; capitals do not matter but in `template`.

        Raises:
            InvalidOptions: a value is wrong; keys nobody knows are ignored.
        """
        template = mapping.get("template")
        if template is not None and not isinstance(template, str):
            raise InvalidOptions("template: expected text")
        return cls(
            template=template,
            page_size=_choice("pageSize", mapping, _PAGE_SIZES, None),
            format=_choice("format", mapping, {format_.value: format_ for format_ in Format}, Format.PDF),
            fit=_choice("fit", mapping, {fit.value.casefold(): fit for fit in Fit}, Fit.NONE),
        )


def _choice(key: str, mapping: Mapping[str, object], choices: Mapping[str, T], default: D) -> T | D:
    value = mapping.get(key)
    if value is None:
        return default
    chosen = choices.get(value.casefold()) if isinstance(value, str) else None
    if chosen is None:
        raise InvalidOptions(f"{key}: not one of {', '.join(choice.upper() for choice in choices)}: {value!r}")
    return chosen
