"""The values that stylesheets take from a document, each checked, or ours; what was changed is said."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from resumepair_renderer.appearance import Theme, Typography
from resumepair_renderer.contrast import MARK_RATIO, TEXT_RATIO, ink_on, mixed, readable
from resumepair_renderer.document import ResumeDocument
from resumepair_renderer.errors import Problem
from resumepair_renderer.options import PageSize, RenderOptions
from resumepair_renderer.templates import Template
from resumepair_renderer.typeface import chosen, font_stack, generic
from resumepair_renderer.wording import Wording

_PAPER: Final[Mapping[PageSize, tuple[float, float]]] = {"A4": (210.0, 297.0), "Letter": (215.9, 279.4)}


@dataclass(frozen=True)
class Palette:
    """Colours that can be read, as `#rrggbb`, made from the three of a theme.

    `primary` is for large letters, lines and marks, `accent` the same for small letters; `muted` is
    for what matters less than the text, `rule` for hairlines, `tint` for surfaces, `ink` for letters
    on `primary`.
    """

    primary: str
    accent: str
    text: str
    muted: str
    rule: str
    tint: str
    ink: str
    background: str


@dataclass(frozen=True)
class Style:
    """How one document looks: millimetres, points, ratios, CSS."""

    page_size: PageSize
    margin: float
    font_family: str
    generic_family: str
    family: str
    font_size: float
    line_height: float
    palette: Palette
    page_numbers: Literal["nowhere", "later-pages", "every-page"]
    bleed: bool

    @property
    def paper(self) -> tuple[float, float]:
        """Width and height of the page, in millimetres."""
        return _PAPER[self.page_size]

    @property
    def area(self) -> tuple[float, float]:
        """Width and height of what is set on the first page, in millimetres: the paper without its `@page` margins."""
        width, height = self.paper
        if self.bleed:
            return width, height - self.margin
        return width - 2 * self.margin, height - 2 * self.margin


def style_of(
    document: ResumeDocument, options: RenderOptions, wording: Wording, template: Template
) -> tuple[Style, tuple[Problem, ...]]:
    """The style of `document` in `template`, and what of its wishes could not be taken as it stands."""
    appearance = document.appearance
    theme, typography = appearance.theme, appearance.typography
    palette = _palette(
        theme.primary or template.primary, theme.text or template.text, theme.background or template.background
    )
    family, _ = chosen(typography.font_family, template.font_family)
    style = Style(
        page_size=options.page_size or document.settings.page_size or wording.page_size,
        margin=appearance.margin or template.margin,
        font_family=font_stack(typography.font_family, template.font_family, wording.locale.language),
        generic_family=generic(typography.font_family, template.font_family),
        family=family,
        font_size=typography.font_size or template.font_size,
        line_height=typography.line_height or template.line_height,
        palette=palette,
        page_numbers=_page_numbers(show=appearance.show_page_numbers),
        bleed=template.bleed,
    )
    problems = (
        *_template_problems(appearance.template, options, template),
        *_colour_problems(theme, palette),
        *_font_problems(typography, template),
    )
    return style, problems


@lru_cache(maxsize=256)
def _palette(primary: str, text: str, background: str) -> Palette:
    text = readable(text, background, TEXT_RATIO)
    primary = readable(primary, background, MARK_RATIO)
    tint = mixed(primary, background, 0.075)
    return Palette(
        primary=primary,
        accent=readable(primary, tint, TEXT_RATIO),
        text=text,
        muted=readable(mixed(text, background, 0.7), tint, TEXT_RATIO),
        rule=mixed(text, background, 0.2),
        tint=tint,
        ink=ink_on(primary),
        background=background,
    )


def _template_problems(asked: str, options: RenderOptions, template: Template) -> Iterator[Problem]:
    if asked and options.template is None and asked.casefold() != template.name:
        yield Problem("appearance.template", f"there is no such template, {template.name} is taken: {asked[:60]}")


def _colour_problems(theme: Theme, palette: Palette) -> Iterator[Problem]:
    for name, asked, got in (("text", theme.text, palette.text), ("primary", theme.primary, palette.primary)):
        if asked and asked != got:
            yield Problem(f"appearance.theme.{name}", f"too close to the background to be read: {asked} became {got}")


def _font_problems(typography: Typography, template: Template) -> Iterator[Problem]:
    family, is_meant = chosen(typography.font_family, template.font_family)
    if not is_meant:
        message = f"not one of our fonts, set in {family} instead: {typography.font_family[:60]}"
        yield Problem("appearance.typography.fontFamily", message)


def _page_numbers(*, show: bool | None) -> Literal["nowhere", "later-pages", "every-page"]:
    """Where numbers go: by default from the second page on, so that a single page has none.

    The footer's name and address stand on later pages in any case: see PageView.
    """
    if show is None:
        return "later-pages"
    return "every-page" if show else "nowhere"
