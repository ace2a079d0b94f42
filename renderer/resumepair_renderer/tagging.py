"""Tags as PDF/UA-1 (ISO 14289-1) wants them, where Chromium's are not quite that.

Chromium tags what a page says. Missing are: the mark of decoration on backgrounds, headers and
footers; the bodies of list items; what its newer names for tags mean; and descriptions of links.
"""

import re
import zlib
from typing import Final

import pikepdf

from resumepair_renderer.pdf_objects import PdfObjects, stream

# Tags of PDF 2.0 by what they are in PDF 1.7, the PDF of PDF/UA-1.
_ROLES: Final = {
    "Aside": "Div",
    "DocumentFragment": "Document",
    "Em": "Span",
    "Strong": "Span",
    "Sub": "Span",
    "Title": "P",
}
_ROLE_MAP: Final = "".join(f"/{name}/{role}" for name, role in _ROLES.items()).encode()
_STRING: Final = rb"(?:\((?:[^()\\]|\\.)*\)|<[0-9A-Fa-f]*>)"
_ADDRESS: Final = re.compile(rb"/URI (%b)" % _STRING, re.DOTALL)
_CONTENTS: Final = re.compile(rb"/Contents (\d+) 0 R")
_TAGS: Final = re.compile(rb"/StructTreeRoot (\d+) 0 R")
# The beginning of a tag, up to its parent: what follows may hold words of the author, like what is skipped.
_PART: Final = re.compile(
    rb"<</Type /StructElem\n/S /NonStruct\n(?:/(?:Alt|Lang) %b\n)*/P (\d+) 0 R" % _STRING, re.DOTALL
)
_CONTENT: Final = re.compile(rb"<</Filter /FlateDecode\s+/Length \d+>>\s*stream\r?\n")
_MARK_END: Final = re.compile(rb"C\n")  # of BDC, BMC and EMC; one letter is found ten times as fast as three
_PAINTING: Final = re.compile(rb"(?<=[ \n])(?:f|F|f\*|B|B\*|b|b\*|S|s|sh|Do|EI|Tj|TJ|'|\"|ET)\n")


def complete_tags(objects: PdfObjects) -> None:
    """Add to `objects`, as Chromium made them, what is missing; what a page shows stays as it is.

    A file without tags is left without them.
    """
    tags = _TAGS.search(objects[objects.root])
    if tags is None:
        return
    if b"/RoleMap" not in objects[int(tags[1])]:
        objects.add_entries(int(tags[1]), b"/RoleMap<<" + _ROLE_MAP + b">>")
    for number, value in objects.items():
        if part := _PART.match(value):
            _complete_list_item(objects, number, int(part[1]))
        elif value.startswith(b"<</Type /Annot\n"):
            _describe_link(objects, number, value)
        elif value.startswith(b"<</Type /Page\n"):
            _mark_decoration(objects, value)


def _complete_list_item(objects: PdfObjects, number: int, parent: int) -> None:
    """What stands beside the label of a list item is its body (ISO 32000-1, table 336)."""
    if objects.get(parent).startswith(b"<</Type /StructElem\n/S /LI\n"):
        objects[number] = objects[number].replace(b"/S /NonStruct", b"/S /LBody", 1)


def _describe_link(objects: PdfObjects, number: int, note: bytes) -> None:
    """A link says where it leads (7.18.5)."""
    address = _ADDRESS.search(note)
    if address and b"/Contents" not in note[: address.start()] + note[address.end() :]:
        objects.add_entries(number, b"/Contents " + address[1])


def _mark_decoration(objects: PdfObjects, page: bytes) -> None:
    """What is painted outside of all tags is decoration, and said to be (7.1)."""
    found = _CONTENTS.search(page)
    if found is None:
        return
    number = int(found[1])
    packed = objects[number]
    start = _CONTENT.match(packed)
    if start is not None:
        content = zlib.decompress(packed[start.end() :])
        if b">>BDC\n" not in content and b"/MCID" in content:
            content = _line_by_line(content)
        objects[number] = stream(b"", _with_decoration_marked(content))


def _line_by_line(content: bytes) -> bytes:
    """`content` of another spelling as Chromium writes it, with an operator at the end of each line."""
    with pikepdf.new() as pdf:
        return pikepdf.unparse_content_stream(pikepdf.parse_content_stream(pdf.make_stream(content))) + b"\n"


def _with_decoration_marked(content: bytes) -> bytes:
    pieces: list[bytes] = []
    depth = end = 0
    for mark in _MARK_END.finditer(content):
        name = content[mark.start() - 2 : mark.start()]
        if name == b"EM":
            depth -= 1
            if depth == 0:
                pieces.append(content[end : mark.end()])
                end = mark.end()
        elif name in (b"BD", b"BM"):
            if depth == 0:
                start = content.rfind(b"\n", end, mark.start()) + 1 or end
                pieces.append(_marked(content[end:start]))
                end = start
            depth += 1
    return b"".join((*pieces, _marked(content[end:])))


def _marked(untagged: bytes) -> bytes:
    """`untagged` with its painting, from the first operator to the last, as an artifact."""
    painted = 0
    for operator in _PAINTING.finditer(untagged):
        painted = operator.end()
    return b"/Artifact BMC\n%bEMC\n%b" % (untagged[:painted], untagged[painted:]) if painted else untagged
