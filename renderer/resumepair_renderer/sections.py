"""The sections of a document, in printing order: which part of the model goes where on the page."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from resumepair_renderer import link
from resumepair_renderer.document import Award, Certification, Publication, ResumeDocument, Skill
from resumepair_renderer.errors import Problem
from resumepair_renderer.fields import MAX_LEVEL
from resumepair_renderer.link import Anchor
from resumepair_renderer.partial_date import PRESENT, EndDate, PartialDate
from resumepair_renderer.section import Block, Entry, Fact, Item, Quote, Section
from resumepair_renderer.text import paragraphs, without_bullet
from resumepair_renderer.wording import Wording

_WORD: Final = re.compile(r"[^\W\d_]{3}")


def sections(document: ResumeDocument, wording: Wording, order: Iterable[str] = ()) -> tuple[Section, ...]:
    """The sections that hold something: first as the author ordered them, then by `order`, then the others."""
    wanted = (*document.settings.section_order, *order, *_SECTIONS)
    keys = dict.fromkeys(_key(name) for name in wanted)
    made = (_SECTIONS[key](document, wording) for key in keys if key in _SECTIONS)
    return tuple(section for group in made for section in group if section)


def unknown_sections(document: ResumeDocument) -> Iterable[Problem]:
    """What the author orders and there is not."""
    for position, name in enumerate(document.settings.section_order):
        if _key(name) not in _SECTIONS:
            yield Problem(f"settings.sectionOrder[{position}]", f"there is no such section: {name[:60]}")


def _key(name: str) -> str:
    return _OTHER_NAMES.get(name.casefold(), name.casefold())


def _summary(document: ResumeDocument, wording: Wording) -> Iterable[Section]:
    yield Section("summary", wording.label("summary"), "prose", prose=_prose(document.summary))


def _work(document: ResumeDocument, wording: Wording) -> Iterable[Section]:
    entries = (
        _entry(
            work.role,
            (
                *_linked(work.company, work.link),
                Anchor(work.location),
                Anchor(work.about_company),
            ),
            wording.period(work.start_date, _end(work.start_date, work.end_date)),
            notes=paragraphs(work.summary),
            bullets=(*work.description_bullets, *work.achievements),
            tags=work.tech_stack,
        )
        for work in document.work
    )
    yield _entries("work", wording, entries)


def _volunteer(document: ResumeDocument, wording: Wording) -> Iterable[Section]:
    entries = (
        _entry(
            volunteer.role,
            (*_linked(volunteer.organization, volunteer.link), Anchor(volunteer.location)),
            wording.period(volunteer.start_date, _end(volunteer.start_date, volunteer.end_date)),
            notes=paragraphs(volunteer.summary),
            bullets=volunteer.bullets,
        )
        for volunteer in document.volunteer
    )
    yield _entries("volunteer", wording, entries)


def _education(document: ResumeDocument, wording: Wording) -> Iterable[Section]:
    entries = (
        _entry(
            wording.comma.join(filter(None, (education.degree, education.field))),
            (
                *_linked(education.school, education.link),
                Anchor(education.location),
                Anchor(_grade(education.score, wording)),
            ),
            wording.period(education.start_date, education.end_date),
            bullets=education.details,
            tags=education.courses,
        )
        for education in document.education
    )
    yield _entries("education", wording, entries)


def _projects(document: ResumeDocument, wording: Wording) -> Iterable[Section]:
    entries = (
        _entry(
            Anchor(project.name, link.safe_href(project.link)),
            (
                Anchor(wording.comma.join(project.roles)),
                Anchor(project.organization),
                link.web(project.link),
            ),
            wording.period(project.start_date, project.end_date),
            notes=paragraphs(project.summary),
            bullets=project.bullets,
            tags=project.tech_stack,
            is_compact=not (project.roles or project.organization),
        )
        for project in document.projects
    )
    yield _entries("projects", wording, entries)


def _certifications(document: ResumeDocument, wording: Wording) -> Iterable[Section]:
    entries = (_short_entry(item.name, item.issuer, item, wording) for item in document.certifications)
    yield _entries("certifications", wording, entries)


def _awards(document: ResumeDocument, wording: Wording) -> Iterable[Section]:
    entries = (_short_entry(item.title, item.issuer, item, wording) for item in document.awards)
    yield _entries("awards", wording, entries)


def _publications(document: ResumeDocument, wording: Wording) -> Iterable[Section]:
    entries = (_short_entry(item.name, item.publisher, item, wording) for item in document.publications)
    yield _entries("publications", wording, entries)


def _skills(document: ResumeDocument, wording: Wording) -> Iterable[Section]:
    single = tuple(Item(group.category, group.level) for group in document.skills if not group.items)
    grouped = tuple(
        Fact(str(Item(group.category, group.level)), tuple(map(_skill, group.items)))
        for group in document.skills
        if group.items
    )
    facts = (*grouped, Fact("", single)) if single else grouped
    yield Section("skills", wording.label("skills"), "facts", facts=facts)


def _languages(document: ResumeDocument, wording: Wording) -> Iterable[Section]:
    items = tuple(Item(language.name, language.level) for language in document.languages)
    facts = (Fact("", items),) if items else ()
    yield Section("languages", wording.label("languages"), "facts", facts=facts)


def _interests(document: ResumeDocument, wording: Wording) -> Iterable[Section]:
    single = tuple(Item(item.name) for item in document.interests if not item.keywords)
    grouped = tuple(Fact(item.name, tuple(map(Item, item.keywords))) for item in document.interests if item.keywords)
    facts = (*grouped, Fact("", single)) if single else grouped
    yield Section("interests", wording.label("interests"), "facts", facts=facts)


def _references(document: ResumeDocument, wording: Wording) -> Iterable[Section]:
    quotes = tuple(Quote(paragraphs(item.text), item.name) for item in document.references)
    yield Section("references", wording.label("references"), "quotes", quotes=quotes)


def _extras(document: ResumeDocument, _: Wording) -> Iterable[Section]:
    for extra in document.extras:
        prose = _prose(extra.content) or (Block(""),)
        yield Section("extra", extra.title, "prose", prose=prose)


_SECTIONS: Final[Mapping[str, Callable[[ResumeDocument, Wording], Iterable[Section]]]] = {
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
_OTHER_NAMES: Final = {"experience": "work", "certificates": "certifications", "extra": "extras"}


def _entries(key: str, wording: Wording, entries: Iterable[Entry]) -> Section:
    return Section(key, wording.label(key), "entries", entries=tuple(entries))


def _entry(
    title: str | Anchor,
    subtitle: Iterable[Anchor],
    dates: str,
    *,
    notes: Iterable[str] = (),
    bullets: Iterable[str] = (),
    tags: tuple[str, ...] = (),
    is_compact: bool = False,
) -> Entry:
    """An entry whose first filled part is its title, whatever the author left out."""
    head = title if isinstance(title, Anchor) else Anchor(title)
    first, *others = [part for part in (head, *subtitle) if part.text] or [Anchor("")]
    return Entry(
        title=first,
        subtitle=tuple(others),
        dates=dates,
        notes=tuple(filter(None, notes)),
        bullets=tuple(without_bullet(line) for text in bullets for line in paragraphs(text)),
        tags=tags,
        is_compact=is_compact,
    )


def _short_entry(name: str, issuer: str, item: Certification | Award | Publication, wording: Wording) -> Entry:
    title, *address = _linked(name, item.link)
    dates = wording.period(item.date, None)
    notes = paragraphs(item.summary)
    return _entry(title, (Anchor(issuer), *address), dates, notes=notes, is_compact=True)


def _linked(name: str, address: str) -> tuple[Anchor, ...]:
    """`name` leading to `address`; an address that may not be a link is printed after it."""
    if not name or not link.safe_href(address):
        return Anchor(name), link.web(address)
    return (Anchor(name, link.safe_href(address)),)


def _end(start: PartialDate | None, end: EndDate | None) -> EndDate | None:
    return PRESENT if start is not None and end is None else end


def _grade(score: str, wording: Wording) -> str:
    """A number or a letter says nothing by itself; words do, and so does "GPA"."""
    is_bare = score[:1].isdigit() or not _WORD.search(score)
    return f"{wording.label('grade')}: {score}" if score and is_bare and "GPA" not in score else score


def _skill(skill: Skill) -> Item:
    return Item(skill.name, "" if skill.level is None else f"{skill.level:g}/{MAX_LEVEL}")


def _prose(text: str) -> tuple[Block, ...]:
    return tuple(Block(without_bullet(line), is_bullet=without_bullet(line) != line) for line in paragraphs(text))
