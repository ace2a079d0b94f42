"""What a reader has to find in the PDF of a document, and in which order.

It is taken from the model itself and not from what templates see, so that whatever is lost
between the two is missed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from resumepair_renderer import link
from resumepair_renderer.document import (
    Award,
    Certification,
    Education,
    Profile,
    Project,
    Publication,
    ResumeDocument,
    Skill,
    Volunteer,
    Work,
)
from resumepair_renderer.fields import MAX_LEVEL
from resumepair_renderer.partial_date import PRESENT, EndDate, PartialDate
from resumepair_renderer.text import paragraphs, without_bullet
from resumepair_renderer.typeface import families
from resumepair_renderer.wording import Wording


class Value(NamedTuple):
    """A text that has to be there, and where in the canonical model it stands."""

    path: str
    text: str


class Link(NamedTuple):
    """An address that has to be live."""

    path: str
    address: str


@dataclass(frozen=True, slots=True)
class Group:
    """Values that stand together: `head` in any order, `body` in this order; after all groups before."""

    head: tuple[Value, ...]
    body: tuple[Value, ...] = ()
    is_heading: bool = False
    """Templates may set it in capitals."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Everything that a PDF is judged by."""

    groups: tuple[Group, ...]
    links: tuple[Link, ...]
    title: str
    language: str
    families: tuple[str, ...]

    @property
    def letters(self) -> frozenset[str]:
        """The characters of all texts; of headings also in capitals."""
        texts = (
            value.text + value.text.upper() if group.is_heading else value.text
            for group in self.groups
            for value in (*group.head, *group.body)
        )
        return frozenset("".join(texts))

    @property
    def has_headings(self) -> bool:
        """Whether there is something to put into an outline."""
        return any(group.is_heading for group in self.groups)


def expect(document: ResumeDocument, wording: Wording, *, title: str, section_order: Iterable[str] = ()) -> Expectation:
    """What to find for `document` in the words of `wording`.

    `section_order` holds the keys of the sections as they are printed; what it does not name is
    expected at the end.
    """
    keys = dict.fromkeys((*(_OTHER_KEYS.get(key, key) for key in section_order), *_SECTIONS))
    groups = [*_header(document.profile)]
    for key in keys:
        if key in _SECTIONS:
            groups += _section(key, document, wording)
    return Expectation(
        groups=tuple(groups),
        links=tuple(_links(document)),
        title=title,
        language=wording.language_tag,
        families=families(),
    )


def _section(key: str, document: ResumeDocument, wording: Wording) -> Iterator[Group]:
    groups = [group for group in _SECTIONS[key](document, wording) if group.head or group.body]
    if groups and key != "extras":
        yield Group((Value(key, wording.label(key)),), is_heading=True)
    yield from groups


def _header(profile: Profile) -> Iterator[Group]:
    if profile.full_name:
        yield Group((Value("profile.fullName", profile.full_name),), is_heading=True)
    place = profile.location
    values = _values(
        ("profile.headline", profile.headline),
        ("profile.email", profile.email),
        ("profile.phone", profile.phone),
        ("profile.location.address", place.address),
        ("profile.location.city", place.city),
        ("profile.location.region", place.region),
        ("profile.location.postal", place.postal),
        ("profile.location.country", place.country),
        *(
            (f"profile.links[{n}]", link.web(page.url, page.label).text if page.url else page.label or page.type)
            for n, page in enumerate(profile.links)
        ),
    )
    yield Group(tuple(values))


def _summary(document: ResumeDocument, _: Wording) -> Iterator[Group]:
    yield Group((), tuple(_lines("summary", document.summary)))


