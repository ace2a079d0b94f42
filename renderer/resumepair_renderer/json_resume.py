"""JSON Resume 1.x (jsonresume.org), and the way from it into `ResumeDocument`.

It has a model of its own so that problems name its own paths. Everything in it that says
something about a person has a place in the canonical document.
"""

from collections.abc import Mapping
from typing import Final

from resumepair_renderer import document as canonical
from resumepair_renderer.appearance import Appearance, Settings
from resumepair_renderer.fields import Date, End, Entry, Line, Listing, Text

_MARKS: Final = ("basics", "$schema", "certificates")


def is_json_resume(data: Mapping[str, object]) -> bool:
    """Whether `data` is JSON Resume rather than the canonical document."""
    return "profile" not in data and any(mark in data for mark in _MARKS)


class Location(Entry):
    """basics.location."""

    address: Line = ""
    postal_code: Line = ""
    city: Line = ""
    country_code: Line = ""
    region: Line = ""


class SocialProfile(Entry):
    """basics.profiles[]."""

    network: Line = ""
    username: Line = ""
    url: Line = ""


class Basics(Entry):
    """Basics."""

    name: Line = ""
    label: Line = ""
    email: Line = ""
    phone: Line = ""
    url: Line = ""
    summary: Text = ""
    location: Location = Location()
    profiles: Listing[SocialProfile] = ()


class Work(Entry):
    """work[]; `company` is what versions before 1.0 called `name`."""

    name: Line = ""
    company: Line = ""
    location: Line = ""
    description: Line = ""
    position: Line = ""
    url: Line = ""
    start_date: Date = None
    end_date: End = None
    summary: Text = ""
    highlights: Listing[Text] = ()


class Volunteer(Entry):
    """volunteer[]."""

    organization: Line = ""
    position: Line = ""
    location: Line = ""
    url: Line = ""
    start_date: Date = None
    end_date: End = None
    summary: Text = ""
    highlights: Listing[Text] = ()


class Education(Entry):
    """education[]."""

    institution: Line = ""
    url: Line = ""
    area: Line = ""
    study_type: Line = ""
    location: Line = ""
    start_date: Date = None
    end_date: End = None
    score: Line = ""
    courses: Listing[Line] = ()


class Award(Entry):
    """awards[]."""

    title: Line = ""
    date: Date = None
    awarder: Line = ""
    summary: Text = ""


class Certificate(Entry):
    """certificates[]."""

    name: Line = ""
    date: Date = None
    url: Line = ""
    issuer: Line = ""


class Publication(Entry):
    """publications[]."""

    name: Line = ""
    publisher: Line = ""
    release_date: Date = None
    url: Line = ""
    summary: Text = ""


class Skill(Entry):
    """skills[]."""

    name: Line = ""
    level: Line = ""
    keywords: Listing[Line] = ()


class Language(Entry):
    """languages[]."""

    language: Line = ""
    fluency: Line = ""


class Interest(Entry):
    """interests[]."""

    name: Line = ""
    keywords: Listing[Line] = ()


class Reference(Entry):
    """references[]."""

    name: Line = ""
    reference: Text = ""


class Project(Entry):
    """projects[]."""

    name: Line = ""
    description: Text = ""
    highlights: Listing[Text] = ()
    keywords: Listing[Line] = ()
    start_date: Date = None
    end_date: End = None
    url: Line = ""
    roles: Listing[Line] = ()
    entity: Line = ""


