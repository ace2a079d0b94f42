"""How a Word document looks: paper, fonts, and the styles that its reader may go on with.

Everything is said in styles, nothing on single paragraphs: who edits the document changes a
heading once.
"""

from dataclasses import dataclass
from typing import Final, cast

from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_TAB_ALIGNMENT
from docx.oxml.ns import qn
from docx.shared import Length, Mm, Pt, RGBColor
from docx.styles.style import CharacterStyle, ParagraphStyle

from resumepair_renderer.formats.docx_text import HYPERLINK
from resumepair_renderer.formats.docx_xml import Element, element, remove_all
from resumepair_renderer.style import Style

BODY: Final = "Body Text"
NAME: Final = "Title"
HEADLINE: Final = "Subtitle"
CONTACTS: Final = "Contacts"
SECTION: Final = "Heading 1"
ENTRY: Final = "Heading 2"
WHERE: Final = "Entry Details"
BULLET: Final = "List Bullet"
TAGS: Final = "Tags"
QUOTE: Final = "Quote"
DATES: Final = "Dates"
STRONG: Final = "Strong"
FOOTER: Final = "Footer"

# As the file spells them: Word and python-docx show the names of its own with capitals.
_KEPT: Final = frozenset({NAME, HEADLINE, "heading 1", "heading 2", BODY, BULLET, QUOTE, STRONG, "header", "footer"})

_PAPER: Final = {"A4": (Mm(210), Mm(297)), "Letter": (Mm(215.9), Mm(279.4))}
# What a stylesheet calls one line is what a word processor calls about 0.83 of its own.
_LINE: Final = 1.2
# The schema wants the properties of a paragraph in its own order.
_AFTER_BIDI: Final = ("w:snapToGrid", "w:spacing", "w:ind", "w:contextualSpacing", "w:jc", "w:outlineLvl")
_AFTER_SIZE: Final = ("w:highlight", "w:u", "w:effect", "w:shd", "w:vertAlign", "w:rtl", "w:cs", "w:lang")
_AFTER_BACKGROUND: Final = ("w:proofState", "w:defaultTabStop", "w:characterSpacingControl", "w:compat")
_WHITE: Final = "#ffffff"

# Our fonts are on few desks: these stand on nearly all, and are the nearest to them.
_OFFICE_FONTS: Final = {
    "Source Serif 4": "Georgia", "Source Sans 3": "Calibri", "Inter": "Arial", "Lora": "Georgia",
    "Merriweather": "Georgia", "Roboto": "Arial", "Open Sans": "Verdana", "Tinos": "Times New Roman",
    "Carlito": "Calibri",
}  # fmt: skip
_EAST_ASIAN_FONTS: Final = {
    "ja": "Yu Gothic",
    "ko": "Malgun Gothic",
    "zh": "Microsoft YaHei",
    "zh-Hant": "Microsoft JhengHei",
}
_COMPLEX_FONTS: Final = {"hi": "Nirmala UI", "th": "Leelawadee UI", "ar": "Times New Roman", "fa": "Times New Roman"}
_BULLET_INDENT: Final = 1.3
_WITHOUT_ITALICS: Final = frozenset({"ar", "fa", "he", "hi", "th", "zh", "ja", "ko"})


@dataclass(frozen=True)
class _Look:
    """What changes of a style; sizes in ems, spaces above and below in ems of the body text."""

    size: float = 1
    is_bold: bool = False
    is_italic: bool = False
    color: str = ""
    above: float = 0
    below: float = 0
    stays_with_next: bool = False


def set_up(document: Document, style: Style, language: str, *, is_right_to_left: bool) -> None:
    """Give `document` its paper and its styles."""
    _drop_unused(document)
    _set_paper(document, style)
    _set_defaults(document, style, language, is_right_to_left=is_right_to_left)
    italics = language.partition("-")[0] not in _WITHOUT_ITALICS
    for name, look in _looks(style, italics=italics).items():
        _apply(_paragraph_style(document, name), look, style)
    remove_all(_paragraph_properties(_paragraph_style(document, HEADLINE)), "w:numPr")
    _add_rule(_paragraph_style(document, SECTION), style.palette.primary)
    stops = _paragraph_style(document, ENTRY).paragraph_format.tab_stops
    stops.add_tab_stop(_text_width(style), WD_TAB_ALIGNMENT.RIGHT)  # pyright: ignore[reportUnknownMemberType]
    _set_bullets(document, style)
    for name, look in _character_looks(style).items():
        _apply_font(_character_style(document, name), look, style)


