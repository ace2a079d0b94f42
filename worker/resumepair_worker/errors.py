"""What can end an attempt, and what of it the user is told.

ExportError
├── StorageUnavailable           STORAGE_UNAVAILABLE   tried again
│   └── StorageMisconfigured     the operator has to mend something first; it is in the log
├── StorageRefused               STORAGE_REFUSED       permanent
│   └── FileMissing              there is no such file to read
└── QuotaExceeded                QUOTA_EXCEEDED        permanent, until the user has made room
Superseded                       the attempt is no longer the present one: stop quietly, nobody is told

The renderer's own errors (`resumepair_renderer.RenderError`) carry code and retryable in the same way.
"""

from dataclasses import dataclass
from typing import ClassVar

from resumepair_renderer import RenderError


class ExportError(Exception):
    """An attempt failed outside the renderer; `code` and `retryable` are what the job row will say."""

    code: ClassVar[str]
    retryable: ClassVar[bool]


class StorageUnavailable(ExportError):
    """The storage did not answer, or asked to come back later."""

    code = "STORAGE_UNAVAILABLE"
    retryable = True


class StorageMisconfigured(StorageUnavailable):
    """The storage takes nothing from us as it is set up: a wrong key, a missing bucket.

    Tried again like an outage: nothing is lost when the operator mends it in time.
    """


class StorageRefused(ExportError):
    """The storage answered that it will never take this file."""

    code = "STORAGE_REFUSED"
    retryable = False


class FileMissing(StorageRefused):
    """There is no file under this key."""


class QuotaExceeded(ExportError):
    """The file does not fit into the user's storage quota."""

    code = "QUOTA_EXCEEDED"
    retryable = False


class Superseded(Exception):  # not an error: another attempt, or a cancel, came first
    """The attempt is fenced off: a later claim, a cancel or an ending came first."""


@dataclass(frozen=True)
class Failure:
    """What the job row says about a failed attempt."""

    code: str
    message: str
    retryable: bool


INTERNAL = Failure(
    "INTERNAL_ERROR",
    "Something went wrong on our side during this export.",
    retryable=True,
)


def failure_of(error: Exception) -> Failure:
    """Classify by the error's class, never by its text; what we do not know may pass, and says nothing to the user."""
    if isinstance(error, RenderError | ExportError):
        return Failure(error.code, str(error), error.retryable)
    return INTERNAL
