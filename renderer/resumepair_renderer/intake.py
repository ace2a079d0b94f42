"""Reading a document: which of the two formats it is, whether it is valid, and if not, where."""

from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from resumepair_renderer.document import ResumeDocument
from resumepair_renderer.errors import InvalidDocument, Problem
from resumepair_renderer.json_resume import JsonResume, is_json_resume

_SETTING_FIELDS: Final = frozenset({"settings", "appearance"})


def parse_document(data: Mapping[str, object]) -> ResumeDocument:
    """The canonical document in `data`, which is canonical itself or JSON Resume 1.x.

    Raises:
        InvalidDocument: with the path of every problem in the author's own input.
    """
    if not isinstance(data, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidDocument([Problem("", "expected a JSON object")])
    try:
        if is_json_resume(data):
            document = JsonResume.model_validate(dict(data)).to_document()
            name_path = "basics.name"
        else:
            document = ResumeDocument.model_validate(dict(data))
            name_path = "profile.fullName"
    except ValidationError as error:
        raise InvalidDocument([_problem(detail) for detail in error.errors()]) from None
    if not any(getattr(document, name) for name in _printed_fields()):
        raise InvalidDocument([Problem(name_path, "the document is empty, nothing to print")])
    return document


def _printed_fields() -> set[str]:
    return set(ResumeDocument.model_fields) - _SETTING_FIELDS


def _problem(detail: ErrorDetails) -> Problem:
    message = "missing" if detail["type"] == "missing" else detail["msg"]
    return Problem(_path(detail["loc"]), message)


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{step}" if path else step
    return path
