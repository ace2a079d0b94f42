"""The templates there are. Each is a `<name>.html.j2` and a `<name>.css` beside this file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from resumepair_renderer.typeface import INTER, LORA, OPEN_SANS, SANS, SERIF, TINOS


@dataclass(frozen=True, slots=True)
class Template:
    """A template and what it does unless the document says otherwise: points, ratio, millimetres.

    `section_order` names the sections that come first, the others follow in their usual order; what
    the document orders goes before. Sections of `sidebar` stand beside the others as long as there
    is room on the first page.
    """

    name: str
    description: str
    font_family: str
    font_size: float
    line_height: float
    margin: float
    primary: str
    text: str = "#1c1c1e"
    background: str = "#ffffff"
    section_order: tuple[str, ...] = ()
    sidebar: frozenset[str] = frozenset()
    is_dense: bool = False
    """Made to hold much: it may be set tighter than others to save a last page of a few lines."""

    bleed: bool = False
    """Colour goes to the edge of the paper: the template's own sheet keeps text off the sides and the first top."""


DEFAULT_TEMPLATE: Final = "classic"

TEMPLATES: Final[Mapping[str, Template]] = {
    template.name: template
    for template in (
        Template(
            name="classic",
            description="One calm column in a book face.",
            font_family=SERIF,
            font_size=10,
            line_height=1.38,
            margin=19,
            primary="#1f3a5f",
        ),
        Template(
            name="modern",
            description="A clear sans with confident colour.",
            font_family=INTER,
            font_size=9.3,
            line_height=1.45,
            margin=17,
            primary="#1f4bd8",
            text="#20242c",
            bleed=True,
        ),
        Template(
            name="compact",
            description="Dense and orderly: as much as one page can hold.",
            font_family=SANS,
            font_size=9.2,
            line_height=1.25,
            margin=12.5,
            primary="#a3341b",
            is_dense=True,
        ),
        Template(
            name="executive",
            description="Elegant and generous, for people with a long story.",
            font_family=LORA,
            font_size=9.5,
            line_height=1.46,
            margin=22,
            primary="#7a5a22",
            text="#26231f",
        ),
        Template(
            name="technical",
            description="Skills and projects first, with the tools they were made with.",
            font_family=SANS,
            font_size=10,
            line_height=1.38,
            margin=16,
            primary="#0b6b58",
            text="#1a2024",
            section_order=("summary", "skills", "projects", "work"),
        ),
        Template(
            name="academic",
            description="Conservative, dates in a column of their own, education and publications first.",
            font_family=TINOS,
            font_size=10.5,
            line_height=1.3,
            margin=21,
            primary="#202a44",
            text="#141414",
            section_order=("summary", "education", "publications", "work", "awards", "projects"),
        ),
        Template(
            name="sidebar",
            description="Two columns: who somebody is beside what they did.",
            font_family=OPEN_SANS,
            font_size=9.2,
            line_height=1.38,
            margin=13,
            primary="#0f5c6e",
            text="#22282c",
            bleed=True,
            sidebar=frozenset({"skills", "languages", "certifications", "interests"}),
        ),
    )
}
