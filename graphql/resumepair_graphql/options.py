"""Render options: what a request may ask for, and what a job or a schedule says was asked for."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

import strawberry

from resumepair_graphql.enums import described
from resumepair_graphql.errors import ErrorCode, Refusal
from resumepair_graphql.proofs import Fit
from resumepair_graphql.templates import TEMPLATES

KNOWN_TEMPLATES = ", ".join(template.name for template in TEMPLATES)

EnumT = TypeVar("EnumT", bound=Enum)


@strawberry.enum(description="The size of a page.")
class PageSize(Enum):
    """The sizes that the renderer prints."""

    A4 = described("A4", "210 × 297 mm.")
    LETTER = described("Letter", "8.5 × 11 inches.")


@strawberry.enum(description="What kind of file an export is.")
class ExportFormat(Enum):
    """The formats that jobs are made in."""

    PDF = described("pdf", "A PDF.")


@strawberry.input(description="How the document is rendered; what is left out follows the document's own settings.")
class ExportOptions:
    """Render options."""

    template: str | None = strawberry.field(default=None, description=f"One of: {KNOWN_TEMPLATES}.")
    page_size: PageSize | None = strawberry.field(default=None, description="The size of a page.")
    fit: Fit | None = strawberry.field(default=None, description="Whether it has to end on its first page.")

    def checked(self) -> dict[str, Any]:
        """The options as the job keeps them.

        Raises:
            Refusal: INVALID_INPUT; there is no such template.
        """
        if self.template is not None and self.template not in {template.name for template in TEMPLATES}:
            raise Refusal(
                ErrorCode.INVALID_INPUT, f"There is no such template; there is: {KNOWN_TEMPLATES}.", "options.template"
            )
        chosen = {
            "template": self.template,
            "pageSize": self.page_size and self.page_size.value,
            "fit": self.fit and self.fit.value,
        }
        return {name: value for name, value in chosen.items() if value is not None}


@strawberry.type(description="The options that were asked for; null is what the document decides.")
class RequestedOptions:
    """The column `options` of a job or a schedule."""

    template: str | None = strawberry.field(description="Name of the template.")
    page_size: PageSize | None = strawberry.field(description="The size of a page.")
    fit: Fit | None = strawberry.field(description="Whether it has to end on its first page.")

    @classmethod
    def from_json(cls, options: Mapping[str, object]) -> "RequestedOptions":
        """What callers of the SQL functions asked for may be anything: the renderer refuses it, here it is null."""
        template = options.get("template")
        return cls(
            template=template if isinstance(template, str) else None,
            page_size=_member(PageSize, options.get("pageSize")),
            fit=_member(Fit, options.get("fit")),
        )


def _member(enum: type[EnumT], value: object) -> EnumT | None:
    """The member of this value, in whatever capitals, as the renderer reads it."""
    asked = value.casefold() if isinstance(value, str) else None
    return next((member for member in enum if str(member.value).casefold() == asked), None)
