"""A document as HTML, for Chromium to print or for people to read: one file, no scripts, nothing to fetch."""

import re
from collections.abc import Callable
from functools import cache
from typing import Final, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from resumepair_renderer.appearance import Appearance
from resumepair_renderer.document import ResumeDocument
from resumepair_renderer.options import RenderOptions
from resumepair_renderer.page_view import PageView, page_view, wording_of
from resumepair_renderer.style import Style, style_of
from resumepair_renderer.templates import DEFAULT_TEMPLATE, TEMPLATES, Template

Target = Literal["print", "screen"]
"""`print` shows nothing on a screen, so that the browser lays the document out once."""

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; form-action 'none'; base-uri 'none'"
)
"""The Content-Security-Policy of documents: what they may load is what they bring themselves."""

_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_SPACE: Final = re.compile(r"\s+")


def render_html(document: ResumeDocument, options: RenderOptions, *, photo: str = "", target: Target = "print") -> str:
    """The HTML of `document`; `photo` is a data: URI of ours."""
    wording = wording_of(document)
    template = template_of(document.appearance, options)
    style, _ = style_of(document, options, wording, template)
    return fill(template, page_view(document, wording, photo=photo, template=template), style, target)


def fill(template: Template, page: PageView, style: Style, target: Target = "print") -> str:
    """The HTML of `page` in `template`."""
    return (
        _environment()
        .get_template(f"{template.name}.html.j2")
        .render(page=page, style=style, target=target, policy=POLICY)
    )


def template_of(appearance: Appearance, options: RenderOptions) -> Template:
    """The caller's choice, else the document's if we have it, else the default."""
    if options.template is not None:
        return TEMPLATES[options.template]
    return TEMPLATES.get(appearance.template.casefold(), TEMPLATES[DEFAULT_TEMPLATE])


def _css_string(text: str) -> str:
    """`text` for the inside of a CSS string, every letter that could end it or the sheet escaped."""
    return "".join(letter if letter.isalnum() else f"\\{ord(letter):x} " for letter in text)


class _Loader(PackageLoader):
    """Hands stylesheets out without what only people read: every document carries them."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool] | None]:
        source, name, is_fresh = super().get_source(environment, template)
        if template.endswith(".css"):
            source = _SPACE.sub(" ", _COMMENT.sub("", source))
        return source, name, is_fresh


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=_Loader("resumepair_renderer", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["css_string"] = _css_string
    return environment
