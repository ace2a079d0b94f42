from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strawberry.relay import to_base64

from resumepair_graphql.errors import ErrorCode, Refusal
from resumepair_graphql.ids import Cursor, require_uuid, uuid_of


@given(st.uuids())
def test_a_global_id_leads_back(key: UUID) -> None:
    assert uuid_of(to_base64("ExportJob", str(key)), "ExportJob") == key


@pytest.mark.parametrize("value", ["", "x", "é", str(uuid4()), to_base64("Document", "1"), to_base64("Other", uuid4())])
def test_any_other_id_is_simply_not_found(value: str) -> None:
    assert uuid_of(value, "Document") is None
    with pytest.raises(Refusal) as error:
        require_uuid(value, "Document", "documentId")
    assert (error.value.code, error.value.input_path) == (ErrorCode.NOT_FOUND, ["input", "documentId"])


@given(st.text())
def test_no_text_breaks_the_reading_of_ids_and_cursors(value: str) -> None:
    uuid_of(value, "Document")
    with suppress(Refusal):
        Cursor.decode(value)


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_keeps_its_place(at: datetime, key: UUID) -> None:
    assert Cursor.decode(Cursor(at, key).encode()) == Cursor(at, key)
