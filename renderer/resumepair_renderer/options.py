"""What a caller may choose for one render."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from resumepair_renderer.errors import InvalidOptions
from resumepair_renderer.templates import TEMPLATES

PageSize = Literal["A4", "Letter"]

_PAGE_SIZES: Final[Mapping[str, PageSize]] = {"a4": "A4", "letter": "Letter"}


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """None leaves the choice to the document, and then to its language.

    Raises:
        InvalidOptions: there is no such template or page size.
    """

    template: str | None = None
    page_size: PageSize | None = None

    def __post_init__(self) -> None:
        if self.template is not None and self.template not in TEMPLATES:
            raise InvalidOptions(f"template: not one of {', '.join(TEMPLATES)}: {self.template!r}")
        if self.page_size is not None and self.page_size not in _PAGE_SIZES.values():
            raise InvalidOptions(f"page size: not one of A4, Letter: {self.page_size!r}")

    @classmethod
    def parse(cls, mapping: Mapping[str, object]) -> "RenderOptions":
        """Options from JSON: `{"template": "classic", "pageSize": "A4"}`, each may be missing.

        Raises:
            InvalidOptions: a value is wrong; keys nobody knows are ignored.
        """
        template, page_size = mapping.get("template"), mapping.get("pageSize")
        if template is not None and not isinstance(template, str):
            raise InvalidOptions("template: expected text")
        if page_size is None:
            return cls(template)
        known = _PAGE_SIZES.get(page_size.casefold()) if isinstance(page_size, str) else None
        if known is None:
            raise InvalidOptions(f"pageSize: not one of A4, LETTER: {page_size!r}")
        return cls(template, known)
