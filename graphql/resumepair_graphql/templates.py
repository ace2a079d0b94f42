"""The templates, as a page needs them on which one is picked. A test holds them to the renderer's own."""

import strawberry

from resumepair_graphql.prices import price
from resumepair_graphql.sign_in import OPEN


@strawberry.type(description="A look that a document can be rendered in.")
class Template:
    """What a client shows of a template; the renderer has its style."""

    name: str = strawberry.field(description="Its name, for `options.template`.")
    description: str = strawberry.field(description="What it is like, in one sentence.")
    font_family: str = strawberry.field(description="The font that it is set in, unless the document says otherwise.")
    primary_color: str = strawberry.field(
        description="The colour of its headings, unless the document says otherwise: `#rrggbb`."
    )
    has_sidebar: bool = strawberry.field(
        default=False, description="Whether some sections stand beside the others, in two columns."
    )
    is_dense: bool = strawberry.field(default=False, description="Whether it is made to hold much on a page.")
    is_default: bool = strawberry.field(
        default=False, description="Whether it is used where neither the request nor the document names one."
    )


TEMPLATES = (
    Template(
        name="classic",
        description="One calm column in a book face.",
        font_family="Source Serif 4",
        primary_color="#1f3a5f",
        is_default=True,
    ),
    Template(
        name="modern",
        description="A clear sans with confident colour.",
        font_family="Inter",
        primary_color="#1f4bd8",
    ),
    Template(
        name="compact",
        description="Dense and orderly: as much as one page can hold.",
        font_family="Source Sans 3",
        primary_color="#a3341b",
        is_dense=True,
    ),
    Template(
        name="executive",
        description="Elegant and generous, for people with a long story.",
        font_family="Lora",
        primary_color="#7a5a22",
    ),
    Template(
        name="technical",
        description="Skills and projects first, with the tools they were made with.",
        font_family="Source Sans 3",
        primary_color="#0b6b58",
    ),
    Template(
        name="academic",
        description="Conservative, dates in a column of their own, education and publications first.",
        font_family="Tinos",
        primary_color="#202a44",
    ),
    Template(
        name="sidebar",
        description="Two columns: who somebody is beside what they did.",
        font_family="Open Sans",
        primary_color="#0f5c6e",
        has_sidebar=True,
    ),
)


@strawberry.type
class TemplateQueries:
    """Query fields about templates."""

    @strawberry.field(
        description="The templates there are, in the order in which to show them. Needs no token.",
        metadata={**OPEN, **price(entries=len(TEMPLATES))},
    )
    def templates(self) -> list[Template] | None:
        """They come with the program."""
        return list(TEMPLATES)
