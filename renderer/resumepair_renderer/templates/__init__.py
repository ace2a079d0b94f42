"""The templates there are. Each is a `<name>.html.j2` and a `<name>.css` beside this file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from resumepair_renderer.typeface import SERIF


@dataclass(frozen=True, slots=True)
class Template:
    """A template and what it does unless the document says otherwise: points, ratio, millimetres."""

    name: str
    description: str
    font_family: str
    font_size: float
    line_height: float
    margin: float
    primary: str
    text: str
    background: str


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
            text="#1c1c1e",
            background="#ffffff",
        ),
    )
}
