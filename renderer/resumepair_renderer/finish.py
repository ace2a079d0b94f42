"""The last hand on a printed PDF: what it is about, for readers, search engines and screen readers.

The hour of printing is taken out, so that the same document gives the same bytes. What PDF/UA-1
asks of the tags is the work of `tagging`.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Self
from xml.sax.saxutils import escape

import pikepdf

from resumepair_renderer.document import ResumeDocument
from resumepair_renderer.errors import InvalidPdf
from resumepair_renderer.pdf_objects import PdfObjects, stream
from resumepair_renderer.reading import check_size
from resumepair_renderer.tagging import complete_tags
from resumepair_renderer.unicode_maps import correct_maps

MAX_KEYWORDS: Final = 40

_XMP: Final = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" \
xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
<dc:format>application/pdf</dc:format>
{properties}
<pdfuaid:part>1</pdfuaid:part>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a PDF says about itself; `language` is a BCP 47 tag. What is empty is left out."""

    title: str
    author: str = ""
    keywords: tuple[str, ...] = ()
    subject: str = ""
    language: str = ""

    @classmethod
    def of(cls, document: ResumeDocument, title: str, language: str) -> Self:
        """Whose résumé it is, what they call themselves, and their skills."""
        skills = (
            name for group in document.skills for name in (group.category, *(item.name for item in group.items)) if name
        )
        return cls(
            title=title,
            author=document.profile.full_name,
            keywords=tuple(dict.fromkeys(skills))[:MAX_KEYWORDS],
            subject=document.profile.headline,
            language=language,
        )


def finish(printed: bytes, metadata: Metadata, letters: frozenset[str] = frozenset()) -> bytes:
    """`printed` with its metadata, smaller, without dates. Takes two milliseconds of a CPU: call it in a thread.

    `letters` are the characters of the document: what Chromium says of them is corrected by these.

    Raises:
        InvalidPdf: it cannot be taken apart, or has another title: then it is somebody else's.
        DocumentTooLarge: it has more than 20 MB.
    """
    check_size(printed)
    objects = PdfObjects.parse(printed)
    try:
        _describe(objects, metadata)
        complete_tags(objects)
        correct_maps(objects, letters)
    except (pikepdf.PdfError, zlib.error, LookupError, ValueError) as error:
        raise InvalidPdf(f"the PDF is damaged: {error}") from error
    return objects.pack()


def _describe(objects: PdfObjects, metadata: Metadata) -> None:
    facts = pikepdf.Object.parse(objects[objects.info])
    found_title = str(facts.get("/Title", ""))
    if found_title != metadata.title:
        raise InvalidPdf(f"the PDF has the title {found_title!r}")
    described = pikepdf.Dictionary({key: facts[key] for key in ("/Title", "/Creator", "/Producer") if key in facts})
    for key, value in (
        ("/Author", metadata.author),
        ("/Subject", metadata.subject),
        ("/Keywords", ", ".join(metadata.keywords)),
    ):
        if value:
            described[key] = value
    objects[objects.info] = described.unparse()
    xmp = objects.add(stream(b"/Type/Metadata/Subtype/XML", _xmp(metadata)))
    root = objects[objects.root]
    entries = b"/Metadata %d 0 R" % xmp
    if metadata.language and b"/Lang" not in root:
        entries += b"/Lang " + pikepdf.String(metadata.language).unparse()
    if b"/ViewerPreferences" not in root:
        entries += b"/ViewerPreferences<</DisplayDocTitle true>>"
    objects.add_entries(objects.root, entries)


def _xmp(metadata: Metadata) -> bytes:
    return _XMP.format(properties="\n".join(_properties(metadata))).encode("utf-8", "replace")


def _properties(metadata: Metadata) -> Iterator[str]:
    """The same as in the information dictionary: readers prefer the one or the other."""
    yield _property("dc:title", "Alt", (metadata.title,))
    if metadata.author:
        yield _property("dc:creator", "Seq", (metadata.author,))
    if metadata.subject:
        yield _property("dc:description", "Alt", (metadata.subject,))
    if metadata.language:
        yield _property("dc:language", "Bag", (metadata.language,))
    if metadata.keywords:
        yield _property("dc:subject", "Bag", metadata.keywords)
        yield f"<pdf:Keywords>{escape(', '.join(metadata.keywords))}</pdf:Keywords>"


def _property(name: str, kind: str, values: Iterable[str]) -> str:
    start = '<rdf:li xml:lang="x-default">' if kind == "Alt" else "<rdf:li>"
    items = "".join(f"{start}{escape(value)}</rdf:li>" for value in values)
    return f"<{name}><rdf:{kind}>{items}</rdf:{kind}></{name}>"
