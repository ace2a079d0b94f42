"""The file around a Word document: what it says about itself, and the same bytes every time."""

import io
import itertools
import zipfile
from typing import Final, cast

from docx.document import Document
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.rel import Relationships
from docx.oxml.ns import qn

from resumepair_renderer.formats.docx_xml import Element, remove_all
from resumepair_renderer.page_view import PageView

_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_MOST_LETTERS: Final = 255
_WORD_2013: Final = "15"
# python-docx starts from a document that a person once saved, with more in it than anybody needs.
_LEFTOVERS: Final = frozenset(
    {
        RELATIONSHIP_TYPE.THUMBNAIL,
        RELATIONSHIP_TYPE.CUSTOM_XML,
        "http://schemas.microsoft.com/office/2007/relationships/stylesWithEffects",
    }
)


def finish(document: Document, page: PageView) -> bytes:
    """`document` as a file with its metadata, without anything that changes by itself."""
    _describe(document, page)
    _modernise(document)
    part = document.part
    _drop_leftovers(part.rels)
    if part.package is not None:
        _drop_leftovers(part.package.rels)
    file = io.BytesIO()
    document.save(file)
    return _without_dates(file)


def _describe(document: Document, page: PageView) -> None:
    about = document.core_properties
    about.title, about.subject = page.title[:_MOST_LETTERS], page.headline[:_MOST_LETTERS]
    about.author = about.last_modified_by = page.name[:_MOST_LETTERS]
    about.language, about.comments = page.language, ""
    about.keywords = _keywords(page)
    # python-docx cannot unset a date.
    properties = cast("Element", about._element)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    remove_all(properties, "dcterms:created", "dcterms:modified")


def _keywords(page: PageView) -> str:
    """The skills, as many as the property may hold."""
    skills = (section for section in page.sections if section.key == "skills")
    names = dict.fromkeys(value for section in skills for fact in section.facts for value in fact.values)
    lengths = itertools.accumulate(len(name) + 2 for name in names)
    return ", ".join(name for name, length in zip(names, lengths, strict=True) if length <= _MOST_LETTERS)


def _modernise(document: Document) -> None:
    """Word opens it as a document of today, not in compatibility mode."""
    settings = cast("Element", document.settings.element)
    for zoom in settings.iter(qn("w:zoom")):
        zoom.set(qn("w:percent"), "100")
    for setting in settings.iter(qn("w:compatSetting")):
        if setting.get(qn("w:name")) == "compatibilityMode":
            setting.set(qn("w:val"), _WORD_2013)


def _drop_leftovers(relationships: Relationships) -> None:
    for key in [key for key, relationship in relationships.items() if relationship.reltype in _LEFTOVERS]:
        del relationships[key]


def _without_dates(file: io.BytesIO) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            target.writestr(entry, source.read(name))
    return packed.getvalue()