def _work(document: ResumeDocument, wording: Wording) -> Iterator[Group]:
    for n, work in enumerate(document.work):
        path = f"work[{n}]"
        end = PRESENT if work.start_date is not None and work.end_date is None else work.end_date
        yield Group(
            (
                *_values(
                    (f"{path}.role", work.role),
                    (f"{path}.company", work.company),
                    (f"{path}.location", work.location),
                    (f"{path}.aboutCompany", work.about_company),
                ),
                *_unsafe(path, work.link),
                *_period(path, work.start_date, end, wording),
                *_list(f"{path}.techStack", work.tech_stack),
            ),
            (
                *_lines(f"{path}.summary", work.summary),
                *_list(f"{path}.descriptionBullets", work.description_bullets),
                *_list(f"{path}.achievements", work.achievements),
            ),
        )


def _volunteer(document: ResumeDocument, wording: Wording) -> Iterator[Group]:
    for n, volunteer in enumerate(document.volunteer):
        path = f"volunteer[{n}]"
        end = PRESENT if volunteer.start_date is not None and volunteer.end_date is None else volunteer.end_date
        yield Group(
            (
                *_values(
                    (f"{path}.role", volunteer.role),
                    (f"{path}.organization", volunteer.organization),
                    (f"{path}.location", volunteer.location),
                ),
                *_unsafe(path, volunteer.link),
                *_period(path, volunteer.start_date, end, wording),
            ),
            (*_lines(f"{path}.summary", volunteer.summary), *_list(f"{path}.bullets", volunteer.bullets)),
        )


def _education(document: ResumeDocument, wording: Wording) -> Iterator[Group]:
    for n, education in enumerate(document.education):
        path = f"education[{n}]"
        yield Group(
            (
                *_values(
                    (f"{path}.degree", education.degree),
                    (f"{path}.field", education.field),
                    (f"{path}.school", education.school),
                    (f"{path}.location", education.location),
                    (f"{path}.score", education.score),
                ),
                *_unsafe(path, education.link),
                *_period(path, education.start_date, education.end_date, wording),
                *_list(f"{path}.courses", education.courses),
            ),
            tuple(_list(f"{path}.details", education.details)),
        )


def _projects(document: ResumeDocument, wording: Wording) -> Iterator[Group]:
    for n, project in enumerate(document.projects):
        path = f"projects[{n}]"
        yield Group(
            (
                *_values((f"{path}.name", project.name), (f"{path}.organization", project.organization)),
                *_unsafe(path, project.link),
                *_period(path, project.start_date, project.end_date, wording),
                *_list(f"{path}.roles", project.roles),
                *_list(f"{path}.techStack", project.tech_stack),
            ),
            (*_lines(f"{path}.summary", project.summary), *_list(f"{path}.bullets", project.bullets)),
        )


def _skills(document: ResumeDocument, _: Wording) -> Iterator[Group]:
    """One group: templates put those without items last, on one line."""
    yield Group(
        tuple(
            value
            for n, group in enumerate(document.skills)
            for value in (
                *_values((f"skills[{n}].category", group.category), (f"skills[{n}].level", group.level)),
                *(value for m, item in enumerate(group.items) for value in _skill(f"skills[{n}].items[{m}]", item)),
            )
        )
    )


def _skill(path: str, skill: Skill) -> Iterator[Value]:
    level = "" if skill.level is None else f"{skill.level:g}/{MAX_LEVEL}"
    return _values((f"{path}.name", skill.name), (f"{path}.level", level))


def _certifications(document: ResumeDocument, wording: Wording) -> Iterator[Group]:
    for n, item in enumerate(document.certifications):
        yield _short(f"certifications[{n}]", (("name", item.name), ("issuer", item.issuer)), item, wording)


def _awards(document: ResumeDocument, wording: Wording) -> Iterator[Group]:
    for n, item in enumerate(document.awards):
        yield _short(f"awards[{n}]", (("title", item.title), ("issuer", item.issuer)), item, wording)


def _publications(document: ResumeDocument, wording: Wording) -> Iterator[Group]:
    for n, item in enumerate(document.publications):
        yield _short(f"publications[{n}]", (("name", item.name), ("publisher", item.publisher)), item, wording)


