"""`ResumeDocument`: the one model that everything is rendered from. Reading it is `intake`'s work."""

from typing import Annotated, Final, cast

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from resumepair_renderer.appearance import Appearance, Settings
from resumepair_renderer.fields import MAX_LEVEL, Date, End, Entry, Level, Line, Listing, Picture, Text, picture_at


def _link_field() -> str:
    field: str = Field(default="", validation_alias=AliasChoices("link", "url", "website"))
    return field


def _fluency(value: object) -> object:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value}/{MAX_LEVEL}" if is_number else value


class Location(Entry):
    """Where somebody lives; any part may be missing."""

    text_field = "city"

    address: Line = ""
    city: Line = ""
    region: Line = ""
    postal: Line = Field(default="", validation_alias=AliasChoices("postal", "postalCode"))
    country: Line = ""


class Link(Entry):
    """A page about the person. `label` is what is printed; without it, the address itself.

    `username` is the person's name there, kept for formats that ask for it.
    """

    text_field = "url"

    type: Line = ""
    label: Line = ""
    url: Line = ""
    username: Line = ""


class Profile(Entry):
    """Who the document is about."""

    full_name: Line = ""
    headline: Line = ""
    email: Line = ""
    phone: Line = ""
    location: Location = Location()
    links: Listing[Link] = ()
    photo: Annotated[Picture | None, picture_at("profile.photo")] = None

    def __bool__(self) -> bool:
        """Whether there is more than a picture: that alone is no résumé."""
        return any(bool(getattr(self, name)) for name in type(self).model_fields if name != "photo")


class Work(Entry):
    """A position held. No `end_date` means that it still is."""

    company: Line = ""
    role: Line = ""
    location: Line = ""
    link: Line = _link_field()
    start_date: Date = None
    end_date: End = None
    about_company: Line = ""
    summary: Text = ""
    description_bullets: Listing[Text] = ()
    achievements: Listing[Text] = ()
    tech_stack: Listing[Line] = ()


class Education(Entry):
    """A course of study."""

    school: Line = ""
    degree: Line = ""
    field: Line = ""
    location: Line = ""
    link: Line = _link_field()
    score: Line = ""
    start_date: Date = None
    end_date: End = None
    details: Listing[Text] = ()
    courses: Listing[Line] = ()


class Project(Entry):
    """Something made. `type` sorts it for programs and is not printed."""

    name: Line = ""
    type: Line = ""
    link: Line = _link_field()
    roles: Listing[Line] = ()
    organization: Line = ""
    start_date: Date = None
    end_date: End = None
    summary: Text = ""
    bullets: Listing[Text] = ()
    tech_stack: Listing[Line] = ()


class Skill(Entry):
    """A skill; `level` from 0 to 5."""

    text_field = "name"

    name: Line = ""
    level: Level = None


class SkillGroup(Entry):
    """Skills of one kind; `level` is in words and holds for the whole group."""

    text_field = "category"

    category: Line = ""
    level: Line = ""
    items: Listing[Skill] = ()


class Certification(Entry):
    """A certificate with its issuer."""

    text_field = "name"

    name: Line = ""
    issuer: Line = ""
    date: Date = None
    link: Line = _link_field()
    summary: Text = ""


class Award(Entry):
    """A prize and who gave it."""

    text_field = "title"

    title: Line = Field(default="", validation_alias=AliasChoices("title", "name"))
    issuer: Line = Field(default="", validation_alias=AliasChoices("issuer", "awarder"))
    date: Date = None
    link: Line = _link_field()
    summary: Text = Field(default="", validation_alias=AliasChoices("summary", "description"))


class Language(Entry):
    """A language; `level` in words, or a number from 0 to 5."""

    text_field = "name"

    name: Line = Field(default="", validation_alias=AliasChoices("name", "language"))
    level: Annotated[Line, BeforeValidator(_fluency)] = Field(
        default="", validation_alias=AliasChoices("level", "fluency")
    )


class Volunteer(Entry):
    """Unpaid work."""

    organization: Line = ""
    role: Line = ""
    location: Line = ""
    link: Line = _link_field()
    start_date: Date = None
    end_date: End = None
    summary: Text = ""
    bullets: Listing[Text] = ()


class Publication(Entry):
    """Something published."""

    text_field = "name"

    name: Line = ""
    publisher: Line = ""
    date: Date = None
    link: Line = _link_field()
    summary: Text = ""


class Interest(Entry):
    """What somebody likes to do."""

    text_field = "name"

    name: Line = ""
    keywords: Listing[Line] = ()


class Reference(Entry):
    """What somebody says about the person."""

    text_field = "text"

    name: Line = ""
    text: Text = ""


class Extra(Entry):
    """A section of the author's own."""

    title: Line = ""
    content: Text = ""


_REQUIRED: Final = ("profile", "work", "education", "skills")


class ResumeDocument(Entry):
    """A résumé. `profile`, `work`, `education` and `skills` have to be there; lists may be empty."""

    profile: Profile
    summary: Text = ""
    work: Listing[Work]
    education: Listing[Education]
    projects: Listing[Project] = ()
    skills: Listing[SkillGroup]
    certifications: Listing[Certification] = ()
    awards: Listing[Award] = ()
    publications: Listing[Publication] = ()
    volunteer: Listing[Volunteer] = ()
    languages: Listing[Language] = ()
    interests: Listing[Interest] = ()
    references: Listing[Reference] = ()
    extras: Listing[Extra] = ()
    settings: Settings = Settings()
    appearance: Appearance = Appearance()

    @model_validator(mode="before")
    @classmethod
    def _required_means_not_null(cls, value: object) -> object:
        """Elsewhere null is taken for empty; what is required is missing then."""
        if not isinstance(value, dict):
            return value
        fields = cast("dict[str, object]", value)
        return {name: field for name, field in fields.items() if field is not None or name not in _REQUIRED}
