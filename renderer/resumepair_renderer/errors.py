"""Why a render failed, as one closed tree; the worker turns `code` and `retryable` into job states.

RenderError
├── InvalidDocument      permanent  the document cannot be printed; names every path at fault
├── InvalidOptions       permanent  no such template or page size
├── DocumentTooLarge     permanent  more pages or bytes than anybody wants to receive
├── RenderTimeout        retryable  the page did not finish in time
├── BrowserUnavailable   retryable  Chromium could not be started, died or lost the page
└── InvalidPdf           retryable  Chromium answered with something that is not a PDF
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

MAX_LISTED_PROBLEMS: Final = 10


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a document: where, in the author's own input, and what."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class RenderError(Exception):
    """The document could not be rendered; each subclass says why and whether to try again."""

    code: ClassVar[str]
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class InvalidDocument(RenderError):
    """The document is not valid."""

    code = "INVALID_DOCUMENT"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(_listed(self.problems))


class InvalidOptions(RenderError):
    """The options are not valid."""

    code = "INVALID_OPTIONS"


class DocumentTooLarge(RenderError):
    """The document is too large."""

    code = "DOCUMENT_TOO_LARGE"


class RenderTimeout(RenderError):
    """The document took too long to print."""

    code = "RENDER_TIMEOUT"
    retryable = True


class BrowserUnavailable(RenderError):
    """The browser is not available."""

    code = "BROWSER_UNAVAILABLE"
    retryable = True


class InvalidPdf(RenderError):
    """The browser did not answer with a readable PDF."""

    code = "INVALID_PDF"
    retryable = True


def _listed(problems: tuple[Problem, ...]) -> str:
    shown = "; ".join(str(problem) for problem in problems[:MAX_LISTED_PROBLEMS])
    more = len(problems) - MAX_LISTED_PROBLEMS
    return f"{shown}; and {more} more" if more > 0 else shown