def _short(
    path: str,
    names: tuple[tuple[str, str], ...],
    item: Certification | Award | Publication,
    wording: Wording,
) -> Group:
    return Group(
        (
            *_values(*((f"{path}.{field}", text) for field, text in names)),
            *_unsafe(path, item.link),
            *_date(f"{path}.date", item.date, wording),
        ),
        tuple(_lines(f"{path}.summary", item.summary)),
    )


def _languages(document: ResumeDocument, _: Wording) -> Iterator[Group]:
    for n, language in enumerate(document.languages):
        yield Group(tuple(_values((f"languages[{n}].name", language.name), (f"languages[{n}].level", language.level))))


def _interests(document: ResumeDocument, _: Wording) -> Iterator[Group]:
    """One group, as with skills."""
    yield Group(
        tuple(
            value
            for n, item in enumerate(document.interests)
            for value in (
                *_values((f"interests[{n}].name", item.name)),
                *_list(f"interests[{n}].keywords", item.keywords),
            )
        )
    )


def _references(document: ResumeDocument, _: Wording) -> Iterator[Group]:
    for n, reference in enumerate(document.references):
        path = f"references[{n}]"
        yield Group(tuple(_values((f"{path}.name", reference.name))), tuple(_lines(f"{path}.text", reference.text)))


def _extras(document: ResumeDocument, _: Wording) -> Iterator[Group]:
    for n, extra in enumerate(document.extras):
        if extra.title:
            yield Group((Value(f"extras[{n}].title", extra.title),), is_heading=True)
        yield Group((), tuple(_lines(f"extras[{n}].content", extra.content)))


_SECTIONS: Final[Mapping[str, Callable[[ResumeDocument, Wording], Iterator[Group]]]] = {
    "summary": _summary,
    "work": _work,
    "projects": _projects,
    "education": _education,
    "skills": _skills,
    "certifications": _certifications,
    "awards": _awards,
    "publications": _publications,
    "volunteer": _volunteer,
    "languages": _languages,
    "interests": _interests,
    "extras": _extras,
    "references": _references,
}
_OTHER_KEYS: Final = {"extra": "extras"}
_LINKED: Final = ("work", "education", "projects", "certifications", "awards", "publications", "volunteer")


def _values(*pairs: tuple[str, str]) -> Iterator[Value]:
    return (Value(path, text) for path, text in pairs if text)


def _lines(path: str, text: str) -> Iterator[Value]:
    """Every line of `text`, without the mark of a list that it may begin with."""
    return (Value(path, line) for line in map(without_bullet, paragraphs(text)) if line)


def _list(path: str, texts: Sequence[str]) -> Iterator[Value]:
    for n, text in enumerate(texts):
        yield from _lines(f"{path}[{n}]", text)


def _period(path: str, start: PartialDate | None, end: EndDate | None, wording: Wording) -> Iterator[Value]:
    yield from _date(f"{path}.startDate", start, wording)
    if end == PRESENT:
        yield Value(f"{path}.endDate", wording.label("present"))
    elif end is not None:
        yield from _date(f"{path}.endDate", end, wording)


def _date(path: str, date: PartialDate | None, wording: Wording) -> Iterator[Value]:
    if date is not None:
        yield Value(path, wording.date(date))


def _unsafe(path: str, address: str) -> Iterator[Value]:
    """An address that may not become a link has to be there as text."""
    if address and not link.safe_href(address):
        yield Value(f"{path}.link", address)


def _links(document: ResumeDocument) -> Iterator[Link]:
    profile = document.profile
    pairs = [
        ("profile.email", link.email(profile.email).href),
        ("profile.phone", link.phone(profile.phone).href),
        *((f"profile.links[{n}].url", link.safe_href(page.url)) for n, page in enumerate(profile.links)),
    ]
    for key in _LINKED:
        entries: Sequence[Work | Education | Project | Certification | Award | Publication | Volunteer] = getattr(
            document, key
        )
        pairs += ((f"{key}[{n}].link", link.safe_href(entry.link)) for n, entry in enumerate(entries) if entry.link)
    return (Link(path, address) for path, address in pairs if address)
