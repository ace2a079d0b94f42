"""A document as HTML that Chromium prints: one file, no scripts, nothing to fetch."""

from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from resumepair_renderer.appearance import Appearance
from resumepair_renderer.document import ResumeDocument
from resumepair_renderer.options import RenderOptions
from resumepair_renderer.page_view import page_view, wording_of
from resumepair_renderer.templates import DEFAULT_TEMPLATE, TEMPLATES, Template
from resumepair_renderer.typeface import font_stack
from resumepair_renderer.wording import Wording


@dataclass(frozen=True)
class Style:
    """The values that stylesheets take from the document; all of them checked or our own."""

    page_size: str
    margin: float
    font_family: str
    font_size: float
    line_height: float
    primary: str
    text: str
    background: str
    page_numbers: str


def render_html(document: ResumeDocument, options: RenderOptions) -> str:
    """The HTML of `document`, ready to be printed."""
    wording = wording_of(document)
    template = template_of(document.appearance, options)
    return (
        _environment()
        .get_template(f"{template.name}.html.j2")
        .render(
            page=page_view(document, wording),
            style=_style(document, options, template, wording),
        )
    )


def template_of(appearance: Appearance, options: RenderOptions) -> Template:
    """The caller's choice, else the document's if we have it, else the default."""
    if options.template is not None:
        return TEMPLATES[options.template]
    return TEMPLATES.get(appearance.template, TEMPLATES[DEFAULT_TEMPLATE])


def _style(document: ResumeDocument, options: RenderOptions, template: Template, wording: Wording) -> Style:
    appearance = document.appearance
    theme, typography = appearance.theme, appearance.typography
    language = wording.locale.language
    return Style(
        page_size=options.page_size or document.settings.page_size or wording.page_size,
        margin=appearance.margin or template.margin,
        font_family=font_stack(typography.font_family, template.font_family, language),
        font_size=typography.font_size or template.font_size,
        line_height=typography.line_height or template.line_height,
        primary=theme.primary or template.primary,
        text=theme.text or template.text,
        background=theme.background or template.background,
        page_numbers=_page_numbers(show=appearance.show_page_numbers),
    )


def _page_numbers(*, show: bool | None) -> str:
    """Where numbers go: by default from the second page on, so that a single page has none.

    The footer's name and address stand on later pages in any case: see PageView.
    """
    if show is None:
        return "later-pages"
    return "every-page" if show else "nowhere"


def _css_string(text: str) -> str:
    """`text` for the inside of a CSS string, every letter that could end it or the sheet escaped."""
    return "".join(letter if letter.isalnum() else f"\\{ord(letter):x} " for letter in text)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("resumepair_renderer", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["css_string"] = _css_string
    return environment
