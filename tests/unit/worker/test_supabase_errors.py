import httpx
import pytest
from storage3.exceptions import StorageApiError
from structlog.testing import capture_logs

from resumepair_worker.errors import (
    ExportError,
    FileMissing,
    StorageMisconfigured,
    StorageRefused,
    StorageUnavailable,
    failure_of,
)
from resumepair_worker.supabase_errors import error_of, translated

# As the real server answered; storage3 gives the status as a string, or as a number where the body has none.
ANSWERS: list[tuple[str | int, str, type[ExportError]]] = [
    ("404", "not_found", FileMissing),
    ("404", "Not found", FileMissing),
    ("404", "Bucket not found", StorageMisconfigured),
    (404, "InternalError", StorageMisconfigured),
    (301, "InternalError", StorageMisconfigured),
    ("403", "Unauthorized", StorageMisconfigured),
    (401, "InternalError", StorageMisconfigured),
    ("409", "Duplicate", StorageRefused),
    ("413", "Payload too large", StorageRefused),
    ("415", "invalid_mime_type", StorageRefused),
    ("400", "InvalidKey", StorageRefused),
    (400, "InternalError", StorageRefused),
    ("408", "timeout", StorageUnavailable),
    ("423", "ResourceLocked", StorageUnavailable),
    ("429", "too_many_connections", StorageUnavailable),
    ("500", "Internal", StorageUnavailable),
    ("503", "acquiring_lock_timeout", StorageUnavailable),
    ("544", "DatabaseTimeout", StorageUnavailable),
    (502, "InternalError", StorageUnavailable),
    ("soon", "odd", StorageUnavailable),
]


@pytest.mark.parametrize(("status", "code", "kind"), ANSWERS)
def test_every_answer_has_its_error(status: str | int, code: str, kind: type[ExportError]) -> None:
    with capture_logs() as logs:
        error = error_of(StorageApiError("its text", code, status), "put", "exports")
    assert type(error) is kind
    assert "its text" not in f"{error} {failure_of(error)} {logs}"
    assert any(entry["log_level"] == "error" for entry in logs) is (kind is StorageMisconfigured)


def test_what_the_operator_can_mend_is_tried_again_under_the_same_code() -> None:
    failure = failure_of(error_of(StorageApiError("", "Unauthorized", "403"), "put", "exports"))
    assert (failure.code, failure.retryable) == ("STORAGE_UNAVAILABLE", True)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("secret"),
        httpx.ReadTimeout("secret"),
        httpx.RemoteProtocolError("secret"),
        httpx.LocalProtocolError("Illegal header value b'Bearer secret'"),
        ValueError("secret"),
        KeyError("secret"),
    ],
)
def test_what_storage3_leaves_unwrapped_may_pass(error: Exception) -> None:
    with capture_logs() as logs, pytest.raises(StorageUnavailable) as raised, translated("put", "exports"):
        raise error
    assert "secret" not in f"{raised.value} {logs}"
