"""What is known about a finished file: the verdict on it, how it was fitted, what was not taken as it stands."""

from enum import Enum
from typing import Any

import strawberry

from resumepair_graphql.database import Row
from resumepair_graphql.enums import described
from resumepair_graphql.prices import price

LISTED_MAX = 50  # findings and glyphs are no more as the renderer lists them


@strawberry.enum(description="Whether a document has to end on its first page.")
class Fit(Enum):
    """The choices of the renderer."""

    NONE = described("NONE", "It takes the pages it takes.")
    ONE_PAGE = described("ONE_PAGE", "Spacing, then type, is shrunk, down to what can be read with ease.")


@strawberry.enum(description="What can be wrong with a file.")
class FindingCode(Enum):
    """The renderer's codes; a test holds the two lists together."""

    MISSING_TEXT = described("MISSING_TEXT", "A text of the document is not in the file.")
    TEXT_OUT_OF_ORDER = described("TEXT_OUT_OF_ORDER", "A text is found, but not in its place.")
    BROKEN_WORDS = described("BROKEN_WORDS", "A text is found, but its words are broken up or run together.")
    LIGATURE = described("LIGATURE", "Two letters come out as one character, which no search finds.")
    OFF_PAGE = described("OFF_PAGE", "A text runs off the paper.")
    MISSING_GLYPH = described("MISSING_GLYPH", "No font has this character; a box is printed.")
    WRONG_CHARACTER = described("WRONG_CHARACTER", "A character looks right, but is read as another one.")
    FONT_NOT_EMBEDDED = described("FONT_NOT_EMBEDDED", "A font is not in the file; it may look different elsewhere.")
    TYPE3_FONT = described("TYPE3_FONT", "A font is drawn as shapes; its text may not be readable.")
    FOREIGN_FONT = described("FOREIGN_FONT", "A font is none of ours.")
    MISSING_LINK = described("MISSING_LINK", "An address of the document is not a link.")
    UNSAFE_LINK = described("UNSAFE_LINK", "A link leads to an address that may not be one.")
    WRONG_TITLE = described("WRONG_TITLE", "The title is not the document's.")
    WRONG_LANGUAGE = described("WRONG_LANGUAGE", "The language is not the document's.")
    NOT_TAGGED = described("NOT_TAGGED", "There is no structure for screen readers.")
    NO_OUTLINE = described("NO_OUTLINE", "There is no outline to navigate by.")
    TOO_LARGE = described(
        "TOO_LARGE", "More than 200 KB for two pages without a picture, or more than 1 MB: portals may refuse it."
    )


@strawberry.type(description="One thing in a file that is not as it should be.")
class Finding:
    """An item of a proof."""

    code: FindingCode = strawberry.field(description="What, for programs.")
    path: str = strawberry.field(description="Where in the document; empty when it is about the whole file.")
    message: str = strawberry.field(description="What, for people.")


@strawberry.type(description="The verdict on a file, which was read back as applicant systems read it.")
class Proof:
    """The column `proof` of `export_history`."""

    score: int = strawberry.field(description="From 0 to 100; 100 means that nothing was found.")
    passed: bool = strawberry.field(description="Whether there was nothing to find.")
    findings: list[Finding] = strawberry.field(
        description="What was found: the first fifty.", metadata=price(entries=LISTED_MAX)
    )
    finding_count: int = strawberry.field(description="How many there are in all.")
    texts_expected: int = strawberry.field(description="Names, dates, bullets and other texts of the document.")
    texts_found: int = strawberry.field(description="How many of them are in the file, in their place.")
    links_expected: int = strawberry.field(description="Addresses of the document that have to be links.")
    links_found: int = strawberry.field(description="How many of them are.")
    fonts: list[str] = strawberry.field(
        description="The fonts in the file, all of them embedded unless a finding says no."
    )
    missing_glyphs: list[str] = strawberry.field(
        description="Characters that no font has; boxes are printed for them.", metadata=price(entries=LISTED_MAX)
    )
    title: str = strawberry.field(description="The file's title.")
    language: str = strawberry.field(description="The file's language, as a BCP 47 tag.")
    is_tagged: bool = strawberry.field(description="Whether it has a structure for screen readers.")

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Proof":
        """From what the worker has stored."""
        known = {code.value: code for code in FindingCode}  # a newer worker may know more
        findings = [
            Finding(code=known[f["code"]], path=f["path"], message=f["message"])
            for f in data["findings"]
            if f["code"] in known
        ]
        return cls(
            score=data["score"],
            passed=data["passed"],
            findings=findings,
            finding_count=data["findingCount"],
            texts_expected=data["textsExpected"],
            texts_found=data["textsFound"],
            links_expected=data["linksExpected"],
            links_found=data["linksFound"],
            fonts=data["fonts"],
            missing_glyphs=data["missingGlyphs"],
            title=data["title"],
            language=data["language"],
            is_tagged=data["isTagged"],
        )


@strawberry.type(description="How densely a file is set.")
class FitReport:
    """The column `fit` of `export_history`."""

    requested: Fit = strawberry.field(description="What was asked for.")
    fitted: bool = strawberry.field(
        description="Whether it ends where it should; if not, it is set as if nothing had been asked."
    )
    spacing: float = strawberry.field(description="Space between blocks; 1 is as designed.")
    line_height: float = strawberry.field(description="Line height, as a multiple of the type's size.")
    font_size: float = strawberry.field(description="Size of the type in points.")
    margin: float = strawberry.field(description="Margin of the page in millimetres.")

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "FitReport":
        """From what the worker has stored."""
        return cls(
            requested=Fit(data["requested"]),
            fitted=data["fitted"],
            spacing=data["spacing"],
            line_height=data["lineHeight"],
            font_size=data["fontSize"],
            margin=data["margin"],
        )


@strawberry.type(description="A part of a document that was not taken as it stands.")
class DocumentWarning:
    """An item of the column `warnings` of `export_history`."""

    path: str = strawberry.field(description="Where in the document.")
    message: str = strawberry.field(description="What was done instead, and why.")


@strawberry.interface(description="What is known about a file.")
class Judged:
    """The three columns, as both the artifact of a job and an export of the history show them."""

    proof: Proof | None = strawberry.field(description="The verdict; null for files made before there was one.")
    fit: FitReport | None = strawberry.field(
        description="How it was fitted; null when nothing was asked and nothing had to be changed."
    )
    warnings: list[DocumentWarning] = strawberry.field(
        description="What was not taken as it stands: the first fifty.", metadata=price(entries=LISTED_MAX)
    )


def judgement_of(row: Row) -> dict[str, Any]:
    """The fields of `Judged` from a row that has the three columns."""
    return {
        "proof": Proof.from_json(row["proof"]) if row["proof"] else None,
        "fit": FitReport.from_json(row["fit"]) if row["fit"] else None,
        "warnings": [
            DocumentWarning(path=w["path"], message=w["message"]) for w in (row["warnings"] or ())[:LISTED_MAX]
        ],
    }
