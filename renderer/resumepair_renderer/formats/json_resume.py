"""JSON Resume 1.x (jsonresume.org), for other programs: the way back from `json_resume`.

What JSON Resume has no key for is written under one of our own, which its schema allows everywhere,
and which we read again: `keywords` of work, `levels` of skills, `extras`, `settings` and so on. Two
things are said differently: achievements join the highlights, and an end that is now is left out
where a missing end means that, else it is `"current": true`.
"""

from collections.abc import Mapping
from typing import Final

from resumepair_renderer import document as canonical
from resumepair_renderer.fields import Entry
from resumepair_renderer.json_resume import account_label
from resumepair_renderer.link import safe_href, web
from resumepair_renderer.partial_date import PRESENT, EndDate, PartialDate

SCHEMA: Final = "https://raw.githubusercontent.com/jsonresume/resume-schema/v1.0.0/schema.json"

_WEBSITES: Final = frozenset({"website", "web", "homepage", "site"})
_COUNTRY_CODE_LETTERS: Final = 2

Json = dict[str, object]


def write(document: canonical.ResumeDocument) -> Json:
    """`document` as JSON Resume; what is empty is left out."""
    return _filled(
        {
            "$schema": SCHEMA,
            "basics": _basics(document),
            "work": [_work(work) for work in document.work],
            "volunteer": [_volunteer(volunteer) for volunteer in document.volunteer],
            "education": [_education(education) for education in document.education],
            "awards": [_award(award) for award in document.awards],
            "certificates": [_certificate(certification) for certification in document.certifications],
            "publications": [_publication(publication) for publication in document.publications],
            "skills": [_skill(group) for group in document.skills],
            "languages": [_filled({"language": item.name, "fluency": item.level}) for item in document.languages],
            "interests": [_filled({"name": item.name, "keywords": item.keywords}) for item in document.interests],
            "references": [_filled({"name": item.name, "reference": item.text}) for item in document.references],
            "projects": [_project(project) for project in document.projects],
            "extras": [_dumped(extra) for extra in document.extras],
            "settings": _dumped(document.settings),
            "appearance": _dumped(document.appearance),
        }
    )


def _basics(document: canonical.ResumeDocument) -> Json:
    profile = document.profile
    website = next((page for page in profile.links if _is_website(page)), None)
    return _filled(
        {
            "name": profile.full_name,
            "label": profile.headline,
            "image": profile.photo.source if profile.photo else "",
            "email": profile.email,
            "phone": profile.phone,
            "url": _url(website.url) if website else "",
            "summary": document.summary,
            "location": _location(profile.location),
            "profiles": [_profile(page) for page in profile.links if page is not website],
        }
    )


def _is_website(page: canonical.Link) -> bool:
    """Whether it is the person's own page, and nothing but its address is printed."""
    says_more = page.username or page.label not in {"", web(page.url).text}
    return page.type.casefold() in _WEBSITES and bool(page.url) and not says_more


def _location(location: canonical.Location) -> Json:
    is_code = len(location.country) == _COUNTRY_CODE_LETTERS
    return _filled(
        {
            "address": location.address,
            "postalCode": location.postal,
            "city": location.city,
            "countryCode" if is_code else "country": location.country,
            "region": location.region,
        }
    )


def _profile(page: canonical.Link) -> Json:
    is_usual = page.label == account_label(page.type, page.username, page.url)
    return _filled(
        {
            "network": page.type,
            "username": page.username,
            "url": _url(page.url),
            "label": "" if is_usual else page.label,
        }
    )


def _work(work: canonical.Work) -> Json:
    return _filled(
        {
            "name": work.company,
            "location": work.location,
            "description": work.about_company,
            "position": work.role,
            "url": _url(work.link),
            **_period(work.start_date, work.end_date, open_means_now=True),
            "summary": work.summary,
            "highlights": (*work.description_bullets, *work.achievements),
            "keywords": work.tech_stack,
        }
    )


def _volunteer(volunteer: canonical.Volunteer) -> Json:
    return _filled(
        {
            "organization": volunteer.organization,
            "position": volunteer.role,
            "location": volunteer.location,
            "url": _url(volunteer.link),
            **_period(volunteer.start_date, volunteer.end_date, open_means_now=True),
            "summary": volunteer.summary,
            "highlights": volunteer.bullets,
        }
    )


def _education(education: canonical.Education) -> Json:
    return _filled(
        {
            "institution": education.school,
            "url": _url(education.link),
            "area": education.field,
            "studyType": education.degree,
            "location": education.location,
            **_period(education.start_date, education.end_date),
            "score": education.score,
            "courses": education.courses,
            "highlights": education.details,
        }
    )


def _project(project: canonical.Project) -> Json:
    return _filled(
        {
            "name": project.name,
            "description": project.summary,
            "highlights": project.bullets,
            "keywords": project.tech_stack,
            **_period(project.start_date, project.end_date),
            "url": _url(project.link),
            "roles": project.roles,
            "entity": project.organization,
            "type": project.type,
        }
    )


def _award(award: canonical.Award) -> Json:
    return _filled(
        {
            "title": award.title,
            "date": _date(award.date),
            "awarder": award.issuer,
            "url": _url(award.link),
            "summary": award.summary,
        }
    )


def _certificate(certification: canonical.Certification) -> Json:
    return _filled(
        {
            "name": certification.name,
            "date": _date(certification.date),
            "url": _url(certification.link),
            "issuer": certification.issuer,
            "summary": certification.summary,
        }
    )


def _publication(publication: canonical.Publication) -> Json:
    return _filled(
        {
            "name": publication.name,
            "publisher": publication.publisher,
            "releaseDate": _date(publication.date),
            "url": _url(publication.link),
            "summary": publication.summary,
        }
    )


def _skill(group: canonical.SkillGroup) -> Json:
    return _filled(
        {
            "name": group.category,
            "level": group.level,
            "keywords": [item.name for item in group.items],
            "levels": {item.name: item.level for item in group.items if item.level is not None},
        }
    )


def _period(start: PartialDate | None, end: EndDate | None, *, open_means_now: bool = False) -> Json:
    is_said = end == PRESENT and not (open_means_now and start is not None)
    return {
        "startDate": _date(start),
        "endDate": "" if end == PRESENT else _date(end),
        "current": is_said or None,
    }


def _date(date: EndDate | None) -> str:
    return str(date) if isinstance(date, PartialDate) else ""


def _url(address: str) -> str:
    """With its scheme, which the schema wants; what is no link is kept as it was written."""
    return safe_href(address) or address


def _dumped(entry: Entry) -> Json:
    return entry.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _filled(values: Mapping[str, object]) -> Json:
    return {key: value for key, value in values.items() if value is not None and value not in ("", [], (), {})}