def _drop_unused(document: Document) -> None:
    """Of the hundred and sixty styles that python-docx brings, and its numberings, keep ours."""
    styles = cast("Element", document.styles.element)
    for found in styles.findall(qn("w:style")):
        names = {name.get(qn("w:val")) for name in found.findall(qn("w:name"))}
        if found.get(qn("w:default")) is None and not names & _KEPT:
            styles.remove(found)
    numbering = cast("Element", document.part.numbering_part.element)
    bullets = {link.get(qn("w:val")) for link in styles.iter(qn("w:numId"))}
    for number in numbering.findall(qn("w:num")):
        if number.get(qn("w:numId")) not in bullets:
            numbering.remove(number)
    used = {link.get(qn("w:val")) for link in numbering.iter(qn("w:abstractNumId"))}
    for kind in numbering.findall(qn("w:abstractNum")):
        if kind.get(qn("w:abstractNumId")) not in used:
            numbering.remove(kind)


def _looks(style: Style, *, italics: bool) -> dict[str, _Look]:
    palette = style.palette
    return {
        BODY: _Look(1, above=0.1),
        NAME: _Look(2.3, is_bold=True, color=palette.primary),
        HEADLINE: _Look(1.15, is_italic=italics, color=palette.text, above=0.2),
        CONTACTS: _Look(0.95, above=0.15),
        SECTION: _Look(1.2, is_bold=True, color=palette.primary, above=1.2, below=0.4, stays_with_next=True),
        ENTRY: _Look(1, is_bold=True, color=palette.text, above=0.6, stays_with_next=True),
        WHERE: _Look(1, is_italic=italics),
        BULLET: _Look(1, above=0.1),
        TAGS: _Look(0.95, color=palette.muted, above=0.2),
        QUOTE: _Look(1, color=palette.text, above=0.2),
        FOOTER: _Look(0.8, color=palette.muted),
    }


def _character_looks(style: Style) -> dict[str, _Look]:
    return {
        HYPERLINK: _Look(0, color=style.palette.accent),
        DATES: _Look(0, color=style.palette.text),
        STRONG: _Look(0, is_bold=True),
    }


def _set_paper(document: Document, style: Style) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = _PAPER[style.page_size]
    margin = Mm(style.margin)
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = margin
    section.header_distance = section.footer_distance = Mm(max(style.margin / 2, 5))
    if style.palette.background != _WHITE:
        background = element("w:background", {"w:color": _hex(style.palette.background)})
        cast("Element", document.element).insert(0, background)
        settings = cast("Element", document.settings.element)
        settings.insert_element_before(element("w:displayBackgroundShape"), *_AFTER_BACKGROUND)


def _text_width(style: Style) -> Length:
    return Length(_PAPER[style.page_size][0] - 2 * Mm(style.margin))


def _set_defaults(document: Document, style: Style, language: str, *, is_right_to_left: bool) -> None:
    """The body text: what every other style starts from."""
    normal = _paragraph_style(document, "Normal")
    _apply(normal, _Look(1, color=style.palette.text), style)
    normal.paragraph_format.line_spacing = max(style.line_height / _LINE, 0.9)
    normal.paragraph_format.widow_control = True
    if is_right_to_left:
        _paragraph_properties(normal).insert_element_before(element("w:bidi"), *_AFTER_BIDI)
    defaults = next(cast("Element", document.styles.element).iter(qn("w:rPr")))
    remove_all(defaults, "w:lang", "w:rFonts")
    short = language.partition("-")[0]
    languages = {"w:val": language}
    if short in _EAST_ASIAN_FONTS:
        languages["w:eastAsia"] = language
    if is_right_to_left or short in _COMPLEX_FONTS:
        languages["w:bidi"] = language
    defaults.append(element("w:lang", languages))
    _set_families(defaults, style, language)


