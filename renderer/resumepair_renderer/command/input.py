"""What the command reads: documents, and a photo to go with them."""

import base64
import json
import mimetypes
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from resumepair_renderer.command.task import DASH, UsageProblem
from resumepair_renderer.errors import InvalidDocument, Problem
from resumepair_renderer.json_resume import is_json_resume

MAX_BYTES: Final = 10_000_000

_TOO_LARGE: Final = Problem("", f"the file is too large, at most {MAX_BYTES // 1_000_000} MB are possible")


def read_document(source: Path) -> dict[str, object]:
    """The JSON object in `source`, which may be DASH.

    Raises:
        InvalidDocument: it is not one.
        OSError: it cannot be read.
    """
    with sys.stdin.buffer if source == DASH else source.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InvalidDocument([_TOO_LARGE])
    try:
        data: object = json.loads(content)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InvalidDocument([Problem("", f"not JSON: {error.msg} at {where}")]) from None
    except UnicodeDecodeError as error:
        raise InvalidDocument([Problem("", f"not UTF-8 text: byte {error.start} cannot be read")]) from None
    except ValueError:  # Python reads no number of thousands of digits
        raise InvalidDocument([Problem("", "a number in it has too many digits")]) from None
    except RecursionError:
        raise InvalidDocument([Problem("", "not a document: lists within lists without end")]) from None
    if not isinstance(data, dict):
        raise InvalidDocument([Problem("", "expected a JSON object")])
    return cast("dict[str, object]", data)


def read_photo(path: Path) -> str:
    """The picture at `path` as a data: URI.

    Raises:
        UsageProblem: it cannot be read, or its name is not that of a picture.
    """
    media_type, _ = mimetypes.guess_type(path.name)
    if media_type is None or not media_type.startswith("image/"):
        raise UsageProblem(f"{path}: not the name of a picture")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageProblem(f"{path}: {error.strerror}") from None
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def with_photo(data: Mapping[str, object], photo: str) -> dict[str, object]:
    """`data` with `photo` where its format has it; what is no document stays what it is."""
    part, field = ("basics", "image") if is_json_resume(data) else ("profile", "photo")
    person = data.get(part)
    if person is not None and not isinstance(person, dict):
        return dict(data)
    return {**data, part: {**cast("dict[str, object]", person or {}), field: photo}}
