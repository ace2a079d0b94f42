"""The whole document as templates see it: title, language, contacts, sections."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal, cast

from pydantic import BaseModel

from resumepair_renderer import link
from resumepair_renderer.document import Link, Location, Profile, ResumeDocument
from resumepair_renderer.link import Anchor
from resumepair_renderer.page_room import sections_beside
from resumepair_renderer.section import Section
from resumepair_renderer.sections import sections
from resumepair_renderer.templates import Template
from resumepair_renderer.text import columns
from resumepair_renderer.wording import Wording

_FOOTER_NAME: Final = 36
_FOOTER_EMAIL: Final = 40
_STACKING: Final = re.compile("[\u0900-\u109f\u1780-\u17ff]")


@dataclass(frozen=True)
class PageView:
    """`contacts` holds lines of text and links; `language` is a BCP 47 tag; `photo` a data: URI or empty.

    `sections` are all there are, in reading order: those of the `sidebar`, then those of `main`.

    A document is `narrow` when it has been misread otherwise. PDFium (and with it Chrome) may take a
    page with a wide empty band for vertical writing, and find one letter a line: on pages where no
    line comes near the right edge, dates must not stand there alone. The footer fills a part of that
    band on all pages but the first. A document `stacks` when it has letters of scripts that put vowels
    around consonants: placed precisely, PDFium finds some of them twice.
    """

    title: str
    name: str
    headline: str
    contacts: tuple[tuple[Anchor, ...], ...]
    sections: tuple[Section, ...]
    sidebar: tuple[Section, ...]
    main: tuple[Section, ...]
    has_columns: bool
    photo: str
    footer: str
    comma: str
    narrow: bool
    stacks: bool
    language: str
    direction: Literal["ltr", "rtl"]


def page_view(
    document: ResumeDocument,
    wording: Wording,
    *,
    photo: str = "",
    template: Template | None = None,
) -> PageView:
    """The view of `document`, in the words of `wording`; `template` has a say in the order of sections."""
    profile = document.profile
    made = sections(document, wording, template.section_order if template else ())
    beside = sections_beside(made, document, template) if template and template.sidebar else None
    aside = beside or ()
    main = tuple(section for section in made if section not in aside)
    return PageView(
        title=_title(document, wording),
        name=profile.full_name,
        headline=profile.headline,
        contacts=tuple(_contacts(profile, wording)),
        sections=(*aside, *main),
        sidebar=aside,
        main=main,
        has_columns=beside is not None,
        photo=photo,
        narrow=False,
        stacks=any(map(_STACKING.search, _texts(document))),
        footer=_footer(profile),
        comma=wording.comma,
        language=wording.language_tag,
        direction="rtl" if wording.is_right_to_left else "ltr",
    )


def wording_of(document: ResumeDocument) -> Wording:
    """The wording a document asks for, or the one its letters suggest."""
    settings = document.settings
    return Wording.of(settings.locale, settings.date_format, _texts(document))


def _title(document: ResumeDocument, wording: Wording) -> str:
    return " – ".join(filter(None, (document.profile.full_name, wording.label("resume"))))


def _footer(profile: Profile) -> str:
    """Whose page it is. An address that is too long is left out: a part of it would be another one."""
    email = profile.email if columns(profile.email) <= _FOOTER_EMAIL else ""
    return " · ".join(filter(None, (_shortened(profile.full_name), email)))


def _shortened(name: str) -> str:
    """As many words of `name` as there is room for, or as many letters of the first."""
    if columns(name) <= _FOOTER_NAME:
        return name
    words = accumulate(name.split(), "{} {}".format)
    fitting = [part for part in words if columns(part) < _FOOTER_NAME]
    return f"{fitting[-1] if fitting else name[: _FOOTER_NAME // 2]}…"


def _contacts(profile: Profile, wording: Wording) -> Iterable[tuple[Anchor, ...]]:
    """How to reach the person on one line, where to read more on the next.

    From right to left the place has a line of its own: readers of PDF turn around the Latin
    letters of an address that shares its line with Arabic.
    """
    place = (Anchor(_place(profile.location, wording)),)
    reach = (link.email(profile.email), link.phone(profile.phone))
    first = (place, reach) if wording.is_right_to_left else ((*place, *reach),)
    for line in (*first, map(_contact_link, profile.links)):
        if parts := tuple(part for part in line if part.text):
            yield parts


def _place(location: Location, wording: Wording) -> str:
    """The address, with the postal code where the language's letters have it."""
    in_english = wording.locale.language == "en"
    city = " ".join(filter(None, ("" if in_english else location.postal, location.city)))
    region = " ".join(filter(None, (location.region, location.postal if in_english else "")))
    parts = (location.address, city, region, location.country)
    return wording.comma.join(filter(None, parts))


def _contact_link(page: Link) -> Anchor:
    return link.web(page.url, page.label) if page.url else Anchor(page.label or page.type)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in cast("tuple[object, ...]", value):
            yield from _texts(item)
    elif isinstance(value, BaseModel):
        for name, part in vars(value).items():
            if name != "photo":
                yield from _texts(part)
