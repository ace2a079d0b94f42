"""Logs of both processes: a traceback shows where something went wrong, and no values of variables."""

import logging
from collections.abc import Generator

import pytest
import structlog

import resumepair_graphql.logs
import resumepair_worker.logs


@pytest.fixture(autouse=True)
def restored() -> Generator[None, None, None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("logs", [resumepair_graphql.logs, resumepair_worker.logs])
def test_tracebacks_show_no_values(logs: object, log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure_logs(log_format)  # type: ignore[attr-defined]
    headers = {"Authorization": "Bearer " + "top-secret"}
    try:
        _ = headers["Cookie"]
    except KeyError:
        structlog.stdlib.get_logger("test").exception("unexpected_error")
    printed = capsys.readouterr().out
    assert "Traceback" in printed
    assert "KeyError" in printed
    assert "top-secret" not in printed
