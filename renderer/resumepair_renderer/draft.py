"""A document made ready for any format: read, worded, styled, with what was not taken as it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from resumepair_renderer.document import ResumeDocument
from resumepair_renderer.errors import DocumentTooLarge, Problem
from resumepair_renderer.file_name import file_name
from resumepair_renderer.fit import Density, Sheet
from resumepair_renderer.html import Target, fill, template_of
from resumepair_renderer.intake import parse_document
from resumepair_renderer.options import RenderOptions
from resumepair_renderer.page_view import PageView, page_view, wording_of
from resumepair_renderer.photo import embed
from resumepair_renderer.sections import unknown_sections
from resumepair_renderer.style import Style, style_of
from resumepair_renderer.templates import Template
from resumepair_renderer.wording import Wording

MAX_HTML: Final = 1_000_000
"""Characters. Fifty pages hold less than half as many: what is longer need not be printed to be refused."""

_TALL_SCRIPTS: Final = frozenset({"ar", "fa", "he", "hi", "ja", "ko", "mr", "ne", "th", "ur", "zh"})


@dataclass(frozen=True, slots=True)
class Draft:
    """One document on its way to one format."""

    document: ResumeDocument
    options: RenderOptions
    wording: Wording
    template: Template
    style: Style
    page: PageView
    warnings: tuple[Problem, ...]

    @classmethod
    def of(cls, data: Mapping[str, object], options: RenderOptions) -> "Draft":
        """The draft of `data`, a canonical document or JSON Resume 1.x. Takes a millisecond or two of a CPU.

        Raises:
            InvalidDocument: with the path of every problem in the author's own input.
        """
        document = parse_document(data)
        wording = wording_of(document)
        template = template_of(document.appearance, options)
        style, warnings = style_of(document, options, wording, template)
        photo, problem = embed(document.profile.photo)
        warnings = (*filter(None, [problem]), *unknown_sections(document), *warnings)
        page = page_view(document, wording, photo=photo, template=template)
        return cls(document, options, wording, template, style, page, warnings)

    def narrowed(self) -> "Draft":
        """The same in one column with everything at the left edge: see PageView."""
        page = self.page
        return replace(self, page=replace(page, narrow=True, has_columns=False, sidebar=(), main=page.sections))

    @property
    def file_name(self) -> str:
        """What the file is saved under."""
        return file_name(self.document.profile.full_name, self.options.format.value)

    @property
    def sheet(self) -> Sheet:
        """What is printed on, for fitting."""
        width, height = self.style.area
        appearance = self.document.appearance
        wishes = {"margin": appearance.margin, "line_height": appearance.typography.line_height}
        return Sheet(
            width,
            height,
            margins=(0, 1) if self.style.bleed else (2, 2),
            density=Density(1, self.style.line_height, self.style.font_size, self.style.margin),
            is_tall_script=self.wording.locale.language in _TALL_SCRIPTS,
            is_dense=self.template.is_dense,
            wishes=frozenset(field for field, wish in wishes.items() if wish is not None),
        )

    def html(self, target: Target) -> str:
        """The document as HTML.

        Raises:
            DocumentTooLarge: it has more than a million characters, pictures not counted.
        """
        html = fill(self.template, self.page, self.style, target)
        length = len(html) - len(self.page.photo)
        if length > MAX_HTML:
            raise DocumentTooLarge(f"{length} characters of HTML, at most {MAX_HTML} are possible")
        return html
