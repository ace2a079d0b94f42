"""Things that python-docx has no words for: a floating picture, and fields that count pages."""

import base64
import io
from typing import Final, cast

from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm
from docx.text.paragraph import Paragraph

from resumepair_renderer.formats.docx_xml import Element, element, parsed

_PHOTO_SIDE: Final = int(Mm(25))
_GAP: Final = int(Mm(5))


def float_picture(paragraph: Paragraph, data_uri: str, description: str, *, is_right_to_left: bool) -> None:
    """Put the picture at the end of the first lines, with the text flowing beside it."""
    content = base64.b64decode(data_uri.partition(",")[2])
    shape = paragraph.add_run().add_picture(io.BytesIO(content), width=_PHOTO_SIDE, height=_PHOTO_SIDE)
    anchor = parsed(_anchor(is_right_to_left=is_right_to_left))
    inline = cast("Element", shape._inline)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    for described in inline.iter(qn("wp:docPr")):
        described.set("descr", description)
    for child in list(inline):
        if child.tag != qn("wp:extent"):
            anchor.append(child)
    inline.getparent().replace(inline, anchor)


def _anchor(*, is_right_to_left: bool) -> str:
    side = "left" if is_right_to_left else "right"
    return (
        f'<wp:anchor {nsdecls("wp")} distT="0" distB="{_GAP}" distL="{_GAP}" distR="{_GAP}" simplePos="0"'
        ' relativeHeight="2" behindDoc="0" locked="0" layoutInCell="1" allowOverlap="0">'
        '<wp:simplePos x="0" y="0"/>'
        f'<wp:positionH relativeFrom="margin"><wp:align>{side}</wp:align></wp:positionH>'
        '<wp:positionV relativeFrom="margin"><wp:align>top</wp:align></wp:positionV>'
        f'<wp:extent cx="{_PHOTO_SIDE}" cy="{_PHOTO_SIDE}"/>'
        '<wp:effectExtent l="0" t="0" r="0" b="0"/>'
        '<wp:wrapSquare wrapText="bothSides"/>'
        "</wp:anchor>"
    )


def add_field(paragraph: Paragraph, code: str) -> None:
    """A value that the word processor works out: PAGE, NUMPAGES."""
    field = element("w:fldSimple", {"w:instr": code})
    run, text = element("w:r"), element("w:t")
    text.text = "1"
    run.append(text)
    field.append(run)
    cast("Element", paragraph._p).append(field)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