def _set_families(properties: Element, style: Style, language: str) -> None:
    short = language.partition("-")[0]
    latin = _OFFICE_FONTS.get(style.family, "Calibri")
    east_asian = _EAST_ASIAN_FONTS.get("zh-Hant" if language.startswith("zh-Hant") else short, "Yu Gothic")
    fonts = {
        "w:ascii": latin,
        "w:hAnsi": latin,
        "w:eastAsia": east_asian,
        "w:cs": _COMPLEX_FONTS.get(short, "Arial"),
    }
    properties.insert(0, element("w:rFonts", fonts))


def _apply(target: ParagraphStyle, look: _Look, style: Style) -> None:
    _apply_font(target, look, style)
    remove_all(cast("Element", target.element), "w:link")
    remove_all(_paragraph_properties(target), "w:pBdr", "w:contextualSpacing", "w:tabs")
    spacing = target.paragraph_format
    spacing.space_before = Pt(round(look.above * style.font_size, 1))
    spacing.space_after = Pt(round(look.below * style.font_size, 1))
    spacing.keep_with_next = look.stays_with_next
    spacing.keep_together = look.stays_with_next


def _apply_font(target: CharacterStyle, look: _Look, style: Style) -> None:
    """Sizes and weights are said twice: complex scripts have their own."""
    properties = cast("Element", target.element.get_or_add_rPr())  # pyright: ignore[reportUnknownMemberType]
    for child in list(properties):
        properties.remove(child)
    font = target.font
    font.bold = font.cs_bold = look.is_bold or None
    font.italic = font.cs_italic = look.is_italic or None
    if look.color:
        font.color.rgb = RGBColor.from_string(_hex(look.color))
    if look.size:
        font.size = Pt(round(look.size * style.font_size * 2) / 2)
        complex_size = element("w:szCs", {"w:val": str(round(look.size * style.font_size * 2))})
        properties.insert_element_before(complex_size, *_AFTER_SIZE)


def _set_bullets(document: Document, style: Style) -> None:
    """A list of the word processor's own, with a bullet that every font has."""
    bullet = _paragraph_style(document, BULLET)
    bullet.paragraph_format.left_indent = Pt(style.font_size * _BULLET_INDENT)
    bullet.paragraph_format.first_line_indent = Pt(style.font_size * -_BULLET_INDENT)
    numbering = cast("Element", document.part.numbering_part.element)
    for level in numbering.iter(qn("w:lvl")):
        if any(link.get(qn("w:val")) == bullet.style_id for link in level.findall(qn("w:pStyle"))):
            remove_all(level, "w:rPr", "w:pPr")
            for text in level.findall(qn("w:lvlText")):
                text.set(qn("w:val"), "•")


def _add_rule(target: ParagraphStyle, color: str) -> None:
    """The line under a section's title."""
    borders = element("w:pBdr")
    line = {"w:val": "single", "w:sz": "5", "w:space": "1", "w:color": _hex(color)}
    borders.append(element("w:bottom", line))
    _paragraph_properties(target).insert_element_before(borders, "w:shd", "w:tabs", *_AFTER_BIDI)


def _paragraph_style(document: Document, name: str) -> ParagraphStyle:
    if name in document.styles:
        return cast("ParagraphStyle", document.styles[name])
    made = cast("ParagraphStyle", _add_style(document, name, WD_STYLE_TYPE.PARAGRAPH))
    made.base_style = cast("ParagraphStyle", document.styles["Normal"])
    made.quick_style = True
    return made


def _character_style(document: Document, name: str) -> CharacterStyle:
    if name in document.styles:
        return cast("CharacterStyle", document.styles[name])
    return cast("CharacterStyle", _add_style(document, name, WD_STYLE_TYPE.CHARACTER))


def _add_style(document: Document, name: str, kind: WD_STYLE_TYPE) -> object:
    return document.styles.add_style(name, kind, builtin=name == HYPERLINK)  # pyright: ignore[reportUnknownMemberType]


def _paragraph_properties(target: ParagraphStyle) -> Element:
    return cast("Element", target.element.get_or_add_pPr())  # pyright: ignore[reportUnknownMemberType]


def _hex(color: str) -> str:
    """#abc and #aabbcc as the six capitals that Word writes."""
    digits = color.removeprefix("#").upper()
    return digits if len(digits) == len("RRGGBB") else "".join(digit * 2 for digit in digits)
