"""What answers of Supabase Storage mean for an export: one table from its status and code to our errors.

The truth stands in the body, under an HTTP status that is 400 most of the time; storage3 reads it from there. What it
leaves unwrapped, broken connections and answers that cannot be read, may pass. Nothing of the answer's text is kept:
it may repeat what was sent, and the key with it.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import httpx
import structlog
from storage3.exceptions import StorageApiError

from resumepair_worker.errors import (
    ExportError,
    FileMissing,
    StorageMisconfigured,
    StorageRefused,
    StorageUnavailable,
)
from resumepair_worker.storage import AWAY

log = structlog.stdlib.get_logger(__name__)

# Not yet, says the storage: request timeout, locked, too many requests.
PASSING: Final = frozenset({408, 423, 429})
BROKEN: Final = 500
REFUSED: Final = 400
NOT_ACCEPTED: Final = frozenset({401, 403})
NOT_FOUND: Final = 404
# The codes of an object's 404: no row that we may see, or a row without its bytes. Others are about bucket or address.
NO_FILE: Final = frozenset({"not_found", "NoSuchKey", "Not found"})
NO_BUCKET: Final = frozenset({"Bucket not found", "NoSuchBucket"})
REFUSALS: Final = {
    413: "The storage does not take this file: it is too large.",
    415: "The storage does not take files of this type.",
}
WRONG_KEY: Final = "SUPABASE_SERVICE_KEY is not accepted: set the project's service_role key, or a secret key"
NO_RIGHT: Final = "SUPABASE_SERVICE_KEY may not remove files: set the project's service_role key, or a secret key"
WRONG_BUCKET: Final = (
    "STORAGE_BUCKET: there is no such bucket (`make db` makes it), or SUPABASE_SERVICE_KEY is not accepted"
)
WRONG_ADDRESS: Final = "SUPABASE_URL: there is no Supabase Storage at this address"


@contextmanager
def translated(operation: str, bucket: str) -> Generator[None, None, None]:
    """Raise what storage3 and httpx raise as errors of ours, and log what an operator may have to know."""
    try:
        yield
    except StorageApiError as error:
        raise error_of(error, operation, bucket) from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, LookupError, TypeError, AttributeError) as error:
        # Only the class: an illegal header is repeated in the text.
        log.warning("storage_away", operation=operation, error=type(error).__name__)
        raise StorageUnavailable(AWAY) from None


def error_of(error: StorageApiError, operation: str, bucket: str) -> ExportError:
    """The error that an answer of the storage is."""
    status = _status_of(error)
    if status >= BROKEN or status in PASSING:
        log.warning("storage_away", operation=operation, status=status, code=error.code)
        return StorageUnavailable(AWAY)
    if status < REFUSED:  # a redirect: it is not followed, as the key would go along
        return misconfigured(WRONG_ADDRESS, operation, bucket, status)
    if status in NOT_ACCEPTED:
        return misconfigured(WRONG_KEY, operation, bucket, status)
    if status == NOT_FOUND:
        if error.code in NO_FILE:
            return FileMissing("This file is gone.")
        return misconfigured(WRONG_BUCKET if error.code in NO_BUCKET else WRONG_ADDRESS, operation, bucket, status)
    log.warning("storage_refused", operation=operation, status=status, code=error.code)
    return StorageRefused(REFUSALS.get(status, "The storage does not take this file."))


def misconfigured(mend: str, operation: str, bucket: str, status: int | None = None) -> StorageMisconfigured:
    """Tell the operator what to mend; the error to raise."""
    log.error("storage_misconfigured", operation=operation, bucket=bucket, status=status, mend=mend)
    return StorageMisconfigured(AWAY)


def _status_of(error: StorageApiError) -> int:
    """A string, where the body says it; what is no number is no answer of the storage."""
    try:
        return int(error.status)
    except ValueError:
        return BROKEN
