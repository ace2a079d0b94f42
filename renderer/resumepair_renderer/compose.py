"""Formats that need no browser: HTML, plain text, DOCX, JSON Resume."""

import hashlib
import json
from collections.abc import Mapping

from resumepair_renderer.draft import Draft
from resumepair_renderer.errors import InvalidOptions
from resumepair_renderer.formats import docx, json_resume, txt
from resumepair_renderer.options import Format, RenderOptions
from resumepair_renderer.rendered import Rendered

BROWSERLESS = frozenset({Format.HTML, Format.TXT, Format.DOCX, Format.JSON})


def compose(data: Mapping[str, object], options: RenderOptions) -> Rendered:
    """Render `data` to one of the formats that need no browser. Takes milliseconds of a CPU.

    Raises:
        InvalidOptions: the format is PDF or PNG, which a `Renderer` makes.
        InvalidDocument: with the path of every problem in the author's own input.
        DocumentTooLarge: there is more of it than anybody wants to receive.
    """
    draft = Draft.of(data, options)
    content = _content(draft)
    return Rendered(
        content=content,
        format=options.format,
        template=draft.template.name,
        file_name=draft.file_name,
        title=draft.page.title,
        byte_size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        warnings=draft.warnings,
    )


def _content(draft: Draft) -> bytes:
    match draft.options.format:
        case Format.HTML:
            return draft.html("screen").encode()
        case Format.TXT:
            return txt.write(draft.page).encode()
        case Format.DOCX:
            return docx.write(draft.page, draft.style)
        case Format.JSON:
            return json.dumps(json_resume.write(draft.document), ensure_ascii=False, indent=2).encode() + b"\n"
        case Format.PDF | Format.PNG:
            raise InvalidOptions(f"format: {draft.options.format} needs a browser: use a Renderer")
