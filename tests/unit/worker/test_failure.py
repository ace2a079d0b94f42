import re
from pathlib import Path
from typing import TypeVar

import pytest

from resumepair_graphql.jobs import FailureCode
from resumepair_renderer import RenderError, RenderTimeout
from resumepair_worker.errors import ExportError, StorageRefused, StorageUnavailable, failure_of

ErrorT = TypeVar("ErrorT", ExportError, RenderError)


def subclasses(base: type[ErrorT]) -> set[type[ErrorT]]:
    direct = set(base.__subclasses__())
    return direct.union(*(subclasses(child) for child in direct))


@pytest.mark.parametrize("error", sorted([*subclasses(ExportError), *subclasses(RenderError)], key=str))
def test_every_error_has_a_code_that_clients_know(error: type[ExportError | RenderError]) -> None:
    assert error.code in {code.value for code in FailureCode}
    assert isinstance(error.retryable, bool)


def test_the_list_of_codes_is_the_same_in_sql_and_graphql() -> None:
    sql = (Path(__file__).parents[3] / "schema.sql").read_text()
    listed = re.search(r"failure_code in \(([^)]*)\)", sql)
    assert listed
    assert set(re.findall(r"'(\w+)'", listed[1])) == {code.value for code in FailureCode}


def test_errors_are_classified_by_class_not_by_text() -> None:
    assert failure_of(StorageUnavailable("permanent")).retryable
    assert not failure_of(StorageRefused("timeout, try again")).retryable
    assert failure_of(RenderTimeout("x")).code == "RENDER_TIMEOUT"


def test_an_unknown_error_says_nothing_of_itself() -> None:
    failure = failure_of(RuntimeError("password=hunter2"))
    assert (failure.code, failure.retryable) == ("INTERNAL_ERROR", True)
    assert "hunter2" not in failure.message