class JsonResume(Entry):
    """A whole JSON Resume. `settings` and `appearance` are not part of it, and welcome."""

    basics: Basics = Basics()
    work: Listing[Work] = ()
    volunteer: Listing[Volunteer] = ()
    education: Listing[Education] = ()
    awards: Listing[Award] = ()
    certificates: Listing[Certificate] = ()
    publications: Listing[Publication] = ()
    skills: Listing[Skill] = ()
    languages: Listing[Language] = ()
    interests: Listing[Interest] = ()
    references: Listing[Reference] = ()
    projects: Listing[Project] = ()
    settings: Settings = Settings()
    appearance: Appearance = Appearance()

    def to_document(self) -> canonical.ResumeDocument:
        """The same résumé as a canonical document."""
        return canonical.ResumeDocument(
            profile=_profile(self.basics),
            summary=self.basics.summary,
            work=tuple(map(_work, self.work)),
            education=tuple(map(_education, self.education)),
            projects=tuple(map(_project, self.projects)),
            skills=tuple(map(_skill_group, self.skills)),
            certifications=tuple(map(_certification, self.certificates)),
            awards=tuple(map(_award, self.awards)),
            publications=tuple(map(_publication, self.publications)),
            volunteer=tuple(map(_volunteer, self.volunteer)),
            languages=tuple(canonical.Language.of(name=item.language, level=item.fluency) for item in self.languages),
            interests=tuple(canonical.Interest.of(name=item.name, keywords=item.keywords) for item in self.interests),
            references=tuple(canonical.Reference.of(name=item.name, text=item.reference) for item in self.references),
            settings=self.settings,
            appearance=self.appearance,
        )


def _profile(basics: Basics) -> canonical.Profile:
    website = (canonical.Link.of(type="website", url=basics.url),) if basics.url else ()
    return canonical.Profile.of(
        full_name=basics.name,
        headline=basics.label,
        email=basics.email,
        phone=basics.phone,
        location=canonical.Location.of(
            address=basics.location.address,
            city=basics.location.city,
            region=basics.location.region,
            postal=basics.location.postal_code,
            country=basics.location.country_code,
        ),
        links=(*website, *map(_link, basics.profiles)),
    )


def _link(profile: SocialProfile) -> canonical.Link:
    """The address alone says it all where it holds the name of the account."""
    account = profile.username.removeprefix("@")
    label = "" if account.casefold() in profile.url.casefold() else f"{profile.network}: {profile.username}"
    return canonical.Link.of(type=profile.network, label=label, url=profile.url)


def _work(work: Work) -> canonical.Work:
    return canonical.Work.of(
        company=work.name or work.company,
        role=work.position,
        location=work.location,
        link=work.url,
        start_date=work.start_date,
        end_date=work.end_date,
        about_company=work.description,
        summary=work.summary,
        description_bullets=work.highlights,
    )


def _volunteer(volunteer: Volunteer) -> canonical.Volunteer:
    return canonical.Volunteer.of(
        organization=volunteer.organization,
        role=volunteer.position,
        location=volunteer.location,
        link=volunteer.url,
        start_date=volunteer.start_date,
        end_date=volunteer.end_date,
        summary=volunteer.summary,
        bullets=volunteer.highlights,
    )


def _education(education: Education) -> canonical.Education:
    return canonical.Education.of(
        school=education.institution,
        degree=education.study_type,
        field=education.area,
        location=education.location,
        link=education.url,
        score=education.score,
        start_date=education.start_date,
        end_date=education.end_date,
        courses=education.courses,
    )


def _project(project: Project) -> canonical.Project:
    return canonical.Project.of(
        name=project.name,
        link=project.url,
        roles=project.roles,
        organization=project.entity,
        start_date=project.start_date,
        end_date=project.end_date,
        summary=project.description,
        bullets=project.highlights,
        tech_stack=project.keywords,
    )


def _skill_group(skill: Skill) -> canonical.SkillGroup:
    return canonical.SkillGroup.of(category=skill.name, level=skill.level, items=skill.keywords)


def _certification(certificate: Certificate) -> canonical.Certification:
    return canonical.Certification.of(
        name=certificate.name,
        issuer=certificate.issuer,
        date=certificate.date,
        link=certificate.url,
    )


def _award(award: Award) -> canonical.Award:
    return canonical.Award.of(title=award.title, issuer=award.awarder, date=award.date, summary=award.summary)


def _publication(publication: Publication) -> canonical.Publication:
    return canonical.Publication.of(
        name=publication.name,
        publisher=publication.publisher,
        date=publication.release_date,
        link=publication.url,
        summary=publication.summary,
    )
