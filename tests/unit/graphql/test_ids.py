from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strawberry.relay import to_base64

from resumepair_graphql.errors import ErrorCode, Refusal
from resumepair_graphql.ids import Cursor, PositionCursor, require_uuid, uuid_of

KEY = UUID(int=7)


@given(st.uuids())
def test_a_global_id_leads_back(key: UUID) -> None:
    assert uuid_of(to_base64("ExportJob", str(key)), "ExportJob") == key


@pytest.mark.parametrize("value", ["", "x", "é", str(KEY), to_base64("Document", "1"), to_base64("Other", KEY)])
def test_any_other_id_is_simply_not_found(value: str) -> None:
    assert uuid_of(value, "Document") is None
    with pytest.raises(Refusal) as error:
        require_uuid(value, "Document", "documentId")
    assert (error.value.code, error.value.input_path) == (ErrorCode.NOT_FOUND, ["input", "documentId"])


@given(st.text())
def test_no_text_breaks_the_reading_of_ids_and_cursors(value: str) -> None:
    uuid_of(value, "Document")
    for cursor in (Cursor, PositionCursor):
        with suppress(Refusal):
            cursor.decode(value)


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_keeps_its_place(at: datetime, key: UUID) -> None:
    assert Cursor.decode(Cursor(at, key).encode()) == Cursor(at, key)


@given(st.integers(0, 99))
def test_a_position_keeps_its_place_and_is_of_its_list_only(position: int) -> None:
    cursor = PositionCursor(position)
    assert PositionCursor.decode(cursor.encode()) == cursor
    with pytest.raises(Refusal):
        Cursor.decode(cursor.encode())
    with pytest.raises(Refusal):
        PositionCursor.decode(Cursor(datetime.now(UTC), uuid4()).encode())
