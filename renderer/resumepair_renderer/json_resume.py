"""JSON Resume 1.x (jsonresume.org), and the way from it into `ResumeDocument`.

It has a model of its own so that problems name its own paths. Everything in it that says
something about a person has a place in the canonical document. Keys that JSON Resume does not have
are those that `formats.json_resume` writes, so that what we wrote reads back whole.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AliasChoices, BeforeValidator, Field

from resumepair_renderer import document as canonical
from resumepair_renderer.appearance import Appearance, Settings
from resumepair_renderer.fields import Date, End, Entry, Flag, Level, Line, Listing, Picture, Text, picture_at
from resumepair_renderer.partial_date import PRESENT, EndDate

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
    country: Line = ""
    region: Line = ""


class SocialProfile(Entry):
    """basics.profiles[]."""

    network: Line = ""
    username: Line = ""
    url: Line = ""
    label: Line = ""


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
    image: Annotated[Picture | None, picture_at("basics.image")] = Field(
        default=None, validation_alias=AliasChoices("image", "picture")
    )


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
    current: Flag = False
    summary: Text = ""
    highlights: Listing[Text] = ()
    keywords: Listing[Line] = ()


class Volunteer(Entry):
    """volunteer[]."""

    organization: Line = ""
    position: Line = ""
    location: Line = ""
    url: Line = ""
    start_date: Date = None
    end_date: End = None
    current: Flag = False
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
    current: Flag = False
    score: Line = ""
    courses: Listing[Line] = ()
    highlights: Listing[Text] = ()


class Award(Entry):
    """awards[]."""

    title: Line = ""
    date: Date = None
    awarder: Line = ""
    url: Line = ""
    summary: Text = ""


class Certificate(Entry):
    """certificates[]."""

    name: Line = ""
    date: Date = None
    url: Line = ""
    issuer: Line = ""
    summary: Text = ""


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
    levels: Annotated[dict[str, Level], BeforeValidator(lambda value: {} if value is None else value)] = Field(
        default_factory=dict
    )


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
    type: Line = ""
    description: Text = ""
    highlights: Listing[Text] = ()
    keywords: Listing[Line] = ()
    start_date: Date = None
    end_date: End = None
    current: Flag = False
    url: Line = ""
    roles: Listing[Line] = ()
    entity: Line = ""


class JsonResume(Entry):
    """A whole JSON Resume. `extras`, `settings` and `appearance` are not part of it, and welcome."""

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
    extras: Listing[canonical.Extra] = ()
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
            extras=self.extras,
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
            country=basics.location.country or basics.location.country_code,
        ),
        links=(*website, *map(_link, basics.profiles)),
        photo=basics.image,
    )


def _link(profile: SocialProfile) -> canonical.Link:
    return canonical.Link.of(
        type=profile.network,
        label=profile.label or account_label(profile.network, profile.username, profile.url),
        url=profile.url,
        username=profile.username,
    )


def account_label(network: str, username: str, url: str) -> str:
    """What is printed for an account: nothing but its address where that holds its name already."""
    return "" if username.removeprefix("@").casefold() in url.casefold() else f"{network}: {username}"


def _work(work: Work) -> canonical.Work:
    return canonical.Work.of(
        company=work.name or work.company,
        role=work.position,
        location=work.location,
        link=work.url,
        start_date=work.start_date,
        end_date=_end(work),
        about_company=work.description,
        summary=work.summary,
        description_bullets=work.highlights,
        tech_stack=work.keywords,
    )


def _end(entry: Work | Volunteer | Education | Project) -> EndDate | None:
    return PRESENT if entry.current and entry.end_date is None else entry.end_date


def _volunteer(volunteer: Volunteer) -> canonical.Volunteer:
    return canonical.Volunteer.of(
        organization=volunteer.organization,
        role=volunteer.position,
        location=volunteer.location,
        link=volunteer.url,
        start_date=volunteer.start_date,
        end_date=_end(volunteer),
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
        end_date=_end(education),
        details=education.highlights,
        courses=education.courses,
    )


def _project(project: Project) -> canonical.Project:
    return canonical.Project.of(
        name=project.name,
        type=project.type,
        link=project.url,
        roles=project.roles,
        organization=project.entity,
        start_date=project.start_date,
        end_date=_end(project),
        summary=project.description,
        bullets=project.highlights,
        tech_stack=project.keywords,
    )


def _skill_group(skill: Skill) -> canonical.SkillGroup:
    items = tuple(canonical.Skill.of(name=name, level=skill.levels.get(name)) for name in skill.keywords)
    return canonical.SkillGroup.of(category=skill.name, level=skill.level, items=items)


def _certification(certificate: Certificate) -> canonical.Certification:
    return canonical.Certification.of(
        name=certificate.name,
        issuer=certificate.issuer,
        date=certificate.date,
        link=certificate.url,
        summary=certificate.summary,
    )


def _award(award: Award) -> canonical.Award:
    return canonical.Award.of(
        title=award.title,
        issuer=award.awarder,
        date=award.date,
        link=award.url,
        summary=award.summary,
    )


def _publication(publication: Publication) -> canonical.Publication:
    return canonical.Publication.of(
        name=publication.name,
        publisher=publication.publisher,
        date=publication.release_date,
        link=publication.url,
        summary=publication.summary,
    )
